<?php
/**
 * A customer's own registered cards and phones.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/**
 * [pay_bridge_billing_keys]: a signed-in user's own cards and phones, to register and to delete; with order="…" a phone
 * too, whose registering pays that order. Whose they are follows from who is signed in, never from what was sent.
 */
final class Billing_Keys {

	const SHORTCODE = 'pay_bridge_billing_keys';
	const ACTION    = 'pay_bridge_own_key';
	const URL_CHARS = 900;

	/** What the bridge and a deed add to the page's address. */
	const ADDED = array( 'pay_bridge_key', 'pay_bridge_result', 'deed' );

	/** Of these a customer reads; what is not registered yet, or no more, is no card of theirs. */
	const SHOWN = array( 'issuing', 'active', 'deleting' );

	/** An order with such a payment may have been paid already. */
	const UNDECIDED = array( 'approving', 'unknown', 'voiding', 'awaiting_deposit', 'needs_human' );

	/** Keep a page with the shortcode out of caches while headers can still be sent. */
	public static function action_template_redirect(): void {
		$post = is_singular() ? get_post() : null;
		if ( null !== $post && has_shortcode( $post->post_content, self::SHORTCODE ) ) {
			Caches::bar_page();
		}
	}

	/** The whole of it, to be put on a page. */
	public static function shortcode( $attributes ): string {
		$attributes = shortcode_atts( array( 'order' => '' ), $attributes, self::SHORTCODE );
		Caches::bar_page();
		wp_enqueue_style( 'pay-bridge', plugins_url( 'assets/checkout.css', PAY_BRIDGE_FILE ), array(), PAY_BRIDGE_VERSION );
		ob_start();
		printf( '<section class="pay-bridge-keys" aria-label="%s">', esc_attr__( 'Registered cards and phones', 'pay-bridge' ) );
		$client = Client::of_site();
		if ( ! is_user_logged_in() ) {
			printf( '<p>%s</p>', esc_html__( 'Sign in to see your registered cards and phones, to register one or to delete one.', 'pay-bridge' ) );
			printf( '<p><a class="pay-bridge-button button wp-element-button" href="%s">%s</a></p>', esc_url( wp_login_url( Request::here( array() ) ) ), esc_html__( 'Sign in', 'pay-bridge' ) );
		} elseif ( null === $client ) {
			Checkout::notice( 'not_paired', null );
		} else {
			self::render_own( $client, 'wp:' . get_current_user_id(), sanitize_text_field( (string) $attributes['order'] ) );
		}
		echo '</section>';
		return (string) ob_get_clean();
	}

	private static function render_own( Client $client, string $customer, string $order_ref ): void {
		$back   = self::back();
		$answer = Key_Window::listed( $client, $customer );
		if ( ! $answer->ok() ) {
			self::say( 'error', __( 'Your registered cards and phones cannot be shown at the moment. Please look again in a few minutes.', 'pay-bridge' ) . "\n" . $answer->message(), $back );
			return;
		}
		$all = $answer->body['items'];
		self::render_news( $customer, $all, $back );
		$own = array_filter(
			$all,
			static function ( array $key ): bool {
				return in_array( $key['state'] ?? '', self::SHOWN, true );
			}
		);
		if ( ! $own ) {
			printf( '<p class="pay-bridge-none"><strong>%s</strong></p>', esc_html__( 'You have no registered card or phone.', 'pay-bridge' ) );
		} else {
			echo '<ul class="pay-bridge-list">';
			foreach ( $own as $key ) {
				self::render_key( $key, $back );
			}
			echo '</ul>';
		}
		self::render_registering( $client, $order_ref, $back, ! $own );
	}

	/** What came of the last button or window. Which key the way back is about is sought among the customer's own. */
	private static function render_news( string $customer, array $keys, string $back ): void {
		$deed = Deed::result( $customer );
		if ( null !== $deed ) {
			self::say( $deed['kind'], $deed['words'] );
			return;
		}
		$id = Request::query( 'pay_bridge_key' );
		foreach ( $keys as $key ) {
			if ( '' !== $id && ( $key['id'] ?? '' ) === $id ) {
				$told = Billing_Words::registered( $key );
				self::say( $told['kind'], $told['words'], 'issuing' === ( $key['state'] ?? '' ) ? Request::here( array( 'deed' ) ) : '' );
			}
		}
	}

	private static function say( string $kind, string $words, string $again = '' ): void {
		printf( '<div class="pay-bridge-notice" data-kind="%s" role="status"><p class="pay-bridge-status">%s</p>', esc_attr( $kind ), esc_html( $words ) );
		if ( '' !== $again ) {
			printf( '<p><a href="%s">%s</a></p>', esc_url( $again ), esc_html__( 'Look again', 'pay-bridge' ) );
		}
		echo '</div>';
	}

