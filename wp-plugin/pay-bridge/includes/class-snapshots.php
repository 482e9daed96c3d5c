<?php
/**
 * Applies a payment's snapshot.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/**
 * Saves a snapshot and tells the theme what is new in it. News may come twice, late or in the wrong order, and the same
 * facts may be pulled as well: so what is told follows from the facts of the snapshot against the facts told before.
 */
final class Snapshots {

	const APPLIED         = 'applied';
	const OLD             = 'old';
	const BUSY            = 'busy';
	const FOREIGN         = 'foreign';
	const ORDER_UNKNOWN   = 'order_unknown';
	const AMOUNT_MISMATCH = 'amount_mismatch';

	/** What is asked of the bridge when it is shown, and not kept in WordPress: people's names, and what grows. */
	const NOT_KEPT = array( 'timeline', 'refunds', 'order', 'buyer', 'buyer_name', 'title', 'items', 'cash_receipts', 'escrow', 'void' );

	/** Of what `allowed` says: what only the shop reads, such as an account to wire money to. */
	const FOR_CLERK = 'for_clerk';

	/** What themes are given of a payment, by actions and template tags; the rest is between the plugin and the bridge. */
	const FOR_THEMES = array( 'id', 'order_ref', 'order_version', 'gateway', 'gateway_title', 'method', 'mode', 'state', 'amount', 'captured', 'refunded', 'currency', 'tax', 'merchant_ref', 'created_at', 'paid_at', 'expires_at', 'card', 'account', 'instalment_months', 'reason', 'code', 'message', 'adopted', 'receipt_url', 'allowed', 'refunds' );

	/** Of a refund; its reason and actor are the clerk's. */
	const REFUND_FOR_THEMES = array( 'id', 'amount', 'state', 'items', 'created_at' );

	/** Whether something from outside has the form of a payment. */
	public static function is_payment( $payment ): bool {
		return is_array( $payment )
			&& self::is_id( $payment['id'] ?? null )
			&& is_string( $payment['order_ref'] ?? null ) && '' !== $payment['order_ref'] && strlen( $payment['order_ref'] ) <= 128
			&& is_string( $payment['state'] ?? null ) && 1 === preg_match( '/\A[a-z_]{1,32}\z/', $payment['state'] )
			&& is_int( $payment['amount'] ?? null ) && $payment['amount'] > 0
			&& is_int( $payment['refunded'] ?? 0 ) && is_int( $payment['version'] ?? 0 )
			&& 'KRW' === ( $payment['currency'] ?? 'KRW' );
	}

	/** Whether something is a payment's or refund's id, and so may stand in a path. */
	public static function is_id( $id ): bool {
		return is_string( $id ) && 1 === preg_match( '/\A[A-Za-z0-9_-]{1,64}\z/', $id );
	}

	/**
	 * Apply one snapshot.
	 *
	 * @param array $payment A payment, checked by is_payment().
	 * @param int   $seq     The news' sequence number; 0 if it was pulled.
	 * @return string One of the constants above.
	 */
	public static function apply( array $payment, int $seq ): string {
		$claim = Payments::claim( $payment['id'], $payment['order_ref'] );
		if ( '' === $claim ) {
			return self::BUSY;
		}
		$row = Payments::row( $payment['id'] );
		if ( null === $row || $row['order_ref'] !== $payment['order_ref'] ) {
			Payments::release( $payment['id'], $claim );
			return self::FOREIGN;
		}
		$seq_now = max( $seq, (int) $row['seq'] );
		if ( (int) ( $payment['version'] ?? 0 ) < (int) $row['version'] || ( $seq > 0 && $seq <= (int) $row['seq'] ) ) {
			Payments::release( $payment['id'], $claim, array( 'seq' => $seq_now ) );
			return self::OLD;
		}
		$outcome = self::save( $payment, $claim ) ? self::tell( $row, $payment, $seq_now, $claim ) : self::BUSY;
		if ( self::BUSY === $outcome ) {
			return $outcome; // The database did not take it, or another has the claim: it comes again when the claim has ended.
		}
		$columns = array( 'problem' => self::APPLIED === $outcome ? '' : $outcome );
		Payments::release( $payment['id'], $claim, self::APPLIED === $outcome ? $columns + array( 'seq' => $seq_now ) : $columns );
		return $outcome;
	}

	private static function save( array $payment, string $claim ): bool {
		$columns = array(
			'state'      => $payment['state'],
			'amount'     => $payment['amount'],
			'refunded'   => $payment['refunded'] ?? 0,
			'version'    => $payment['version'] ?? 0,
			'updated_at' => time(),
			'snapshot'   => (string) wp_json_encode( self::kept( $payment ) ), // In ASCII: an older table takes no emoji.
		);
		Payments::remember_references( $payment['id'], is_array( $payment['gateway_refs'] ?? null ) ? $payment['gateway_refs'] : array() );
		return Payments::write( $payment['id'], $claim, $columns );
	}

	/** What is kept of a payment: the attestation too, for the day the bridge's books are lost. */
	private static function kept( array $payment ): array {
		return self::without_clerks_words( array_diff_key( $payment, array_flip( self::NOT_KEPT ) ) );
	}

