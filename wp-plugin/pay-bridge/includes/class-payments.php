<?php
/**
 * WordPress' own copy of the bridge's payments.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

// phpcs:disable WordPress.DB.DirectDatabaseQuery, WordPress.DB.PreparedSQL.InterpolatedNotPrepared -- own tables; names are constants.

/** One row a payment: the last snapshot, what the theme was told of it, and who is telling it right now. */
final class Payments {

	const HOLDING         = array( 'paid', 'part_refunded' );
	const FAILED          = array( 'declined', 'voided', 'expired', 'failed_ready' );
	const FINAL_STATES    = array( 'declined', 'voided', 'expired', 'failed_ready', 'superseded', 'refunded' );
	const WORTH_SHOWING   = array( 'paid', 'part_refunded', 'awaiting_deposit', 'declined', 'voided', 'expired', 'failed_ready', 'superseded', 'refunded' );
	const CLAIM_SECONDS   = 60;

	/** A row by the payment's id; null if there is none. */
	public static function row( string $payment_id ): ?array {
		global $wpdb;
		$row = $wpdb->get_row( $wpdb->prepare( 'SELECT * FROM ' . self::table() . ' WHERE payment_id = %s', $payment_id ), ARRAY_A );
		return is_array( $row ) ? $row : null;
	}

	/** The rows of an order: the one that holds money first, then the newest. */
	public static function rows_of_order( string $order_ref ): array {
		global $wpdb;
		$rows = $wpdb->get_results(
			$wpdb->prepare(
				'SELECT * FROM ' . self::table() . " WHERE order_ref = %s AND state <> '' ORDER BY created_at DESC, payment_id DESC LIMIT 50",
				$order_ref
			),
			ARRAY_A
		);
		$rows = array_filter( // The database makes no difference between capitals and small letters.
			$rows,
			static function ( $row ) use ( $order_ref ) {
				return $row['order_ref'] === $order_ref;
			}
		);
		usort(
			$rows,
			static function ( $one, $other ) {
				return self::rank( self::seen( $one ) ) <=> self::rank( self::seen( $other ) );
			}
		);
		return $rows;
	}

	/** The snapshot of an order's payment, marked `untold` while a request is telling the theme of it; null if none is known. */
	public static function snapshot_of_order( string $order_ref ): ?array {
		$rows     = self::rows_of_order( $order_ref );
		$snapshot = $rows ? self::snapshot( $rows[0] ) : null;
		if ( null !== $snapshot && (int) $rows[0]['claim_ends'] > time() ) {
			$snapshot['untold'] = true;
		}
		return $snapshot;
	}

	/** The snapshot of a row. */
	public static function snapshot( array $row ): ?array {
		$snapshot = json_decode( $row['snapshot'], true );
		return is_array( $snapshot ) && $snapshot ? $snapshot : null;
	}

	/** The order a reference belongs to: of an order, of a payment, or the gateway's; empty if unknown or of more than one. */
	public static function order_of_reference( string $reference ): string {
		global $wpdb;
		$rows   = $wpdb->get_results(
			$wpdb->prepare(
				'SELECT p.order_ref, p.payment_id, r.reference FROM ' . self::table() . ' p LEFT JOIN ' . self::table( 'references' )
				. ' r ON r.payment_id = p.payment_id AND r.reference = %s WHERE p.order_ref = %s OR p.payment_id = %s'
				. ' OR p.payment_id IN (SELECT payment_id FROM ' . self::table( 'references' ) . ' WHERE reference = %s)',
				$reference,
				$reference,
				$reference,
				$reference
			),
			ARRAY_A
		);
		$orders = array();
		foreach ( $rows as $row ) {
			if ( in_array( $reference, $row, true ) ) { // The database makes no difference between capitals and small letters.
				$orders[ 'ref:' . $row['order_ref'] ] = $row['order_ref'];
			}
		}
		return 1 === count( $orders ) ? reset( $orders ) : '';
	}

	/**
	 * Take the right to apply and tell; at most one request has it. A holder that died loses it after a minute, and
	 * whatever it had not confirmed is told again.
	 *
	 * @return string The claim; empty if somebody else has it.
	 */
	public static function claim( string $payment_id, string $order_ref ): string {
		global $wpdb;
		$claim = bin2hex( random_bytes( 16 ) );
		$now   = time();
		$wpdb->query(
			$wpdb->prepare(
				'INSERT IGNORE INTO ' . self::table() . ' (payment_id, order_ref, created_at, updated_at, snapshot) VALUES (%s, %s, %d, %d, %s)',
				$payment_id,
				$order_ref,
				$now,
				$now,
				'{}'
			)
		);
		$got = $wpdb->query(
			$wpdb->prepare(
				'UPDATE ' . self::table() . ' SET claim = %s, claim_ends = %d WHERE payment_id = %s AND claim_ends < %d',
				$claim,
				$now + self::CLAIM_SECONDS,
				$payment_id,
				$now
			)
		);
		return 1 === $got ? $claim : '';
	}

	/** Write columns of a claimed row. False if the claim was lost meanwhile, or the database did not take them. */
	public static function write( string $payment_id, string $claim, array $columns ): bool {
		global $wpdb;
		$where = array(
			'payment_id' => $payment_id,
			'claim'      => $claim,
		);
		return false !== $wpdb->update( self::table(), $columns, $where )
			&& $claim === (string) $wpdb->get_var( $wpdb->prepare( 'SELECT claim FROM ' . self::table() . ' WHERE payment_id = %s', $payment_id ) );
	}

	/** Give the claim back. */
	public static function release( string $payment_id, string $claim, array $columns = array() ): void {
		self::write( $payment_id, $claim, $columns + array( 'claim' => '', 'claim_ends' => 0 ) ); // phpcs:ignore WordPress.Arrays -- short enough for one line.
	}