	private static function render_key( array $key, string $back ): void {
		$id    = (string) ( $key['id'] ?? '' );
		$since = Clock::read( (string) ( $key['issued_at'] ?? '' ) );
		$words = array(
			(string) ( $key['gateway_title'] ?? $key['gateway'] ?? '' ),
			/* translators: %s: a date */
			null === $since ? '' : sprintf( __( 'since %s', 'pay-bridge' ), (string) wp_date( 'Y-m-d', $since ) ),
			'active' === ( $key['state'] ?? '' ) ? '' : Billing_Words::key_state( (string) $key['state'] ),
		);
		printf( '<li data-state="%s"><p id="%s"><strong>%s</strong><br><small>%s</small></p>', esc_attr( (string) $key['state'] ), esc_attr( 'pay-bridge-key-' . $id ), esc_html( Billing_Words::key( $key ) ), esc_html( implode( ' · ', array_filter( $words, 'strlen' ) ) ) );
		if ( in_array( 'delete', is_array( $key['allowed'] ?? null ) ? $key['allowed'] : array(), true ) ) {
			printf( '<details><summary aria-describedby="%s">%s</summary>', esc_attr( 'pay-bridge-key-' . $id ), esc_html__( 'Delete…', 'pay-bridge' ) );
			self::open_form( 'delete', $id, $back );
			printf( '<p>%s</p>', esc_html__( 'The shop can never charge it again. To use it here once more you would have to register it anew.', 'pay-bridge' ) );
			printf( '<p><button type="submit" class="pay-bridge-button button wp-element-button">%s</button></p></form></details>', esc_html__( 'Delete it', 'pay-bridge' ) );
		}
		echo '</li>';
	}

	/** The next buttons: a card always, a phone where there is an order that it pays. */
	private static function render_registering( Client $client, string $order_ref, string $back, bool $has_none ): void {
		list( $order, $obstacle ) = self::payable( $order_ref, '' !== Request::query( 'pay_bridge_key' ) );
		$amount = null === $order ? 0 : $order->amount();
		$cards  = Key_Window::gateways( $client, 'card' );
		$phones = null === $order ? array() : Key_Window::gateways( $client, 'phone', $amount );
		if ( ! $cards && ! $phones ) {
			printf( '<p>%s</p>', esc_html( '' === $order_ref ? __( 'No card can be registered here at the moment. Please try again later, or ask the shop.', 'pay-bridge' ) : __( 'Nothing can be registered here at the moment. Please try again later, or ask the shop.', 'pay-bridge' ) ) );
		}
		if ( $cards && $has_none ) {
			printf( '<p>%s</p>', esc_html__( 'Register a card here once, and the shop can use it for your recurring payments. You can delete it here at any time.', 'pay-bridge' ) );
		}
		if ( $cards ) {
			self::open_form( 'register', '', $back );
			Key_Window::render_buttons( 'card', $cards );
			echo '</form>';
		}
		if ( $phones ) {
			printf( '<p><strong>%s</strong></p>', esc_html( $order->title() ) );
			self::open_form( 'register', $order->ref(), $back );
			Key_Window::render_buttons( 'phone', $phones, $amount );
			echo '</form>';
		} elseif ( '' !== $order_ref && '' !== $obstacle ) {
			printf( '<p>%s</p>', esc_html( $obstacle ) );
		}
	}

	/**
	 * The order that a phone may pay, or why there is none.
	 *
	 * @param string $order_ref The order's reference; may be empty.
	 * @param bool   $came_back Whether a window was just left: its payment is asked for, as its news may not be here yet.
	 * @return array{0:?Order,1:string}
	 */
	private static function payable( string $order_ref, bool $came_back ): array {
		$order = '' === $order_ref ? null : Order::of_buyer( $order_ref, 'checkout', get_current_user_id() );
		if ( null === $order ) {
			return array( null, Words::obstacle( 'no_order' ) );
		}
		$payment  = $came_back ? Reconciliation::refresh( $order_ref ) : Payments::snapshot_of_order( $order_ref );
		$order    = Order::of_buyer( $order_ref, 'checkout', get_current_user_id() );
		$obstacle = null === $order ? 'no_order' : $order->obstacle( time() );
		$state    = null === $payment ? '' : $payment['state'];
		if ( '' === $obstacle && in_array( $state, Payments::HOLDING, true ) ) {
			$obstacle = 'order_paid';
		}
		if ( '' === $obstacle && in_array( $state, self::UNDECIDED, true ) ) {
			return array( null, __( 'We are checking the result. Please do not pay again.', 'pay-bridge' ) );
		}
		return '' === $obstacle ? array( $order, '' ) : array( null, Words::obstacle( $obstacle ) );
	}