	/** What a theme is given of a payment, and may show to its buyer. */
	public static function for_themes( array $payment ): array {
		$given = self::without_clerks_words( array_intersect_key( $payment, array_flip( self::FOR_THEMES ) ) );
		if ( is_array( $given['refunds'] ?? null ) ) {
			$fields           = array_flip( self::REFUND_FOR_THEMES );
			$given['refunds'] = array_map(
				static function ( array $refund ) use ( $fields ): array {
					return array_intersect_key( $refund, $fields );
				},
				array_filter( $given['refunds'], 'is_array' )
			);
		}
		return $given;
	}

	private static function without_clerks_words( array $payment ): array {
		if ( is_array( $payment['allowed'] ?? null ) ) {
			unset( $payment['allowed'][ self::FOR_CLERK ] );
		}
		return $payment;
	}

	/** Tell what is new, in the order in which it happened; confirm each before the next. */
	private static function tell( array $row, array $payment, int $seq, string $claim ): string {
		foreach ( self::untold( $row, $payment ) as $event => $columns ) {
			if ( 'paid' === $event ) {
				$refusal = self::refusal_of_paid( $payment );
				if ( '' !== $refusal ) {
					return $refusal;
				}
			}
			if ( 'failed' !== $event || ! self::is_anothers( $payment ) ) {
				/**
				 * Fires once for each fact of a payment: pay_bridge_awaiting_deposit, pay_bridge_paid, pay_bridge_refunded,
				 * pay_bridge_failed. A crash inside a listener makes it fire again after a minute.
				 */
				do_action( 'pay_bridge_' . $event, $payment['order_ref'], self::for_themes( $payment ), $seq ); // phpcs:ignore WordPress.NamingConventions -- the name begins with our prefix.
			}
			if ( ! Payments::write( $payment['id'], $claim, $columns ) ) {
				return self::BUSY;
			}
		}
		return self::tell_refusals( $row, $payment, $seq, $claim );
	}

	/** Tell of each refund that was not made. A payment has one at a time, and their ids rise. */
	private static function tell_refusals( array $row, array $payment, int $seq, string $claim ): string {
		$given = self::for_themes( $payment );
		foreach ( is_array( $payment['refunds'] ?? null ) ? $payment['refunds'] : array() as $refund ) {
			$fits = is_array( $refund ) && self::is_id( $refund['id'] ?? null ) && is_int( $refund['amount'] ?? null );
			if ( ! $fits || ! in_array( $refund['state'] ?? '', Refund::NOT_MADE, true ) || strcmp( $refund['id'], (string) $row['told_refusal'] ) <= 0 ) {
				continue;
			}
			$told = array_intersect_key( $refund, array_flip( self::REFUND_FOR_THEMES ) );
			/**
			 * Fires when a refund was asked for and not made: refused by the gateway, or not sent. The last argument is a
			 * note for the shop's people with the gateway's own words. A crash inside a listener makes it fire again.
			 */
			do_action( 'pay_bridge_refund_refused', $payment['order_ref'], $given, $seq, $told, Words::refund_note( $refund ) );
			if ( ! Payments::write( $payment['id'], $claim, array( 'told_refusal' => $refund['id'] ) ) ) {
				return self::BUSY;
			}
		}
		return self::APPLIED;
	}

	/** @return array<string,array> Event => the columns that confirm it. */
	private static function untold( array $row, array $payment ): array {
		$events   = array();
		$state    = $payment['state'];
		$refunded = (int) ( $payment['refunded'] ?? 0 );
		if ( 'awaiting_deposit' === $state && ! $row['told_waiting'] ) {
			$events['awaiting_deposit'] = array( 'told_waiting' => 1 );
		}
		// Two people may let money that came after a payment's end pay for its order: the state stays, the order is paid.
		if ( ( in_array( $state, Payments::HOLDING, true ) || ! empty( $payment['adopted'] ) ) && ! $row['told_paid'] ) {
			$events['paid'] = array( 'told_paid' => 1 );
		}
		if ( $refunded > (int) $row['told_refunded'] ) {
			$events['refunded'] = array( 'told_refunded' => $refunded );
		}
		if ( in_array( $state, Payments::FAILED, true ) && empty( $payment['adopted'] ) && ! $row['told_failed'] ) {
			$events['failed'] = array( 'told_failed' => 1 );
		}
		return $events;
	}

	/** Paid is told only when the shop knows the order and its price is what was paid. */
	private static function refusal_of_paid( array $payment ): string {
		$order = Order::find( $payment['order_ref'], 'news', 0 );
		if ( null === $order ) {
			return self::ORDER_UNKNOWN;
		}
		return $order->amount() === $payment['amount'] ? '' : self::AMOUNT_MISMATCH;
	}

	/** A failed attempt is no news for an order that another payment has paid, or may pay still: that one's end is the order's. */
	private static function is_anothers( array $payment ): bool {
		$best = Payments::snapshot_of_order( $payment['order_ref'] );
		if ( null !== $best && $best['id'] !== $payment['id'] && Payments::pays_or_may( $best ) ) {
			return true;
		}
		$order = is_array( $payment['order'] ?? null ) ? $payment['order'] : array(); // As the bridge sees it now: that one's own news may come later.
		$by    = 'refunded' === ( $order['state'] ?? '' ) ? '' : $order['paid_by'] ?? $order['held_by'] ?? '';
		return '' !== $by && $by !== $payment['id'];
	}
}
