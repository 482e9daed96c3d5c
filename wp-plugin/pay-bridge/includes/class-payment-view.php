<?php
/**
 * wp-admin: one payment.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Shows what the bridge knows of a payment now: its facts, its story, and what may be refunded. */
final class Payment_View {

	public static function render( string $payment_id ): void {
		$client = Client::of_site();
		if ( null === $client ) {
			Admin::notice( 'warning', Payments_Page::why_not_paired() );
			return;
		}
		$answer  = $client->get( '/v1/payments/' . rawurlencode( $payment_id ) );
		$payment = $answer->ok() && Snapshots::is_payment( $answer->body ) ? $answer->body : null;
		if ( null === $payment ) {
			printf( '<h1>%s</h1>', esc_html__( 'Payment', 'pay-bridge' ) );
			Admin::notice( 'error', $answer->message() );
		} else {
			Snapshots::apply( $payment, 0 );
			/* translators: %s: an order's reference */
			printf( '<h1>%s</h1>', esc_html( sprintf( __( 'Payment of order %s', 'pay-bridge' ), $payment['order_ref'] ) ) );
		}
		printf( '<p><a href="%s">%s</a></p>', esc_url( Admin::url( Admin::PAYMENTS ) ), esc_html__( '← All payments', 'pay-bridge' ) );
		Refund_Result::render( $client, $payment_id );
		Deed::render_result( $payment_id );
		if ( null !== $payment ) {
			self::render_facts( $payment );
			Refund_Form::render( $payment );
			self::render_refunds( is_array( $payment['refunds'] ?? null ) ? $payment['refunds'] : array() );
			Account_Closing::render( $payment );
			Receipts::render( $payment );
			Escrow::render( $payment );
			Story::render( is_array( $payment['timeline'] ?? null ) ? $payment['timeline'] : array() );
		}
	}

	private static function render_facts( array $payment ): void {
		$facts = array(
			__( 'State', 'pay-bridge' )    => Words::state( $payment['state'] ),
			__( 'Amount', 'pay-bridge' )   => Words::krw( $payment['amount'] ),
			__( 'Refunded', 'pay-bridge' ) => Words::krw( (int) ( $payment['refunded'] ?? 0 ) ),
			__( 'Method', 'pay-bridge' )   => Words::method( (string) ( $payment['method'] ?? '' ) ),
			__( 'Order', 'pay-bridge' )    => self::order( $payment ),
			__( 'Buyer', 'pay-bridge' )    => is_string( $payment['buyer_name'] ?? null ) ? $payment['buyer_name'] : '',
			__( 'Card', 'pay-bridge' )     => Words::card( is_array( $payment['card'] ?? null ) ? $payment['card'] : array() ),
			__( 'Instalments', 'pay-bridge' ) => Instalments::told( $payment ),
			__( 'Account', 'pay-bridge' )  => Words::account( is_array( $payment['account'] ?? null ) ? $payment['account'] : array() ),
			__( 'Paid at', 'pay-bridge' )  => Words::time( (string) ( $payment['paid_at'] ?? '' ) ),
			__( 'Gateway', 'pay-bridge' )  => (string) ( $payment['gateway_title'] ?? $payment['gateway'] ?? '' ),
			__( 'References', 'pay-bridge' ) => self::pairs( $payment['gateway_refs'] ?? array() ),
			__( 'Details', 'pay-bridge' )  => Words::details( $payment ),
			__( 'Payment', 'pay-bridge' )  => $payment['id'],
		);
		echo '<table class="widefat striped pay-bridge-facts"><tbody>';
		foreach ( array_filter( $facts, 'strlen' ) as $name => $value ) {
			printf( '<tr><th scope="row">%s</th><td>%s</td></tr>', esc_html( $name ), esc_html( $value ) );
		}
		echo '</tbody></table>';
		if ( is_string( $payment['receipt_url'] ?? null ) && 1 === preg_match( '#\Ahttps?://#', $payment['receipt_url'] ) ) {
			printf( '<p><a class="button" href="%s" target="_blank" rel="noopener noreferrer">%s</a></p>', esc_url( $payment['receipt_url'] ), esc_html__( 'Slip at the gateway (new tab)', 'pay-bridge' ) );
		}
	}

	private static function order( array $payment ): string {
		$words = array( is_string( $payment['title'] ?? null ) ? $payment['title'] : '' );
		foreach ( is_array( $payment['items'] ?? null ) ? $payment['items'] : array() as $item ) {
			$words[] = is_array( $item ) && is_string( $item['title'] ?? null ) ? $item['title'] : '';
		}
		return implode( ' · ', array_filter( $words, 'strlen' ) );
	}

	private static function render_refunds( array $refunds ): void {
		foreach ( array_filter( $refunds, 'is_array' ) as $refund ) {
			$state = (string) ( $refund['state'] ?? '' );
			$words = array( Words::time( (string) ( $refund['created_at'] ?? '' ) ), Words::krw( (int) ( $refund['amount'] ?? 0 ) ), (string) ( $refund['reason'] ?? '' ), Words::refund_outcome( $refund ), Words::owed( $refund ) );
			$words = esc_html( implode( ' · ', array_filter( $words, 'strlen' ) ) );
			printf( '<p data-refund="%s">%s</p>', esc_attr( $state ), in_array( $state, Refund::NOT_MADE, true ) ? '<strong>' . $words . '</strong>' : $words ); // phpcs:ignore WordPress.Security.EscapeOutput -- escaped above.
		}
	}

	/** @param mixed $values Names and values of the bridge. */
	private static function pairs( $values ): string {
		$words = array();
		foreach ( is_array( $values ) ? $values : array() as $name => $value ) {
			if ( is_scalar( $value ) && '' !== (string) $value ) {
				$words[] = $name . ' ' . $value;
			}
		}
		return implode( ' · ', $words );
	}
}
