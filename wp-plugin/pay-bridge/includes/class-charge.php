<?php
/**
 * wp-admin: charging a customer's registered card or phone.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/**
 * A charge in two steps: what is wanted, and a confirmation that says whose card pays how much. It is for an order of the
 * shop, at that order's price, or for what the clerk writes.
 */
final class Charge {

	const ACTION = 'pay_bridge_charge';
	const NONCE  = '_pay_bridge_charge';
	/** A charge in this state never reached the gateway. */
	const NOT_SENT = 'open';

	const FIELDS = array( 'id', 'amount', 'title', 'order', 'name', 'phone', 'months' );

	/** The form of the first step: it goes to the same page, for no money moves yet. */
	public static function render_form( string $customer, array $key ): void {
		$fixed = 'phone' === ( $key['method'] ?? '' ) ? (int) ( $key['amount'] ?? 0 ) : 0;
		printf( '<details data-deed="charge"><summary class="button" aria-describedby="%s">%s</summary>', esc_attr( Billing_Page::line_id( $key ) ), esc_html__( 'Charge…', 'pay-bridge' ) );
		printf( '<form method="post" action="%s">', esc_url( Admin::url( Admin::BILLING ) ) );
		wp_nonce_field( self::NONCE . $customer, self::NONCE, false );
		printf( '<input type="hidden" name="customer" value="%s"><input type="hidden" name="id" value="%s">', esc_attr( $customer ), esc_attr( (string) ( $key['id'] ?? '' ) ) );
		printf( '<p><label>%s<br><input type="text" inputmode="numeric" name="amount" value="%s" pattern="[1-9][0-9]{0,9}" required size="11" autocomplete="off"%s></label></p>', esc_html__( 'Amount in KRW', 'pay-bridge' ), esc_attr( $fixed > 0 ? (string) $fixed : '' ), esc_attr( $fixed > 0 ? ' readonly' : '' ) );
		Instalments::render_choice( (int) ( $key['instalment_months_max'] ?? 0 ), (int) ( $key['instalments_from'] ?? 0 ) );
		printf( '<p><label>%s<br><input type="text" name="title" maxlength="%d" size="30" autocomplete="off"></label></p>', esc_html__( 'What for', 'pay-bridge' ), absint( Order::CHARACTERS['title'] ) );
		printf( '<p><label>%s<br><input type="text" name="order" maxlength="64" size="36" autocomplete="off"></label></p>', esc_html__( 'Or an order of the shop that is not paid yet: its number', 'pay-bridge' ) );
		printf( '<p class="description">%s</p>', esc_html__( 'With an order\'s number the amount must be its price, and the order is paid.', 'pay-bridge' ) );
		Customer::render_fields( $customer, false );
		printf( '<p><button type="submit" class="button">%s</button></p></form></details>', esc_html__( 'Next: check it once more', 'pay-bridge' ) );
	}

	/** Whether the first step was sent, by whoever may charge. */
	public static function is_wanted(): bool {
		return current_user_can( Capabilities::SERVE ) && Customer::is_one( Request::post( 'customer' ) )
			&& false !== wp_verify_nonce( Request::post( self::NONCE ), self::NONCE . Request::post( 'customer' ) );
	}

	/** The second step: whose card pays how much for what, and the button. */
	public static function render_confirmation( Client $client, string $customer ): void {
		$wish   = self::wish( $customer );
		$answer = is_array( $wish ) ? $client->get( '/v1/billing-keys/' . rawurlencode( $wish['id'] ), array( 'customer' => $customer ) ) : null;
		if ( null === $answer || ! $answer->ok() ) {
			Admin::notice( 'error', null === $answer ? self::why_not( $wish ) : $answer->message() );
			self::render_back( $customer, __( 'Back', 'pay-bridge' ) );
			return;
		}
		$order   = $wish['order'];
		$of_shop = '' !== Request::post( 'order' );
		$payer   = $of_shop ? Customer::known( $customer )['name'] : $order['buyer']['name'];
		$facts   = array(
			__( 'Customer', 'pay-bridge' ) => Customer::words( $customer, $payer ),
			__( 'Paid with', 'pay-bridge' ) => Billing_Words::key( $answer->body ),
			__( 'Amount', 'pay-bridge' )   => Words::krw( $order['amount'] ),
			__( 'Instalments', 'pay-bridge' ) => Instalments::chosen() > 0 ? Instalments::words( Instalments::chosen() ) : '',
			__( 'What for', 'pay-bridge' ) => $order['title'],
			__( 'Order', 'pay-bridge' )    => $of_shop ? $order['ref'] : '',
			__( 'Buyer', 'pay-bridge' )    => $of_shop ? $order['buyer']['name'] : '',
		);
		printf( '<h2>%s</h2><table class="widefat striped pay-bridge-facts"><tbody>', esc_html__( 'Check it once more', 'pay-bridge' ) );
		foreach ( array_filter( $facts, 'strlen' ) as $name => $value ) {
			printf( '<tr><th scope="row">%s</th><td>%s</td></tr>', esc_html( $name ), esc_html( $value ) );
		}
		/* translators: 1: an amount such as 12,000 KRW, 2: a customer's name */
		printf( '</tbody></table><p><strong>%s</strong></p>', esc_html( sprintf( __( '%1$s is taken from %2$s at once, and nobody is asked again.', 'pay-bridge' ), Words::krw( $order['amount'] ), '' === $payer ? $customer : $payer ) ) );
		$fields = array_combine( self::FIELDS, array_map( array( Request::class, 'post' ), self::FIELDS ) );
		Deed::open_form( self::ACTION, $customer, $fields );
		/* translators: %s: an amount such as 12,000 KRW */
		Deed::close_form( sprintf( __( 'Charge %s', 'pay-bridge' ), Words::krw( $order['amount'] ) ) );
		self::render_back( $customer, __( 'Do not charge', 'pay-bridge' ) );
	}

