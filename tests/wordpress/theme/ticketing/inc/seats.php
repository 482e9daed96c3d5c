<?php
/**
 * Seats: open, held by an order until a time, or sold. Every change of hands is one UPDATE that compares before it sets.
 */

defined( 'ABSPATH' ) || exit;

/** Adds seats to a show: category, price in KRW, rows of labels. */
function ticketing_add_seats( $show_id, $category, $price, array $labels ) {
	global $wpdb;
	foreach ( array_chunk( $labels, 100 ) as $chunk ) {
		$rows = array();
		foreach ( $chunk as $label ) {
			$rows[] = $wpdb->prepare( '(%d, %s, %s, %d)', $show_id, $category, $label, $price );
		}
		$wpdb->query( 'INSERT INTO ' . ticketing_table( 'seats' ) . ' (show_id, category, label, price) VALUES ' . implode( ', ', $rows ) );
	}
}

/** What a show offers now: rows of category, price, total and free. */
function ticketing_offer( $show_id ) {
	global $wpdb;
	return $wpdb->get_results(
		$wpdb->prepare(
			'SELECT category, MAX(price) AS price, COUNT(*) AS total,
			SUM(CASE WHEN state = \'open\' OR (state = \'held\' AND hold_expires_at < %d) THEN 1 ELSE 0 END) AS free
			FROM ' . ticketing_table( 'seats' ) . ' WHERE show_id = %d GROUP BY category ORDER BY MAX(price) DESC',
			time(),
			$show_id
		)
	);
}

/**
 * Holds seats for an order, all or none.
 *
 * @return array The seats as rows, or an empty array when there are not enough.
 */
function ticketing_hold_seats( $ref, $show_id, $category, $count, $until ) {
	global $wpdb;
	$seats = ticketing_table( 'seats' );
	// Others may take what was just read, so look again a few times before saying that nothing is left.
	for ( $tries = 0; $tries < 8; $tries++ ) {
		$now  = time();
		$free = $wpdb->get_col(
			$wpdb->prepare(
				"SELECT id FROM $seats WHERE show_id = %d AND category = %s AND (state = 'open' OR (state = 'held' AND hold_expires_at < %d)) ORDER BY id LIMIT %d",
				$show_id,
				$category,
				$now,
				$count + 20 * $tries
			)
		);
		if ( count( $free ) < $count ) {
			return array();
		}
		$ids   = implode( ',', array_map( 'intval', $tries ? ticketing_neighbours( $free, $count ) : $free ) );
		$taken = $wpdb->query(
			$wpdb->prepare(
				"UPDATE $seats SET state = 'held', order_ref = %s, hold_expires_at = %d WHERE id IN ($ids) AND (state = 'open' OR (state = 'held' AND hold_expires_at < %d))",
				$ref,
				$until,
				$now
			)
		);
		if ( $taken === (int) $count ) {
			return ticketing_seats_of( $ref );
		}
		ticketing_release_seats( $ref );
	}
	return array();
}

/** Some neighbouring seats of those free, begun at a random one, so that buyers who collided part. */
function ticketing_neighbours( array $free, $count ) {
	return array_slice( $free, random_int( 0, count( $free ) - $count ), $count );
}

/** The seats an order holds or has bought. */
function ticketing_seats_of( $ref ) {
	global $wpdb;
	return $wpdb->get_results( $wpdb->prepare( 'SELECT * FROM ' . ticketing_table( 'seats' ) . ' WHERE order_ref = %s ORDER BY id', $ref ) );
}

/**
 * Lengthens an order's hold. A hold that ran out is renewed as long as nobody else has taken a seat since.
 *
 * @return bool Whether every seat is held until then.
 */
function ticketing_extend_seats( $ref, $count, $until ) {
	global $wpdb;
	$seats = ticketing_table( 'seats' );
	$wpdb->query(
		$wpdb->prepare(
			"UPDATE $seats SET hold_expires_at = %d WHERE order_ref = %s AND state = 'held' AND hold_expires_at < %d",
			$until,
			$ref,
			$until
		)
	);
	$held = $wpdb->get_var(
		$wpdb->prepare( "SELECT COUNT(*) FROM $seats WHERE order_ref = %s AND (state = 'sold' OR hold_expires_at >= %d)", $ref, $until )
	);
	return (int) $held === (int) $count;
}

/** Gives the seats an order holds to the public again; sold ones only if $sold. */
function ticketing_release_seats( $ref, $sold = false, array $ids = array() ) {
	global $wpdb;
	$only  = $ids ? ' AND id IN (' . implode( ',', array_map( 'intval', $ids ) ) . ')' : '';
	$state = $sold ? "state IN ('held','sold')" : "state = 'held'";
	return $wpdb->query(
		$wpdb->prepare(
			'UPDATE ' . ticketing_table( 'seats' ) . " SET state = 'open', order_ref = '', hold_expires_at = 0 WHERE order_ref = %s AND $state$only",
			$ref
		)
	);
}

/**
 * Makes an order's seats its own: those it holds, and those it had let go that nobody else has taken since.
 *
 * @return bool Whether it has them all.
 */
function ticketing_sell_seats( $order ) {
	global $wpdb;
	$seats = ticketing_table( 'seats' );
	$ids   = implode( ',', ticketing_seat_ids( $order, wp_list_pluck( $order->items, 'ref' ) ) );
	if ( '' === $ids ) {
		return true;
	}
	$wpdb->query(
		$wpdb->prepare(
			"UPDATE $seats SET state = 'sold', order_ref = %s, hold_expires_at = 0
			WHERE id IN ($ids) AND ((order_ref = %s AND state = 'held') OR state = 'open' OR (state = 'held' AND hold_expires_at < %d))",
			$order->ref,
			$order->ref,
			time()
		)
	);
	return count( ticketing_seats_of( $order->ref ) ) === count( $order->items );
}
