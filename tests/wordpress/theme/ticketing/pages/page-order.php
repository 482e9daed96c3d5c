<?php
/**
 * Template Name: 주문·결제
 *
 * Without an order: choose seats. With one: pay it.
 */

defined( 'ABSPATH' ) || exit;
$ticketing_order = ticketing_current_order();
if ( $ticketing_order ) {
	$ticketing_payment = function_exists( 'pay_bridge_payment' ) ? pay_bridge_payment( $ticketing_order->ref ) : null;
	$ticketing_ended   = 'open' !== $ticketing_order->state || $ticketing_order->hold_expires_at <= time();
	if ( ( $ticketing_ended || isset( $_GET['pay_bridge_result'] ) ) && function_exists( 'pay_bridge_refresh' ) ) {
		// Back from the payment window, or too late: what the address or the clock says is no proof that nothing was paid.
		$ticketing_payment = pay_bridge_refresh( $ticketing_order->ref ) ?? $ticketing_payment;
		$ticketing_order   = ticketing_order( $ticketing_order->ref );
	}
	$ticketing_detail = ticketing_url( 'payment-detail', $ticketing_order->ref );
	if ( 'unpaid' !== ticketing_standing( $ticketing_order, $ticketing_payment ) ) {
		wp_safe_redirect( $ticketing_detail );
		exit;
	}
	if ( $ticketing_ended && $ticketing_payment && ! ticketing_over( $ticketing_payment ) ) {
		wp_safe_redirect( add_query_arg( 'pay_bridge', $ticketing_payment['id'], $ticketing_detail ) );
		exit;
	}
	if ( function_exists( 'pay_bridge_prepare' ) ) {
		pay_bridge_prepare( $ticketing_order->ref );
	}
}
nocache_headers();
get_header();
if ( ! $ticketing_order ) {
	get_template_part( 'parts/choose' );
} elseif ( $ticketing_ended ) {
	get_template_part( 'parts/let-go', null, array( 'order' => $ticketing_order ) );
} else {
	get_template_part( 'parts/pay', null, array( 'order' => $ticketing_order, 'payment' => $ticketing_payment ) );
}
get_footer();