	/** Charge, then show the customer again. The key of the form is the charge's: however often it comes, it is one charge. */
	public static function action_submit(): void {
		$customer = Request::post( 'subject' );
		$client   = Deed::check( self::ACTION, $customer );
		$wish     = Customer::is_one( $customer ) ? self::wish( $customer ) : '';
		if ( ! is_array( $wish ) ) {
			Admin::refuse( self::why_not( $wish ), 400 );
		}
		$order = $wish['order'];
		$body  = array(
			'customer'          => $customer,
			'order'             => $order,
			'instalment_months' => Instalments::chosen(),
			'actor'             => 'wp:' . get_current_user_id(),
		);
		if ( '' === Request::post( 'order' ) ) {
			Own_Orders::remember( $order['ref'], Own_Orders::CHARGE, $order['title'], $order['amount'] );
		}
		$answer  = $client->post( '/v1/billing-keys/' . rawurlencode( $wish['id'] ) . '/charges', $body, Request::post( 'key' ) );
		$perhaps = $answer->is_unknown() || 'busy' === $answer->code(); // Of a repeat "busy" says nothing about the first one.
		$payment = $perhaps ? self::look_up( $client, $customer, $wish['id'], $order['ref'] ) : $answer->body;
		$known   = Snapshots::is_payment( $payment );
		if ( $known ) {
			Snapshots::apply( $payment, 0 );
		}
		if ( $known ) {
			Deed::finish( $customer, Admin::url( Admin::BILLING ), self::kind( $payment['state'] ), self::words( $payment ), $payment['id'] );
		}
		/* translators: %s: an order's reference */
		$unanswered = Deed::unanswered() . ' ' . sprintf( __( 'Order: %s', 'pay-bridge' ), $order['ref'] );
		Deed::finish( $customer, Admin::url( Admin::BILLING ), $answer->is_unknown() ? 'info' : 'error', $answer->is_unknown() ? $unanswered : Deed::said( $answer ) );
	}

	/** @return array{0:string,1:string}|null Kind and words of a charge that was still under way when it was told; null if the bridge does not say. */
	public static function told_now( Client $client, string $payment_id ): ?array {
		$payment = Reconciliation::pull( $client, $payment_id );
		return null === $payment ? null : array( self::kind( $payment['state'] ), self::words( $payment ) );
	}

	/**
	 * A slow gateway's answer may outlast our patience, and the payment is there all the same: by the method of this key,
	 * and made after this form was. An order of the shop may have other payments, of another method or older.
	 */
	private static function look_up( Client $client, string $customer, string $key_id, string $ref ): array {
		$key    = $client->get( '/v1/billing-keys/' . rawurlencode( $key_id ), array( 'customer' => $customer ) );
		$answer = $client->get( '/v1/payments', array( 'order' => $ref ) );
		$items  = $key->ok() && $answer->ok() && is_array( $answer->body['items'] ?? null ) ? $answer->body['items'] : array();
		foreach ( $items as $payment ) {
			if ( self::is_of_form( $payment, $ref, $key->body['method'] ?? '' ) ) {
				return $payment;
			}
		}
		return array();
	}

