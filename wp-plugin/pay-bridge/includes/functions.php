<?php
/**
 * The template tags a theme may call; each is one line into a class.
 *
 * @package PayBridge
 */

defined( 'ABSPATH' ) || exit;

/**
 * Keep a page with a pay button out of every cache; call before get_header().
 *
 * @param string $order_ref The order's reference.
 */
function pay_bridge_prepare( string $order_ref ): void {
	PayBridge\Checkout::prepare( $order_ref );
}

/**
 * Print the opening of the checkout form, or a notice when the order cannot be paid.
 *
 * @param string $order_ref The order's reference.
 * @param array  $args      `class`: further CSS classes of the form.
 * @return bool Whether a form was opened, and so must be closed.
 */
function pay_bridge_form_begin( string $order_ref, array $args = array() ): bool {
	return PayBridge\Checkout::form_begin( $order_ref, $args );
}

/** Close the checkout form. */
function pay_bridge_form_end(): void {
	PayBridge\Checkout::form_end();
}

/**
 * Print the hidden field by which a theme's own script names the order.
 *
 * @param string $order_ref The order's reference.
 */
function pay_bridge_order_field( string $order_ref ): void {
	printf( '<input type="hidden" name="pay_bridge_order" value="%s">', esc_attr( $order_ref ) );
}

/**
 * The methods that the site's gateways take, from WordPress' own options (no HTTP, no query); filter: pay_bridge_methods.
 *
 * @param int  $amount    The order's amount in KRW; 0 if it is not known.
 * @param bool $has_phone Whether the order tells the buyer's phone, which some gateways need.
 * @return array|null By code: code, name, minimum (KRW), healthy, why (empty if it may be chosen); null while the bridge has never told them.
 */
function pay_bridge_methods( int $amount = 0, bool $has_phone = true ): ?array {
	return PayBridge\Methods::for_amount( $amount, $has_phone );
}

/**
 * The last known snapshot of the order's payment, from WordPress' own table (no HTTP).
 *
 * @param string $order_ref The order's reference.
 */
function pay_bridge_payment( string $order_ref ): ?array {
	return PayBridge\Result_Page::show( PayBridge\Payments::snapshot_of_order( $order_ref ) );
}

/**
 * Ask the bridge once for the order's payment unless it is final already (at most 3 seconds), and apply the answer like news.
 *
 * @param string $order_ref The order's reference.
 */
function pay_bridge_refresh( string $order_ref ): ?array {
	return PayBridge\Result_Page::show( PayBridge\Reconciliation::refresh( $order_ref ) );
}

/**
 * Print how the escrow of the order's payment stands, and the buttons by which its signed-in owner confirms or refuses
 * the purchase. Prints nothing for anybody else, and for a payment without escrow (no HTTP then).
 *
 * @param string $order_ref The order's reference.
 */
function pay_bridge_escrow( string $order_ref ): void {
	PayBridge\Buyer_Escrow::render( $order_ref );
}
