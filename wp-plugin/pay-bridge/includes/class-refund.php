<?php
/**
 * A refund asked of the bridge, and what came of it.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** One refund. The gateway decides; a lost answer is neither yes nor no. */
final class Refund {

	const NO_ANSWER = 'no_answer';
	const PROBLEM   = 'problem';
	const PENDING   = array( 'sending', 'unknown', self::NO_ANSWER );

	/** That no money was given back, for certain. */
	const NOT_MADE = array( 'refused', 'not_sent' );

	/** @var string The refund's id; empty if the bridge gave none. */
	public $id;

	/** @var string sending, done, refused, not_sent, accepted, unknown, needs_human; or no_answer, problem. */
	public $state;

	/** @var string */
	public $code;

	/** @var string A sentence for a person; a refusal's is the gateway's own. */
	public $message;

	/** @var int KRW; 0 if not known. */
	public $amount;

	/** @var string What the shop has to wire to the gateway first, or to do by hand, in a sentence; not for buyers. */
	public $owed;

	private function __construct( string $id, string $state, string $code, string $message, int $amount, string $owed = '' ) {
		$this->id      = $id;
		$this->state   = $state;
		$this->code    = $code;
		$this->message = $message;
		$this->amount  = $amount;
		$this->owed    = $owed;
	}

	/**
	 * Ask for a refund.
	 *
	 * @param Client   $client     The bridge.
	 * @param string   $payment_id What is refunded.
	 * @param int|null $amount     KRW; null for all that is left.
	 * @param string   $reason     For the gateway and the books.
	 * @param string   $actor      Who asks, such as wp:7 or buyer.
	 * @param string   $key        Idempotency key: the same wish always has the same.
	 */
	public static function ask( Client $client, string $payment_id, ?int $amount, string $reason, string $actor, string $key ): self {
		$body = array(
			'reason' => $reason,
			'actor'  => $actor,
		);
		if ( null !== $amount ) {
			$body['amount'] = $amount;
		}
		$asked = Payments::note_asked( $payment_id, $key, $amount );
		$refund = self::from_answer( $client->post( '/v1/payments/' . rawurlencode( $payment_id ) . '/refunds', $body, $key ) );
		if ( '' !== $refund->id ) {
			Reconciliation::pull( $client, $payment_id ); // What the bridge has written down of it, should its books be lost.
		}
		if ( 'done' === $refund->state || $refund->is_refusal() ) {
			Payments::forget_asked( $payment_id, $asked );
		}
		return $refund;
	}

	/** What the bridge knows of a refund now. */
	public static function look_up( Client $client, string $refund_id ): self {
		return self::from_answer( $client->get( '/v1/refunds/' . rawurlencode( $refund_id ) ) );
	}

	/** Read an answer. */
	public static function from_answer( Answer $answer ): self {
		$body = $answer->body;
		$unread = $answer->ok() && ! is_string( $body['state'] ?? null ); // A proxy's page, or half an answer: it may have been made.
		if ( 0 === $answer->status || $unread || $answer->status >= 500 || 'in_progress' === $answer->code() ) {
			$words = 'reconciling' === $answer->code() ? $answer->message() : Words::refund( self::NO_ANSWER );
			return new self( '', self::NO_ANSWER, self::NO_ANSWER, $words, 0 );
		}
		if ( ! $answer->ok() ) {
			return new self( '', self::PROBLEM, $answer->code(), $answer->message(), 0, is_string( $body[ Snapshots::FOR_CLERK ] ?? null ) ? $body[ Snapshots::FOR_CLERK ] : '' );
		}
		$own     = is_string( $body['message'] ?? null ) ? $body['message'] : '';
		$message = 'refused' === $body['state'] && '' !== $own ? $own : Words::refund( $body['state'] );
		return new self( (string) ( $body['id'] ?? '' ), $body['state'], (string) ( $body['code'] ?? $body['state'] ), $message, (int) ( $body['amount'] ?? 0 ), Words::owed( $body ) );
	}

	/** Whether it is certain that no money moves. */
	public function is_refusal(): bool {
		return self::PROBLEM === $this->state || in_array( $this->state, self::NOT_MADE, true );
	}

	/** Whether looking again soon will tell more. */
	public function is_pending(): bool {
		return in_array( $this->state, self::PENDING, true );
	}

	/** KRW that may be refunded of a payment, by its last snapshot. */
	public static function refundable( array $payment ): int {
		if ( isset( $payment['allowed']['refundable'] ) ) {
			return (int) $payment['allowed']['refundable'];
		}
		return in_array( $payment['state'], Payments::HOLDING, true ) ? $payment['amount'] - (int) ( $payment['refunded'] ?? 0 ) : 0;
	}
}
