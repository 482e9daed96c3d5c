<?php
/**
 * The box office's list of refund requests in wp-admin. Refunding itself is Pay Bridge's page.
 */

defined( 'ABSPATH' ) || exit;

add_action(
	'admin_menu',
	static function () {
		add_menu_page( '환불 요청', '환불 요청', 'pay_bridge_refund', 'ticketing-requests', 'ticketing_requests_page', 'dashicons-undo', 57 );
	}
);

/** Orders whose buyer has asked for a refund and has not got it yet. */
function ticketing_open_requests() {
	global $wpdb;
	$refs = $wpdb->get_col( 'SELECT ref FROM ' . ticketing_table( 'orders' ) . ' WHERE refund_request IS NOT NULL AND state IN (\'paid\',\'part_refunded\') ORDER BY created_at LIMIT 200' );
	return array_map( 'ticketing_order', $refs );
}

/** Prints the list. */
function ticketing_requests_page() {
	$orders = ticketing_open_requests();
	echo '<div class="wrap"><h1>환불 요청</h1>';
	if ( ! $orders ) {
		echo '<p>기다리는 환불 요청이 없어요.</p></div>';
		return;
	}
	echo '<table class="widefat striped"><thead><tr><th scope="col">요청한 때</th><th scope="col">예매</th><th scope="col">예매자</th><th scope="col">좌석</th><th scope="col">금액</th><th scope="col">사유</th></tr></thead><tbody>';
	foreach ( $orders as $order ) {
		$asked  = $order->refund_request['items'];
		$seats  = array_filter( $order->items, static fn( $item ) => in_array( $item['ref'], $asked, true ) );
		$amount = array_sum( wp_list_pluck( $seats, 'amount' ) );
		printf(
			'<tr><td>%s</td><td><a href="%s">%s</a><br><code>%s</code></td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>',
			esc_html( ticketing_when( $order->refund_request['at'], 'n월 j일 H:i' ) ),
			esc_url( ticketing_url( 'payment-detail', $order->ref ) ),
			esc_html( $order->title ),
			esc_html( $order->ref ),
			esc_html( $order->buyer_name ),
			esc_html( implode( ', ', wp_list_pluck( $seats, 'title' ) ) ),
			esc_html( ticketing_won( $amount ) ),
			implode( '<br>', array_map( 'esc_html', array_filter( array( $order->refund_request['reason'], $order->refund_request['note'] ?? '' ) ) ) )
		);
	}
	echo '</tbody></table></div>';
}