	/** One that is only open may be about to be sent, so nothing can be said of it yet. */
	private static function is_of_form( $payment, string $ref, $method ): bool {
		if ( ! Snapshots::is_payment( $payment ) || $payment['order_ref'] !== $ref || self::NOT_SENT === $payment['state'] ) {
			return false;
		}
		$made = strtotime( (string) ( $payment['created_at'] ?? '' ) );
		return ( $payment['method'] ?? null ) === $method && false !== $made && $made >= hexdec( substr( Request::post( 'key' ), 0, 8 ) );
	}

	/**
	 * What is to be charged, as it was typed.
	 *
	 * @return array{id:string,order:array}|string The reason why not, empty for a form that is none of ours.
	 */
	private static function wish( string $customer ) {
		$id     = Request::post( 'id' );
		$amount = Order::amount_of( Request::post( 'amount' ) );
		if ( ! Snapshots::is_id( $id ) ) {
			return '';
		}
		if ( null === $amount ) {
			return __( 'Enter the amount as a whole number of KRW, without commas.', 'pay-bridge' );
		}
		$order = '' === Request::post( 'order' ) ? self::made_up( $customer, $amount ) : self::of_shop( $customer, $amount );
		return is_array( $order ) ? compact( 'id', 'order' ) : $order;
	}

	private static function why_not( string $why ): string {
		return '' === $why ? __( 'This form is too old. Please open it again.', 'pay-bridge' ) : $why;
	}

	/** @return array|string An order of the clerk's own words; its reference follows from the form's key. */
	private static function made_up( string $customer, int $amount ) {
		$title = Request::post( 'title' );
		$buyer = Customer::typed( $customer, false );
		if ( '' === $title ) {
			return __( 'Write what it is for, or enter an order\'s number.', 'pay-bridge' );
		}
		if ( ! is_array( $buyer ) ) {
			return $buyer;
		}
		return array(
			'ref'        => 'charge-' . substr( Request::post( 'key' ), 0, 24 ),
			'version'    => 1,
			'title'      => mb_substr( $title, 0, Order::CHARACTERS['title'] ),
			'amount'     => $amount,
			'buyer'      => $buyer,
			'result_url' => home_url( '/' ),
			'locale'     => determine_locale(),
		);
	}

	/** @return array|string The shop's order: this customer's, not paid yet, at its own price. */
	private static function of_shop( string $customer, int $amount ) {
		$order = Order::find( Request::post( 'order' ), 'checkout', get_current_user_id() );
		if ( null === $order ) {
			return Words::obstacle( 'no_order' );
		}
		$obstacle = $order->obstacle( time() );
		if ( '' !== $obstacle ) {
			return Words::obstacle( $obstacle );
		}
		if ( $order->owner() > 0 && Customer::user_id( $customer ) !== $order->owner() ) {
			return __( 'This order is another customer\'s.', 'pay-bridge' );
		}
		if ( $order->amount() !== $amount ) {
			/* translators: %s: an amount such as 12,000 KRW */
			return sprintf( __( 'The price of this order is %s.', 'pay-bridge' ), Words::krw( $order->amount() ) );
		}
		return $order->for_bridge();
	}

	private static function kind( string $state ): string {
		$kinds = array(
			'paid'         => 'success',
			'declined'     => 'error',
			'voided'       => 'error',
			'needs_human'  => 'warning',
			self::NOT_SENT => 'error',
		);
		return $kinds[ $state ] ?? 'info';
	}

	private static function words( array $payment ): string {
		if ( self::NOT_SENT === $payment['state'] ) {
			/* translators: %s: an amount such as 12,000 KRW */
			return sprintf( __( 'The charge of %s was not sent to the gateway, so no money was taken. You may charge it again.', 'pay-bridge' ), Words::krw( $payment['amount'] ) );
		}
		$said = is_string( $payment['message'] ?? null ) ? $payment['message'] : '';
		/* translators: 1: an amount such as 12,000 KRW, 2: a payment's state such as Paid */
		$words = sprintf( __( 'Charge of %1$s: %2$s', 'pay-bridge' ), Words::krw( $payment['amount'] ), Words::state( $payment['state'] ) ) . ( '' === $said ? '' : ' – ' . $said );
		return in_array( self::kind( $payment['state'] ), array( 'info', 'warning' ), true ) ? $words . '. ' . __( 'Do not charge it again.', 'pay-bridge' ) : $words;
	}

	/** To the customer again, whose name stands in no address. */
	private static function render_back( string $customer, string $button ): void {
		printf( '<form method="post" action="%s">', esc_url( Admin::url( Admin::BILLING ) ) );
		wp_nonce_field( 'pay_bridge_customer', '_pay_bridge_customer', false );
		printf( '<input type="hidden" name="customer" value="%s"><p><button type="submit" class="button">%s</button></p></form>', esc_attr( $customer ), esc_html( $button ) );
	}
}
