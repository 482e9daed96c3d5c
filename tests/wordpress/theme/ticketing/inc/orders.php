<?php
/**
 * Orders: made and priced on the server, named by an unguessable reference, held for ten minutes.
 */

defined( 'ABSPATH' ) || exit;

const TICKETING_HOLD_SECONDS    = 600;
const TICKETING_EXTENSIONS_MAX  = 3;
const TICKETING_EXTENSION_HELPS = 300; // Keeping the seats longer is offered when no more seconds than these are left.
const TICKETING_TICKETS_MAX     = 4;

/** One order as an object, or null. */
function ticketing_order( $ref ) {
	global $wpdb;
	if ( ! is_string( $ref ) || ! preg_match( '/\A[0-9a-f]{32}\z/', $ref ) ) {
		return null;
	}
	$order = $wpdb->get_row( $wpdb->prepare( 'SELECT * FROM ' . ticketing_table( 'orders' ) . ' WHERE ref = %s', $ref ) );
	if ( ! $order ) {
		return null;
	}
	$order->items          = json_decode( $order->items, true );
	$order->refund_request = $order->refund_request ? json_decode( $order->refund_request, true ) : null;
	foreach ( array( 'version', 'show_id', 'amount', 'owner', 'hold_expires_at', 'extensions', 'show_at', 'created_at' ) as $number ) {
		$order->$number = (int) $order->$number;
	}
	return $order;
}

/** Whether the person may see whose order it is. A guest's order belongs to whoever knows its reference. */
function ticketing_may_see( $order, $user_id ) {
	return 0 === $order->owner || $order->owner === (int) $user_id || user_can( $user_id, 'pay_bridge_refund' ) || user_can( $user_id, 'manage_options' );
}

/**
 * Makes an order with its seats held.
 *
 * @param int    $show_id  The show.
 * @param string $category Which kind of seat.
 * @param int    $count    How many.
 * @param array  $buyer    name, email, phone.
 * @param int    $owner    The WordPress user, 0 for a guest.
 * @return object|WP_Error The order; the error has a Korean message.
 */
function ticketing_make_order( $show_id, $category, $count, array $buyer, $owner ) {
	$show = ticketing_show( $show_id );
	if ( ! $show || $show->starts_at <= time() ) {
		return new WP_Error( 'no_show', '예매할 수 없는 공연이에요. 다른 공연을 골라 주세요.' );
	}
	$count = max( 1, min( TICKETING_TICKETS_MAX, (int) $count ) );
	$ref   = bin2hex( random_bytes( 16 ) );
	$until = time() + TICKETING_HOLD_SECONDS;
	$seats = ticketing_hold_seats( $ref, $show_id, $category, $count, $until );
	if ( ! $seats ) {
		return new WP_Error( 'sold_out', '그 사이 매진됐어요. 다른 좌석을 골라 주세요.' );
	}
	$items = array();
	foreach ( $seats as $seat ) {
		$items[] = array(
			'ref'    => 'seat-' . $seat->id,
			'title'  => $seat->category . ' ' . $seat->label,
			'amount' => (int) $seat->price,
		);
	}
	return ticketing_save_order( $ref, $show_id, $show->title, $items, $buyer, $owner, $until, $show->starts_at );
}

/** Writes a new order; its price is the sum of its items. */
function ticketing_save_order( $ref, $show_id, $title, array $items, array $buyer, $owner, $until, $show_at ) {
	global $wpdb;
	$wpdb->insert(
		ticketing_table( 'orders' ),
		array(
			'ref'             => $ref,
			'show_id'         => $show_id,
			'title'           => $title,
			'items'           => wp_json_encode( $items, JSON_UNESCAPED_UNICODE ),
			'amount'          => array_sum( wp_list_pluck( $items, 'amount' ) ),
			'buyer_name'      => $buyer['name'],
			'buyer_email'     => $buyer['email'],
			'buyer_phone'     => $buyer['phone'],
			'owner'           => $owner,
			'state'           => 'open',
			'hold_expires_at' => $until,
			'show_at'         => $show_at,
			'created_at'      => time(),
		)
	);
	return ticketing_order( $ref );
}

/** Moves an order from one of several states to another, once. Whether it was this call that did. */
function ticketing_move_order( $ref, array $from, $to ) {
	global $wpdb;
	$states = implode( ',', array_fill( 0, count( $from ), '%s' ) );
	return 1 === (int) $wpdb->query(
		$wpdb->prepare( 'UPDATE ' . ticketing_table( 'orders' ) . " SET state = %s WHERE ref = %s AND state IN ($states)", array_merge( array( $to, $ref ), $from ) )
	);
}

/** Writes fields of an order. */
function ticketing_update_order( $ref, array $fields ) {
	$GLOBALS['wpdb']->update( ticketing_table( 'orders' ), $fields, array( 'ref' => $ref ) );
}

/** Lengthens the hold of an order that is still open. Whether all its seats are held until then. */
function ticketing_extend_order( $order, $until ) {
	if ( 'open' !== $order->state && 'awaiting' !== $order->state ) {
		return false;
	}
	if ( $order->show_id && ! ticketing_extend_seats( $order->ref, count( $order->items ), $until ) ) {
		return false;
	}
	if ( $until > $order->hold_expires_at ) {
		ticketing_update_order( $order->ref, array( 'hold_expires_at' => $until ) );
	}
	return true;
}

/** Lets an order and its seats go because the buyer says so. Raises its version, so that no older payment is approved. */
function ticketing_cancel_order( $order ) {
	global $wpdb;
	$done = $wpdb->query(
		$wpdb->prepare( 'UPDATE ' . ticketing_table( 'orders' ) . " SET state = 'cancelled', version = version + 1 WHERE ref = %s AND state = 'open'", $order->ref )
	);
	if ( $done ) {
		ticketing_release_seats( $order->ref );
	}
	return (bool) $done;
}

/** Puts an order on the box office's list: which items, and why. */
function ticketing_ask_refund( $order, array $items, $reason ) {
	$request = array(
		'items'  => $items,
		'reason' => $reason,
		'at'     => time(),
	);
	ticketing_update_order( $order->ref, array( 'refund_request' => wp_json_encode( $request, JSON_UNESCAPED_UNICODE ) ) );
}

/** Whether an order was paid although its seats were gone. */
function ticketing_seats_lost( $order ) {
	$bought = array_filter( $order->items, static fn( $item ) => empty( $item['refunded'] ) );
	return $order->show_id && in_array( $order->state, array( 'paid', 'part_refunded' ), true )
		&& count( ticketing_seats_of( $order->ref ) ) < count( $bought );
}

/** The seats' ids of an order's items, or of some of them. */
function ticketing_seat_ids( $order, array $item_refs ) {
	$ids = array();
	foreach ( $order->items as $item ) {
		if ( in_array( $item['ref'], $item_refs, true ) && 0 === strpos( $item['ref'], 'seat-' ) ) {
			$ids[] = (int) substr( $item['ref'], 5 );
		}
	}
	return $ids;
}
