<?php
/**
 * What the theme tells Pay Bridge about its orders, and what it does when Pay Bridge has news.
 */

defined( 'ABSPATH' ) || exit;

add_filter( 'pay_bridge_order', 'ticketing_hand_over_order', 10, 3 );
add_filter( 'pay_bridge_buyer_may_cancel', 'ticketing_buyer_may_cancel', 10, 3 );
add_filter( 'pay_bridge_extend_hold', 'ticketing_extend_hold', 10, 3 );
add_action( 'pay_bridge_paid', 'ticketing_when_paid', 10, 2 );
add_action( 'pay_bridge_refunded', 'ticketing_when_refunded', 10, 2 );
add_action( 'pay_bridge_refund_refused', 'ticketing_when_refund_refused', 10, 5 );
add_action( 'pay_bridge_failed', 'ticketing_when_failed', 10, 2 );
add_action( 'pay_bridge_awaiting_deposit', 'ticketing_when_awaiting_deposit', 10, 2 );

/** Hands over an order to whoever may see it; news and results are the site's own business. */
function ticketing_hand_over_order( $known, $request, $user_id ) {
	$order = ticketing_order( (string) ( $request['order'] ?? '' ) );
	if ( ! $order ) {
		return $known;
	}
	$purpose = (string) ( $request['purpose'] ?? '' );
	if ( ! in_array( $purpose, array( 'news', 'result' ), true ) && ! ticketing_may_see( $order, $user_id ) ) {
		return null;
	}
	$states = array(
		'awaiting'      => 'open',
		'part_refunded' => 'paid',
	);
	$handed = array(
		'ref'             => $order->ref,
		'version'         => $order->version,
		'title'           => $order->title,
		'amount'          => $order->amount,
		'items'           => $order->items,
		'buyer'           => array(
			'id'    => $order->owner ? 'wp:' . $order->owner : '',
			'name'  => $order->buyer_name,
			'email' => $order->buyer_email,
			'phone' => $order->buyer_phone,
		),
		'owner'           => $order->owner,
		'result_url'      => ticketing_url( 'payment-detail', $order->ref ),
		'retry_url'       => ticketing_url( $order->show_id ? 'order' : 'test-pay', $order->ref ),
		'hold_expires_at' => $order->hold_expires_at,
		'state'           => $states[ $order->state ] ?? $order->state,
	);
	return $order->show_at ? $handed + array( 'show_at' => $order->show_at ) : $handed;
}

/** A buyer may cancel the own order until the show begins. */
function ticketing_buyer_may_cancel( $may, $order, $user_id ) {
	$own = $user_id > 0 && (int) ( $order['owner'] ?? 0 ) === (int) $user_id;
	return $may || ( $own && ( empty( $order['show_at'] ) || time() < (int) $order['show_at'] ) );
}

/** Keeps the seats for a payment that is about to be approved, or says that they are gone. */
function ticketing_extend_hold( $answer, $order_ref, $until ) {
	$order = ticketing_order( $order_ref );
	if ( ! $order ) {
		return $answer;
	}
	if ( ! in_array( $order->state, array( 'open', 'awaiting' ), true ) ) {
		return array(
			'hold'   => false,
			'reason' => 'order_' . $order->state,
		);
	}
	if ( ! ticketing_extend_order( $order, (int) $until ) ) {
		return array(
			'hold'   => false,
			'reason' => 'seats_gone',
		);
	}
	return array(
		'hold'       => true,
		'hold_until' => max( (int) $until, $order->hold_expires_at ),
	);
}

/**
 * The money is there: the seats are sold. Whoever let the order go and paid in another window gets the seats back;
 * if somebody else has them, the box office finds the order among those to be refunded.
 */
function ticketing_when_paid( $order_ref, $payment ) {
	if ( ! ticketing_move_order( $order_ref, array( 'open', 'awaiting', 'cancelled' ), 'paid' ) ) {
		return;
	}
	$order = ticketing_order( $order_ref );
	if ( ! ticketing_sell_seats( $order ) ) {
		ticketing_ask_refund( $order, wp_list_pluck( $order->items, 'ref' ), '결제된 때에는 좌석이 이미 다른 분께 팔렸어요.' );
		return;
	}
	wp_mail(
		$order->buyer_email,
		sprintf( '[%s] 예매가 끝났어요: %s', get_bloginfo( 'name' ), $order->title ),
		sprintf( "%s님, %s을 결제했어요.\n예매 내역: %s\n", $order->buyer_name, ticketing_won( (int) $payment['amount'] ), ticketing_url( 'payment-detail', $order_ref ) )
	);
}

/** Money went back: all of it frees all seats; part of it frees those the buyer had asked for, if the sums agree. */
function ticketing_when_refunded( $order_ref, $payment ) {
	$order = ticketing_order( $order_ref );
	if ( ! $order ) {
		return;
	}
	if ( 'refunded' === ( $payment['state'] ?? '' ) ) {
		if ( ticketing_move_order( $order_ref, array( 'open', 'awaiting', 'paid', 'part_refunded' ), 'refunded' ) ) {
			ticketing_release_seats( $order_ref, true );
		}
		return;
	}
	ticketing_move_order( $order_ref, array( 'paid' ), 'part_refunded' );
	$asked = $order->refund_request ? $order->refund_request['items'] : array();
	$sum   = 0;
	foreach ( $order->items as $index => $item ) {
		if ( in_array( $item['ref'], $asked, true ) || ! empty( $item['refunded'] ) ) {
			$sum                              += $item['amount'];
			$order->items[ $index ]['refunded'] = true;
		}
	}
	if ( $asked && $sum === (int) ( $payment['refunded'] ?? 0 ) ) {
		ticketing_release_seats( $order_ref, true, ticketing_seat_ids( $order, $asked ) );
		ticketing_update_order(
			$order_ref,
			array(
				'items'          => wp_json_encode( $order->items, JSON_UNESCAPED_UNICODE ),
				'refund_request' => null,
			)
		);
	}
}

/** A refund was not made: the request stays, and the box office reads why in the gateway's words. */
function ticketing_when_refund_refused( $order_ref, $payment, $seq, $refund, $note ) {
	$order = ticketing_order( $order_ref );
	if ( $order && $order->refund_request ) {
		$noted = array_merge( $order->refund_request, array( 'note' => $note ) );
		ticketing_update_order( $order_ref, array( 'refund_request' => wp_json_encode( $noted, JSON_UNESCAPED_UNICODE ) ) );
	}
}

/** Nothing was taken: the order stays open for another try; a deposit that never came lets the seats go. */
function ticketing_when_failed( $order_ref, $payment ) {
	if ( 'expired' === ( $payment['state'] ?? '' ) && ticketing_move_order( $order_ref, array( 'awaiting' ), 'cancelled' ) ) {
		ticketing_release_seats( $order_ref );
	}
}

/** The seats stay held until the deposit is due. */
function ticketing_when_awaiting_deposit( $order_ref, $payment ) {
	$order = ticketing_order( $order_ref );
	if ( $order && ticketing_move_order( $order_ref, array( 'open' ), 'awaiting' ) ) {
		ticketing_extend_order( $order, ticketing_deposit_due( $payment ) );
	}
}
