<?php
/**
 * What the bridge answered.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** One answer: a status (0 if none came), a JSON body, and a sentence to show. */
final class Answer {

	/** @var int HTTP status; 0 if there was no answer. */
	public $status;

	/** @var array The JSON body; empty if there was none. */
	public $body;

	/** @var string Why there was no answer, in WordPress' words. */
	public $error;

	/** @var float How long it took, in seconds. */
	public $seconds;

	public function __construct( int $status, array $body, string $error = '', float $seconds = 0.0 ) {
		$this->status  = $status;
		$this->body    = $body;
		$this->error   = $error;
		$this->seconds = $seconds;
	}

	/** Whether the bridge said yes. */
	public function ok(): bool {
		return $this->status >= 200 && $this->status < 300;
	}

	/**
	 * Whether nobody knows what came of it: no answer came, or one that is not the bridge's own (the page of a proxy whose
	 * bridge was stopped meanwhile, half an answer); or the bridge met a bug, or sent it on and cannot read its books now.
	 */
	public function is_unknown(): bool {
		$is_own = isset( $this->body['code'] ) && is_string( $this->body['code'] );
		return 0 === $this->status || 500 === $this->status || ( $this->status > 500 && ! $is_own )
			|| ( $this->ok() && ! $this->body ) || 'outcome_unread' === $this->code();
	}

	/** The rows of a list. */
	public function items(): array {
		return is_array( $this->body['items'] ?? null ) ? array_filter( $this->body['items'], 'is_array' ) : array();
	}

	/** Where the next page of a list goes on from; empty at its end. */
	public function next_cursor(): string {
		return is_string( $this->body['next_cursor'] ?? null ) ? $this->body['next_cursor'] : '';
	}

	/** The problem's code, such as order_changed; no_answer if none came. */
	public function code(): string {
		if ( 0 === $this->status ) {
			return 'no_answer';
		}
		return isset( $this->body['code'] ) && is_string( $this->body['code'] ) ? $this->body['code'] : 'http_' . $this->status;
	}

	/** A sentence for a person: the bridge's own, in the reader's language. */
	public function message(): string {
		$names = 0 === strpos( determine_locale(), 'ko' ) ? array( 'message_ko', 'detail', 'title' ) : array( 'detail', 'title', 'message_ko' );
		foreach ( $names as $name ) {
			if ( isset( $this->body[ $name ] ) && is_string( $this->body[ $name ] ) && '' !== $this->body[ $name ] ) {
				$why = $this->body['why'] ?? '';
				return $this->body[ $name ] . ( is_string( $why ) && '' !== $why ? ' ' . $why : '' );
			}
		}
		if ( $this->is_unknown() ) {
			return __( 'The payment service did not answer.', 'pay-bridge' );
		}
		/* translators: %s: a code such as order_changed */
		return sprintf( __( 'The payment service refused: %s', 'pay-bridge' ), $this->code() );
	}
}
