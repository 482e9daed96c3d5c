<?php
/**
 * Talks to the bridge.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Sends signed requests: 5 seconds, no redirects, TLS verified, and no second try unless nothing was sent. */
final class Client {

	const TIMEOUT_SECONDS = 5;
	const ANSWER_BYTES    = 1048576;

	/** @var Keys */
	private $keys;

	/** @var string */
	private $dial_url;

	public function __construct( Keys $keys, string $dial_url ) {
		$this->keys     = $keys;
		$this->dial_url = $dial_url;
	}

	/** The client of this site; null while the site is not paired. */
	public static function of_site(): ?self {
		$keys = Settings::keys();
		return null === $keys ? null : new self( $keys, Settings::dial_url( $keys ) );
	}

	/** Ask. Query values are references and dates, never personal data. */
	public function get( string $path, array $query = array(), int $timeout_seconds = self::TIMEOUT_SECONDS ): Answer {
		$query = http_build_query( $query, '', '&', PHP_QUERY_RFC3986 );
		return $this->converse( 'GET', $path . ( '' === $query ? '' : '?' . $query ), '', '', $timeout_seconds );
	}

	/**
	 * Send.
	 *
	 * @param string      $path Below the bridge's address.
	 * @param array       $body JSON.
	 * @param string|null $key  Idempotency key, 32 hex digits; a new one if null.
	 */
	public function post( string $path, array $body, ?string $key = null ): Answer {
		$json = (string) wp_json_encode( (object) $body, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES );
		return $this->converse( 'POST', $path, $json, null === $key ? self::idempotency_key() : $key, self::TIMEOUT_SECONDS );
	}

	/** Have something deleted or cancelled; the same key asks for the same. */
	public function delete( string $path, array $body, string $key ): Answer {
		$json = $body ? (string) wp_json_encode( (object) $body, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES ) : '';
		return $this->converse( 'DELETE', $path, $json, $key, self::TIMEOUT_SECONDS );
	}

	/** A new idempotency key: 8 hex digits of its time, so that a bridge whose books were restored knows an old one, and 24 of chance. */
	public static function idempotency_key(): string {
		return sprintf( '%08x', Clock::now() ) . bin2hex( random_bytes( 12 ) );
	}

	/** Two reasons allow a second try with the same key: no connection was made, or our clock was wrong and now is not. */
	private function converse( string $method, string $target, string $body, string $key, int $timeout_seconds ): Answer {
		$answer = $this->send( $method, $target, $body, $key, $timeout_seconds );
		$again  = self::never_connected( $answer )
			|| ( 'clock_skew' === $answer->code() && Clock::learn( (string) ( $answer->body['server_time'] ?? '' ) ) );
		return $again ? $this->send( $method, $target, $body, $key, $timeout_seconds ) : $answer;
	}

	private function send( string $method, string $target, string $body, string $key, int $timeout_seconds ): Answer {
		$headers = Signature::headers( $this->keys, $method, $this->keys->url . $target, $body, $key, Clock::now(), Signature::nonce() );
		$headers['Accept'] = 'application/json';
		$request = array(
			'method'              => $method,
			'timeout'             => $timeout_seconds,
			'redirection'         => 0,
			'sslverify'           => true,
			'limit_response_size' => self::ANSWER_BYTES,
			'user-agent'          => 'pay-bridge/' . PAY_BRIDGE_VERSION,
		);
		if ( '' !== $body ) {
			$headers['Content-Type'] = 'application/json';
			$request['body']         = $body;
		}
		$request['headers'] = $headers;
		$began              = microtime( true );
		// Not wp_safe_remote_request(): it refuses private addresses, and the operator's own setting may well be one.
		$response = wp_remote_request( $this->dial_url . $target, $request );
		$seconds  = microtime( true ) - $began;
		if ( is_wp_error( $response ) ) {
			return new Answer( 0, array(), $response->get_error_message(), $seconds );
		}
		$json   = json_decode( wp_remote_retrieve_body( $response ), true );
		$answer = new Answer( (int) wp_remote_retrieve_response_code( $response ), is_array( $json ) ? $json : array(), '', $seconds );
		if ( 'reconciling' === $answer->code() ) {
			Handover::wake();
		}
		return $answer;
	}

	/** Curl says 6 for a name that does not resolve and 7 for a refused connection: no byte of the request has left. */
	private static function never_connected( Answer $answer ): bool {
		return 0 === $answer->status && 1 === preg_match( '/\AcURL error [67]:/', $answer->error );
	}
}
