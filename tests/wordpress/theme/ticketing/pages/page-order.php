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
	if ( isset( $_GET['pay_bridge_result'] ) && function_exists( 'pay_bridge_refresh' ) ) {
		// Back from the payment window: what the address says is not believed.
		$ticketing_payment = pay_bridge_refresh( $ticketing_order->ref ) ?? $ticketing_payment;
		$ticketing_order   = ticketing_order( $ticketing_order->ref );
	}
	if ( 'unpaid' !== ticketing_standing( $ticketing_order, $ticketing_payment ) ) {
		wp_safe_redirect( ticketing_url( 'payment-detail', $ticketing_order->ref ) );
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
} elseif ( 'open' !== $ticketing_order->state || $ticketing_order->hold_expires_at <= time() ) {
	get_template_part( 'parts/let-go', null, array( 'order' => $ticketing_order ) );
} else {
	get_template_part( 'parts/pay', null, array( 'order' => $ticketing_order, 'payment' => $ticketing_payment ) );
}
get_footer();
