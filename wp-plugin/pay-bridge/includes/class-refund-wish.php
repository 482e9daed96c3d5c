<?php
/**
 * A refund a clerk confirmed.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Written down before it is sent, so that a page that got no answer can ask the same again, with the same key. */
final class Refund_Wish {

	const KEEP_SECONDS = DAY_IN_SECONDS;

	/** @var string Idempotency key. */
	public $key;

	/** @var array payment, amount (null for all), shown_amount, reason, user, refund (its id once known). */
	public $data;

	private function __construct( string $key, array $data ) {
		$this->key  = $key;
		$this->data = $data;
	}

	/** A new wish of the present user, saved. */
	public static function make( string $key, string $payment_id, ?int $amount, int $shown_amount, string $reason ): self {
		$wish = new self(
			$key,
			array(
				'payment'      => $payment_id,
				'amount'       => $amount,
				'shown_amount' => $shown_amount,
				'reason'       => $reason,
				'user'         => get_current_user_id(),
				'refund'       => '',
			)
		);
		$wish->save();
		return $wish;
	}

	/** The present user's wish by its key; null if there is none. */
	public static function load( string $key ): ?self {
		$data = get_transient( 'pay_bridge_refund_' . $key );
		return is_array( $data ) && get_current_user_id() === $data['user'] ? new self( $key, $data ) : null;
	}

	/** Ask the bridge; the same key makes it the same refund however often it is asked. */
	public function ask( Client $client ): Refund {
		$refund = Refund::ask( $client, $this->data['payment'], $this->data['amount'], $this->data['reason'], 'wp:' . $this->data['user'], $this->key );
		$kept   = self::load( $this->key );
		if ( '' !== $refund->id || null === $kept || '' === $kept->data['refund'] ) { // A second click must not overwrite what the first one learnt.
			$this->data['refund'] = $refund->id;
			$this->data['state']  = $refund->state;
			$this->data['words']  = trim( $refund->message . ' ' . $refund->owed );
			$this->save();
		}
		return $refund;
	}

	private function save(): void {
		set_transient( 'pay_bridge_refund_' . $this->key, $this->data, self::KEEP_SECONDS );
	}
}
