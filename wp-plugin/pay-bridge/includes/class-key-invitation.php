<?php
/**
 * A clerk's invitation to register a card or phone.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/**
 * wp-admin makes an address that is sent to the customer. It opens a page of this site with the buttons that register,
 * for a week and for one card or phone; a gateway's own window would be over after minutes. Whoever has the address
 * may register for that customer, and see nothing. That it is one and no more the bridge sees to, whatever windows of it
 * are open at once: it knows the invitation by the name `ref`.
 */
final class Key_Invitation {

	const ACTION       = 'pay_bridge_invitation';
	const QUERY        = 'pay_bridge_invitation';
	const KEPT         = 'pay_bridge_invitation_';
	const MADE         = 'pay_bridge_invited_';
	const KEEP_SECONDS = WEEK_IN_SECONDS;

	/** Once a key is one of these, the invitation was used. */
	const USED = array( 'active', 'deleting', 'deleted' );

	/** The buttons below a customer's list, for what a gateway of the site can register; a sentence where none can. */
	public static function render_forms( Client $client, string $customer ): void {
		if ( ! current_user_can( Capabilities::SERVE ) ) {
			return;
		}
		$openers = array(
			'card'  => __( 'Have a card registered…', 'pay-bridge' ),
			'phone' => __( 'Have a phone registered…', 'pay-bridge' ),
		);
		$able    = array_filter(
			array_keys( $openers ),
			static function ( string $method ) use ( $client ): bool {
				return array() !== Services::gateways( $client, Key_Window::SERVICES[ $method ] );
			}
		);
		if ( ! $able ) {
			printf( '<p class="description">%s</p>', esc_html__( 'No gateway of this site lets a customer register a card or phone in its window, or the payment service does not say so at the moment.', 'pay-bridge' ) );
		}
		echo '<div class="pay-bridge-deeds">';
		foreach ( $able as $method ) {
			printf( '<details data-invite="%s"><summary class="button">%s</summary>', esc_attr( $method ), esc_html( $openers[ $method ] ) );
			Deed::open_form( self::ACTION, $customer, array( 'method' => $method ) );
			printf( '<p>%s</p>', esc_html__( 'You get an address to send to the customer. It opens a page with a button to the window that registers, for a week and for one registration. Send it to nobody else: whoever has it can register for this customer.', 'pay-bridge' ) );
			if ( 'phone' === $method ) {
				printf( '<p>%s</p>', esc_html__( 'Registering a phone charges it at once; each later charge is the same amount.', 'pay-bridge' ) );
				printf( '<p><label>%s<br><input type="text" name="title" required maxlength="%d" size="30" autocomplete="off"></label></p>', esc_html__( 'What for', 'pay-bridge' ), absint( Order::CHARACTERS['title'] ) );
				printf( '<p><label>%s<br><input type="text" inputmode="numeric" name="amount" pattern="[1-9][0-9]{0,9}" required size="11" autocomplete="off"></label></p>', esc_html__( 'Amount in KRW', 'pay-bridge' ) );
			}
			Deed::close_form( __( 'Make the address', 'pay-bridge' ) );
			echo '</details>';
		}
		echo '</div>';
	}

	/** Make the address, once for a form, and show the customer again. */
	public static function action_submit(): void {
		$customer = Request::post( 'subject' );
		Deed::check( self::ACTION, $customer );
		$invited = Customer::is_one( $customer ) ? self::typed( $customer ) : __( 'This form is too old. Please open it again.', 'pay-bridge' );
		if ( ! is_array( $invited ) ) {
			Admin::refuse( $invited, 400 );
		}
		$made = self::MADE . Request::post( 'key' );
		if ( false === get_transient( $made ) ) {
			$token = bin2hex( random_bytes( 16 ) );
			set_transient( self::KEPT . $token, $invited, self::KEEP_SECONDS );
			set_transient( $made, $token, Deed::KEEP_SECONDS );
		}
		Deed::finish( $customer, Admin::url( Admin::BILLING ), 'success', __( 'The address is made. Send it to the customer: it is good for a week.', 'pay-bridge' ) );
	}

	/** @return array|string What is to be registered; the reason why not as a text. */
	private static function typed( string $customer ) {
		$method = Request::post( 'method' );
		$title  = Request::post( 'title' );
		$amount = Order::amount_of( Request::post( 'amount' ) );
		if ( ! isset( Key_Window::SERVICES[ $method ] ) ) {
			return __( 'This form is too old. Please open it again.', 'pay-bridge' );
		}
		if ( 'phone' === $method && '' === $title ) {
			/* translators: %s: what a field of a form is called */
			return sprintf( __( 'Please fill in: %s', 'pay-bridge' ), __( 'What for', 'pay-bridge' ) );
		}
		if ( 'phone' === $method && null === $amount ) {
			return __( 'Enter the amount as a whole number of KRW, without commas.', 'pay-bridge' );
		}
		return array(
			'customer' => $customer,
			'method'   => $method,
			'title'    => 'phone' === $method ? mb_substr( $title, 0, Order::CHARACTERS['title'] ) : Billing_Keys::title(),
			'amount'   => 'phone' === $method ? $amount : 0,
			'ref'      => 'key-' . substr( Request::post( 'key' ), 0, 24 ),
			'actor'    => 'wp:' . get_current_user_id(),
		);
	}

	/** The address that the last deed made, where it is this clerk's and this customer's. */
	public static function render_made( string $customer ): void {
		$key   = Request::query( 'deed' );
		$token = Deed::is_key( $key ) && null !== Deed::result( $customer ) ? get_transient( self::MADE . $key ) : false;
		if ( is_string( $token ) ) {
			Customer::render_address( $customer, __( 'The page on which the customer registers', 'pay-bridge' ), self::url( $token ), __( 'Please register your card or phone', 'pay-bridge' ) );
		}
	}

