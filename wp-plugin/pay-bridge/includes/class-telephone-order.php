<?php
/**
 * wp-admin: a card told by telephone pays an order of the shop.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/**
 * Makes a page of the payment service for an order that the theme hands over. The clerk types the card there: this site
 * sees none, and has no field for one.
 */
final class Telephone_Order {

	const ACTION  = 'pay_bridge_telephone';
	const SUBJECT = 'telephone';
	const SERVICE = 'card_entry';
	const WAITS   = 'open';

	/** The form, below the list of payments, where a gateway of the site takes typed cards. */
	public static function render( Client $client ): void {
		$gateways = current_user_can( Capabilities::SERVE ) ? Services::gateways( $client, self::SERVICE ) : array();
		if ( ! $gateways ) {
			return;
		}
		printf( '<details data-deed="telephone"><summary class="button">%s</summary>', esc_html__( 'Take a card by telephone…', 'pay-bridge' ) );
		Deed::open_form( self::ACTION, self::SUBJECT );
		printf( '<p>%s</p>', esc_html__( 'You get a page of the payment service, not of this shop, on which you type the customer\'s card. Type it nowhere else.', 'pay-bridge' ) );
		printf( '<p><label>%s<br><input type="text" name="order" required maxlength="64" size="36" autocomplete="off"></label></p>', esc_html__( 'An order of the shop that is not paid yet: its number', 'pay-bridge' ) );
		Instalments::render_choice( max( array_column( $gateways, 'months' ) ), max( array_column( $gateways, 'instalments_from' ) ) );
		Deed::close_form( __( 'Make the page', 'pay-bridge' ) );
		echo '</details>';
	}

	/** Make the page, once for a form, then show the list again with the way to it. */
	public static function action_submit(): void {
		$client = Deed::check( self::ACTION, Request::post( 'subject' ) );
		$ref    = Request::post( 'order' );
		$order  = '' === $ref ? null : Order::find( $ref, 'checkout', get_current_user_id() );
		$why    = null === $order ? 'no_order' : $order->obstacle( time() );
		if ( '' !== $why ) {
			self::finish( 'error', Words::obstacle( $why ) );
		}
		$body    = array(
			'order'             => $order->for_bridge(),
			'card_entry'        => true,
			'instalment_months' => Instalments::chosen(),
			'actor'             => 'wp:' . get_current_user_id(),
		);
		$answer  = $client->post( '/v1/payments', $body, Request::post( 'key' ) );
		$payment = $answer->body;
		if ( $answer->ok() && Snapshots::is_payment( $payment ) ) {
			self::finish( self::kind( $payment['state'] ), self::words( $payment ), $payment['id'] );
		}
		self::finish( $answer->is_unknown() ? 'info' : 'error', $answer->is_unknown() ? Deed::unanswered() : Deed::said( $answer ) );
	}

	private static function finish( string $kind, string $words, string $payment_id = '' ): void {
		Deed::finish( self::SUBJECT, Admin::url( Admin::PAYMENTS ), $kind, $words, $payment_id );
	}

	/** What came of the last page, and the way to it while it waits for the card: in a new tab, as its end leads to the shop's page for the buyer. */
	public static function render_result( Client $client ): void {
		$now = null;
		Deed::render_result(
			self::SUBJECT,
			static function ( string $payment_id ) use ( $client, &$now ): ?array {
				$now = Reconciliation::pull( $client, $payment_id );
				return null === $now ? null : array( self::kind( $now['state'] ), self::words( $now ) );
			}
		);
		$url = self::WAITS === ( $now['state'] ?? '' ) && is_string( $now['window_url'] ?? null ) ? esc_url( $now['window_url'], array( 'https', 'http' ) ) : '';
		if ( '' !== $url && current_user_can( Capabilities::SERVE ) ) {
			printf( '<p><a class="button button-primary" data-card-page href="%s" target="_blank" rel="noopener noreferrer">%s</a></p>', $url, esc_html__( 'Type the card (in a new tab)', 'pay-bridge' ) ); // phpcs:ignore WordPress.Security.EscapeOutput -- escaped above.
		}
	}

	private static function kind( string $state ): string {
		$kinds = array(
			'paid'        => 'success',
			'declined'    => 'error',
			'voided'      => 'error',
			'expired'     => 'error',
			'needs_human' => 'warning',
		);
		return $kinds[ $state ] ?? 'info';
	}

	private static function words( array $payment ): string {
		if ( self::WAITS === $payment['state'] ) {
			return __( 'The page is ready. Type the card there: it is good for a few minutes and for one card.', 'pay-bridge' );
		}
		$said = is_string( $payment['message'] ?? null ) ? $payment['message'] : '';
		/* translators: 1: an order's reference, 2: an amount such as 12,000 KRW, 3: a payment's state such as Paid */
		return sprintf( __( 'Telephone order %1$s of %2$s: %3$s', 'pay-bridge' ), $payment['order_ref'], Words::krw( $payment['amount'] ), Words::state( $payment['state'] ) ) . ( '' === $said ? '' : ' – ' . $said );
	}
}
