<?php
/**
 * Proves that a message is the bridge's.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Standard Webhooks v1: an HMAC over id, time and the raw body; several signatures while keys are rotated. */
final class Webhook {

	const WINDOW_SECONDS = 120;
	const BODY_BYTES     = 262144;
	const SIGNATURES_MAX = 8;

	/** May this request speak for the bridge? For use as a permission callback. */
	public static function permission( \WP_REST_Request $request ) {
		$keys = Settings::keys();
		if ( null === $keys ) {
			return self::refusal( 'not_paired', 'This site is not paired with a payment service.', 503 );
		}
		$headers = array(
			'id'        => (string) $request->get_header( 'webhook-id' ),
			'timestamp' => (string) $request->get_header( 'webhook-timestamp' ),
			'signature' => (string) $request->get_header( 'webhook-signature' ),
		);
		return self::verify( $keys->news, $headers, $request->get_body(), Clock::now() );
	}

	/**
	 * Judge one message.
	 *
	 * @param string $key     The news subkey, 32 bytes.
	 * @param array  $headers id, timestamp, signature.
	 * @param string $body    The raw bytes.
	 * @param int    $now     Unix time in the bridge's clock.
	 * @return true|\WP_Error
	 */
	public static function verify( string $key, array $headers, string $body, int $now ) {
		if ( strlen( $body ) > self::BODY_BYTES ) {
			return self::refusal( 'too_large', 'The message is too large.', 413 );
		}
		if ( 1 !== preg_match( '/\A[A-Za-z0-9_-]{1,64}\z/', $headers['id'] ) || 1 !== preg_match( '/\A[1-9][0-9]{0,11}\z/', $headers['timestamp'] )
			|| ! self::is_signed( $key, $headers, $body ) ) {
			return self::refusal( 'bad_signature', 'The signature is missing or does not fit.', 401 );
		}
		if ( abs( $now - (int) $headers['timestamp'] ) > self::WINDOW_SECONDS ) {
			return self::refusal( 'clock_skew', 'The message is older or newer than allowed.', 401, array( 'server_time' => Clock::write( $now ) ) );
		}
		return true;
	}

	/** One signature of this version. */
	public static function sign( string $key, string $id, string $timestamp, string $body ): string {
		return 'v1,' . base64_encode( hash_hmac( 'sha256', $id . '.' . $timestamp . '.' . $body, $key, true ) ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions -- bytes as text, not hidden code.
	}

	private static function is_signed( string $key, array $headers, string $body ): bool {
		$expected = self::sign( $key, $headers['id'], $headers['timestamp'], $body );
		$offered  = explode( ' ', $headers['signature'] );
		$signed   = false;
		foreach ( $offered as $given ) {
			$signed = hash_equals( $expected, $given ) || $signed;
		}
		return $signed && count( $offered ) <= self::SIGNATURES_MAX;
	}

	private static function refusal( string $code, string $detail, int $status, array $more = array() ): \WP_Error {
		return new \WP_Error( $code, $detail, array( 'status' => $status ) + $more );
	}
}