	/** Remember what the gateway calls a payment. */
	public static function remember_references( string $payment_id, array $references ): void {
		global $wpdb;
		foreach ( $references as $reference ) {
			if ( is_scalar( $reference ) && '' !== (string) $reference && strlen( (string) $reference ) <= 128 ) {
				$wpdb->query(
					$wpdb->prepare( 'INSERT IGNORE INTO ' . self::table( 'references' ) . ' (reference, payment_id) VALUES (%s, %s)', (string) $reference, $payment_id )
				);
			}
		}
	}

	/**
	 * Write down that a refund is about to be asked for, until its end is known: a bridge that lost its books is told of it.
	 * One that is asked for again by its key may have arrived only now.
	 *
	 * @return string What was written: the key, the time in the bridge's clock, and the amount in KRW (0: all that is left).
	 */
	public static function note_asked( string $payment_id, string $key, ?int $amount ): string {
		global $wpdb;
		$asked = sprintf( '%s:%d:%d;', $key, Clock::now(), (int) $amount );
		$row   = self::row( $payment_id );
		if ( 1 === preg_match( '/' . preg_quote( $key, '/' ) . ':\d+:\d+;/', (string) ( $row['asked'] ?? '' ), $before ) ) {
			$wpdb->query( $wpdb->prepare( 'UPDATE ' . self::table() . ' SET asked = REPLACE(asked, %s, %s) WHERE payment_id = %s', $before[0], $asked, $payment_id ) );
			return $asked;
		}
		$wpdb->query(
			$wpdb->prepare(
				'UPDATE ' . self::table() . ' SET asked = CONCAT(asked, %s) WHERE payment_id = %s AND LENGTH(asked) < 1800 AND asked NOT LIKE %s',
				$asked,
				$payment_id,
				'%' . $wpdb->esc_like( $key ) . '%'
			)
		);
		return $asked;
	}

	/** The refund's end is known. */
	public static function forget_asked( string $payment_id, string $asked ): void {
		global $wpdb;
		$wpdb->query( $wpdb->prepare( 'UPDATE ' . self::table() . " SET asked = REPLACE(asked, %s, '') WHERE payment_id = %s", $asked, $payment_id ) );
	}

	/** Rows changed since then or with a refund whose end is not known, in the order of their change; from a place on: the last row's time and id. Null if the database gave none. */
	public static function changed_since( int $since, int $after, string $after_id, int $limit ): ?array {
		global $wpdb;
		$read = $wpdb->query( // Not get_results(), which gives nothing where nothing was read as where there is nothing.
			$wpdb->prepare(
				'SELECT * FROM ' . self::table() . " WHERE state <> '' AND (updated_at >= %d OR asked <> '') AND (updated_at > %d OR (updated_at = %d AND payment_id > %s)) ORDER BY updated_at, payment_id LIMIT %d",
				$since,
				$after,
				$after,
				$after_id,
				$limit
			)
		);
		return false === $read ? null : array_map( 'get_object_vars', $wpdb->last_result );
	}

	/** Ids of payments that are not settled yet, the longest unseen first. */
	public static function unsettled_ids( int $since, int $limit ): array {
		global $wpdb;
		$settled = array_merge( self::FINAL_STATES, self::HOLDING );
		$marks   = implode( ',', array_fill( 0, count( $settled ), '%s' ) );
		return $wpdb->get_col(
			$wpdb->prepare(
				'SELECT payment_id FROM ' . self::table() . " WHERE state NOT IN ($marks) AND created_at > %d ORDER BY updated_at LIMIT %d", // phpcs:ignore WordPress.DB.PreparedSQLPlaceholders -- a mark for each state.
				array_merge( $settled, array( $since, $limit ) )
			)
		);
	}

	/** Rows that need a person: money that does not fit its order. */
	public static function problems(): array {
		global $wpdb;
		return $wpdb->get_results( 'SELECT * FROM ' . self::table() . " WHERE problem <> '' ORDER BY updated_at DESC LIMIT 20", ARRAY_A );
	}

	/** A table's full name. */
	public static function table( string $name = 'payments' ): string {
		global $wpdb;
		return $wpdb->prefix . 'pay_bridge_' . $name;
	}

	/** The one of an order's snapshots that counts: the one that holds money before others, else the first; null of none. */
	public static function first_of( array $snapshots ): ?array {
		$first = null;
		foreach ( $snapshots as $snapshot ) {
			if ( null === $first || self::rank( $snapshot ) < self::rank( $first ) ) {
				$first = $snapshot;
			}
		}
		return $first;
	}

	/** Whether a payment has paid its order, or is under way: approved, waiting for a deposit, or unknown. */
	public static function pays_or_may( array $snapshot ): bool {
		return self::rank( $snapshot ) <= 1;
	}

	private static function rank( array $snapshot ): int {
		$state = $snapshot['state'];
		if ( ! empty( $snapshot['adopted'] ) ) { // Found after its end, and people let it pay: it has until it is given back.
			return ( $snapshot['orphaned'] ?? 0 ) > 0 ? 0 : 2;
		}
		if ( in_array( $state, self::HOLDING, true ) ) {
			return 0;
		}
		if ( 'refunded' === $state ) {
			return 2;
		}
		// A window left open says no more than a refusal does: of these the newest counts.
		return in_array( $state, array_merge( self::FINAL_STATES, array( 'new', 'readying', 'open' ) ), true ) ? 3 : 1;
	}

	/** A row as its snapshot; of one that was not kept, its state. */
	private static function seen( array $row ): array {
		return ( self::snapshot( $row ) ?? array() ) + array( 'state' => $row['state'] );
	}
}
