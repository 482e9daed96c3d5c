<?php
/**
 * Template Name: 예매 내역
 *
 * One order: what was bought, by whom, how the payment stands, and giving it back.
 */

defined( 'ABSPATH' ) || exit;
$ticketing_ref   = isset( $_GET['order_id'] ) && is_string( $_GET['order_id'] ) ? sanitize_text_field( wp_unslash( $_GET['order_id'] ) ) : '';
$ticketing_order = ticketing_order( $ticketing_ref );
nocache_headers();
if ( ! $ticketing_order ) {
	status_header( 404 );
	get_header();
	get_template_part( 'parts/no-order' );
	get_footer();
	return;
}
$ticketing_returned = isset( $_GET['pay_bridge'] );
$ticketing_payment  = function_exists( 'pay_bridge_payment' ) ? pay_bridge_payment( $ticketing_ref ) : null;
$ticketing_standing = ticketing_standing( $ticketing_order, $ticketing_payment );
$ticketing_waits    = in_array( $ticketing_standing, array( 'confirming', 'awaiting', 'unpaid' ), true );
if ( $ticketing_waits && function_exists( 'pay_bridge_refresh' ) ) {
	// Asks the bridge once, never a gateway; what it answers is applied before the order is read again.
	$ticketing_payment  = pay_bridge_refresh( $ticketing_ref ) ?? $ticketing_payment;
	$ticketing_order    = ticketing_order( $ticketing_ref );
	$ticketing_standing = ticketing_standing( $ticketing_order, $ticketing_payment );
}
// Back from the payment window but without an answer yet: that is no reason to speak of failure.
if ( $ticketing_returned && 'unpaid' === $ticketing_standing && ! ticketing_over( $ticketing_payment ) ) {
	$ticketing_standing = 'confirming';
}
get_header();
get_template_part(
	'parts/detail',
	null,
	array(
		'order'    => $ticketing_order,
		'payment'  => $ticketing_payment ? $ticketing_payment : array(),
		'standing' => $ticketing_standing,
		'known'    => ticketing_may_see( $ticketing_order, get_current_user_id() ),
	)
);
get_footer();
