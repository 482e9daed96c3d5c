<?php
/**
 * wp-admin: the list of payments.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Finds payments at the bridge. What is searched for may be a name or a phone number, so it is posted and never in an address. */
final class Payments_Page {

	const PAGE_SIZE = 30;

	/** The list, or one payment. */
	public static function render(): void {
		if ( ! current_user_can( Capabilities::VIEW ) ) {
			Admin::refuse( __( 'You may not see payments.', 'pay-bridge' ), 403 );
		}
		echo '<div class="wrap pay-bridge">';
		$payment_id = Request::query( 'payment' );
		if ( Snapshots::is_id( $payment_id ) ) {
			Payment_View::render( $payment_id );
		} else {
			self::render_list();
		}
		echo '</div>';
	}

	private static function render_list(): void {
		printf( '<h1>%s</h1>', esc_html__( 'Payments', 'pay-bridge' ) );
		self::render_problems();
		$client = Client::of_site();
		if ( null === $client ) {
			Admin::notice( 'warning', self::why_not_paired() );
			return;
		}
		Deed::render_result( Card_Kind::SUBJECT );
		Telephone_Order::render_result( $client );
		$wanted = self::wanted();
		// A window that no gateway opened is a line beside its order's paid one; whoever looks for it finds it.
		$narrow = isset( $wanted['q'] ) || isset( $wanted['state'] ) ? array() : array( 'without' => 'superseded' );
		$answer = $client->post( '/v1/payments/search', $wanted + $narrow );
		if ( ! $answer->ok() ) {
			Admin::notice( 'error', $answer->message() );
			return; // An empty table would say that there are no payments.
		}
		$items = is_array( $answer->body['items'] ?? null ) ? array_filter( $answer->body['items'], array( Snapshots::class, 'is_payment' ) ) : array();
		$next  = $answer->next_cursor();
		$table = new Payments_Table( $items, $next, $wanted );
		$table->prepare_items();
		printf( '<form method="post" action="%s">', esc_url( Admin::url( Admin::PAYMENTS ) ) );
		wp_nonce_field( 'pay_bridge_search', '_pay_bridge_search' );
		$table->search_box( __( 'Search', 'pay-bridge' ), 'pay-bridge' );
		$table->display();
		echo '</form>';
		Telephone_Order::render( $client );
		Card_Kind::render( $client );
	}

	/** What is looked for: whatever of it was posted by our own form. */
	private static function wanted(): array {
		$wanted = array( 'limit' => self::PAGE_SIZE );
		if ( false === wp_verify_nonce( Request::post( '_pay_bridge_search' ), 'pay_bridge_search' ) ) {
			return $wanted;
		}
		$q      = Request::post( 's' );
		$state  = Request::post( 'state' );
		$cursor = Request::post( 'cursor' );
		if ( '' !== $q ) {
			$wanted['q'] = Order::phone( $q );
		}
		if ( in_array( $state, Payments_Table::STATES, true ) ) {
			$wanted['state'] = $state;
		}
		if ( 1 === preg_match( '/\A[A-Za-z0-9_.=-]{1,256}\z/', $cursor ) ) {
			$wanted['cursor'] = $cursor;
		}
		return $wanted;
	}

	/** Money that does not fit its order is a person's business, and stands above everything. */
	private static function render_problems(): void {
		foreach ( Payments::problems() as $row ) {
			printf(
				'<div class="notice notice-error inline"><p>%s <a href="%s">%s</a></p></div>',
				esc_html( Snapshots::AMOUNT_MISMATCH === $row['problem'] ? __( 'A payment\'s amount is not its order\'s price. The order was not marked as paid.', 'pay-bridge' ) : __( 'A payment\'s order cannot be found in the shop. It was not marked as paid.', 'pay-bridge' ) ),
				esc_url( Admin::payment_url( $row['payment_id'] ) ),
				esc_html( $row['order_ref'] )
			);
		}
	}

	/** Why there are no keys. */
	public static function why_not_paired(): string {
		if ( Settings::is_copy() ) {
			return __( 'This site was copied from another address, so it no longer takes part in that site\'s payments. Enter a pairing code of its own in the settings.', 'pay-bridge' );
		}
		return 'none' === Settings::source()
			? __( 'This site is not paired with a payment service yet. Enter the pairing code in the settings.', 'pay-bridge' )
			: __( 'The pairing code cannot be read. Enter it again in the settings.', 'pay-bridge' );
	}
}