	/** Begin a form. `$subject` is the key to delete, or the order that a phone pays. */
	private static function open_form( string $deed, string $subject, string $back ): void {
		printf( '<form method="post" action="%s">', esc_url( admin_url( 'admin-post.php' ) ) );
		$fields = array(
			'action'   => self::ACTION,
			'deed'     => $deed,
			'subject'  => $subject,
			'back'     => $back,
			'key'      => Client::idempotency_key(),
			'_wpnonce' => wp_create_nonce( self::intent( $deed, $subject, $back ) ),
		);
		foreach ( $fields as $name => $value ) {
			printf( '<input type="hidden" name="%s" value="%s">', esc_attr( $name ), esc_attr( $value ) );
		}
	}

	/** What a form's nonce vouches for: this user, this deed, and a way back that we wrote. */
	private static function intent( string $deed, string $subject, string $back ): string {
		return implode( '|', array( self::ACTION, $deed, $subject, $back ) );
	}

	private static function back(): string {
		$back = Request::here( self::ADDED );
		return strlen( $back ) > self::URL_CHARS ? home_url( '/' ) : $back;
	}

	/** Register or delete for whoever is signed in, and show the page again. */
	public static function action_submit(): void {
		$customer = 'wp:' . get_current_user_id();
		$deed     = Request::post( 'deed' );
		$subject  = Request::post( 'subject' );
		$back     = Request::posted_url( 'back' );
		$meant    = false !== wp_verify_nonce( Request::post( '_wpnonce' ), self::intent( $deed, $subject, $back ) );
		if ( ! $meant || ! Deed::is_key( Request::post( 'key' ) ) ) {
			Admin::refuse( __( 'This form is too old. Please open it again.', 'pay-bridge' ), 403 );
		}
		$client = Client::of_site();
		if ( null === $client ) {
			Deed::finish( $customer, $back, 'error', Words::obstacle( 'not_paired' ) );
		}
		if ( 'delete' === $deed && Snapshots::is_id( $subject ) ) {
			$answer = $client->delete( '/v1/billing-keys/' . rawurlencode( $subject ), array( 'customer' => $customer ), Request::post( 'key' ) );
			$state  = Deed::state( $answer );
			Deed::finish( $customer, $back, Billing_Words::kind( 'delete', $state ), Billing_Page::words( $answer, 'key', $state ) );
		}
		$wish = 'register' === $deed ? self::wish( $subject, $back ) : null;
		if ( null === $wish ) {
			Admin::refuse( __( 'This form is too old. Please open it again.', 'pay-bridge' ), 400 );
		}
		$why_not = is_array( $wish ) ? Key_Window::open( $client, $customer, $wish, Request::post( 'key' ) ) : $wish;
		Deed::finish( $customer, $back, 'error', $why_not );
	}

	/** @return array|string|null What is to be registered; the reason why not as a text; null for a form that is none of ours. */
	private static function wish( string $order_ref, string $back ) {
		$choice = Key_Window::chosen();
		if ( null === $choice || ( 'phone' === $choice['method'] ) === ( '' === $order_ref ) ) {
			return null;
		}
		$wish = $choice + array(
			'title'      => self::title(),
			'result_url' => $back,
			'actor'      => 'buyer',
		);
		if ( '' === $order_ref ) {
			return $wish;
		}
		list( $order, $obstacle ) = self::payable( $order_ref, false );
		if ( null === $order ) {
			return $obstacle;
		}
		$for_bridge    = $order->for_bridge();
		$wish['title'] = $for_bridge['title'];
		$wish['order'] = $for_bridge;
		return $wish;
	}

	/** What a card's window is headed by: the site's name. */
	public static function title(): string {
		$name = trim( wp_specialchars_decode( get_bloginfo( 'name' ), ENT_QUOTES ) );
		return mb_substr( '' === $name ? __( 'Register a card', 'pay-bridge' ) : $name, 0, Order::CHARACTERS['title'] );
	}

	/** Who was signed out meanwhile signs in, and finds the page again. */
	public static function action_submit_signed_out(): void {
		wp_safe_redirect( wp_login_url( wp_validate_redirect( Request::posted_url( 'back' ), home_url( '/' ) ) ) );
		exit;
	}
}