	private static function url( string $token ): string {
		return add_query_arg( self::QUERY, $token, home_url( '/' ) );
	}

	/** The customer's page. Ordinary pages leave at the first line. */
	public static function action_template_redirect(): void {
		$token = Request::query( self::QUERY );
		if ( '' === $token ) {
			return;
		}
		Caches::bar_page();
		header( 'Referrer-Policy: no-referrer' ); // The token is in this page's address.
		$invited = Deed::is_key( $token ) ? get_transient( self::KEPT . $token ) : false;
		if ( ! is_array( $invited ) ) {
			self::show( 404, __( 'This address is no longer good. Please ask the shop for a new one.', 'pay-bridge' ) );
		}
		$client = Client::of_site();
		if ( null === $client ) {
			self::show( 503, Words::obstacle( 'not_paired' ) );
		}
		self::take( $client, $token, $invited, self::look( $client, $token, $invited ) );
	}

	/** What came of the windows so far: the page ends here where one registered something or may be about to; else what the last one said. */
	private static function look( Client $client, string $token, array $invited ): string {
		$answer = Key_Window::listed( $client, $invited['customer'] );
		if ( ! $answer->ok() ) {
			self::show( 503, $answer->message(), self::url( $token ) );
		}
		$opened = array_values(
			array_filter(
				$answer->body['items'],
				static function ( array $key ) use ( $invited ): bool {
					return ( $key['invitation'] ?? '' ) === $invited['ref'];
				}
			)
		);
		$states = array_column( $opened, 'state' );
		if ( array_intersect( $states, self::USED ) ) {
			self::show( 200, Billing_Words::registered( array( 'state' => 'active' ) )['words'] . "\n" . __( 'This address is used up now. If you would like to register another one, please ask the shop for a new address.', 'pay-bridge' ) );
		}
		if ( in_array( 'issuing', $states, true ) ) {
			self::show( 200, Billing_Words::registered( array( 'state' => 'issuing' ) )['words'], self::url( $token ) );
		}
		return $opened ? Billing_Words::registered( $opened[0] )['words'] : '';
	}

	/** Open the window where a button was pressed; else show the buttons, and what came of the last one. */
	private static function take( Client $client, string $token, array $invited, string $said ): void {
		$choice = Key_Window::chosen();
		if ( null !== $choice && $invited['method'] === $choice['method'] && Deed::is_key( Request::post( 'key' ) ) ) {
			$said = Key_Window::open( $client, $invited['customer'], $choice + self::wish( $token, $invited ), Request::post( 'key' ) );
		}
		$gateways = Key_Window::gateways( $client, $invited['method'], $invited['amount'] );
		if ( ! $gateways ) {
			self::show( 503, __( 'Nothing can be registered here at the moment. Please try again later, or ask the shop.', 'pay-bridge' ), self::url( $token ) );
		}
		self::show( 200, $said, '', $token, $invited, $gateways );
	}

	private static function wish( string $token, array $invited ): array {
		$wish = array(
			'title'      => $invited['title'],
			'result_url' => self::url( $token ),
			'actor'      => $invited['actor'],
			'invitation' => $invited['ref'],
		);
		if ( 'phone' !== $invited['method'] ) {
			return $wish;
		}
		Own_Orders::remember( $invited['ref'], Own_Orders::CHARGE, $invited['title'], $invited['amount'] );
		$order = array(
			'ref'        => $invited['ref'],
			'version'    => 1,
			'title'      => $invited['title'],
			'amount'     => $invited['amount'],
			'buyer'      => Customer::buyer( $invited['customer'] ),
			'result_url' => self::url( $token ),
			'locale'     => determine_locale(),
		);
		return $wish + compact( 'order' );
	}

	/** A page of its own, whatever the theme: nothing here but what to do. */
	private static function show( int $status, string $said, string $again = '', string $token = '', array $invited = array(), array $gateways = array() ): void {
		$phone = 'phone' === ( $invited['method'] ?? '' );
		$title = $phone ? __( 'Register a phone', 'pay-bridge' ) : __( 'Register a card', 'pay-bridge' );
		ob_start();
		printf( '<link rel="stylesheet" href="%s">', esc_url( plugins_url( 'assets/checkout.css', PAY_BRIDGE_FILE ) ) ); // phpcs:ignore WordPress.WP.EnqueuedResources -- wp_die() prints no queue.
		printf( '<div class="pay-bridge-keys"><h1>%s</h1>', esc_html( Billing_Keys::title() ) );
		if ( '' !== $said ) {
			printf( '<p class="pay-bridge-status" role="status">%s</p>', esc_html( $said ) );
		}
		if ( '' !== $again ) {
			printf( '<p><a href="%s">%s</a></p>', esc_url( $again ), esc_html__( 'Look again', 'pay-bridge' ) );
		}
		if ( $gateways ) {
			printf( '<p>%s</p>', esc_html( $phone ? $invited['title'] : __( 'The shop asks you to register a card for recurring payments.', 'pay-bridge' ) ) );
			printf( '<form method="post" action="%s"><input type="hidden" name="key" value="%s">', esc_url( self::url( $token ) ), esc_attr( Client::idempotency_key() ) );
			Key_Window::render_buttons( $invited['method'], $gateways, $invited['amount'] );
			echo '</form>';
		} else {
			printf( '<p><a href="%s">%s</a></p>', esc_url( home_url( '/' ) ), esc_html__( 'To the shop', 'pay-bridge' ) );
		}
		echo '</div>';
		wp_die( (string) ob_get_clean(), esc_html( $title ), array( 'response' => absint( $status ) ) ); // phpcs:ignore WordPress.Security.EscapeOutput -- escaped above.
	}
}
