<?php
/**
 * The checkout form.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Prints a plain form that posts the sealed order to the bridge; the script makes it comfortable, but is not needed. */
final class Checkout {

	/** What the shortcode offers before the bridge has told what its gateways take. */
	const USUAL_METHODS = array( 'card', 'account', 'virtual_account', 'phone', 'kakaopay', 'naverpay', 'payco' );

	/** What the filter `pay_bridge_device` may answer. */
	const DEVICES = array( 'pc', 'mobile', 'app' );

	/** @var bool Whether a form was opened and not closed yet. */
	private static $open = false;

	/** Keep the page out of caches: it carries a token made for this visitor a moment ago. */
	public static function prepare( string $order_ref ): void {
		if ( '' !== $order_ref ) {
			Caches::bar_page();
		}
		self::enqueue();
	}

	/**
	 * Open the form, or say why there is none.
	 *
	 * @param string $order_ref The order's reference.
	 * @param array  $args      `class`: further CSS classes.
	 */
	public static function form_begin( string $order_ref, array $args = array() ): bool {
		self::prepare( $order_ref );
		$order    = Order::of_buyer( $order_ref, 'checkout', get_current_user_id() );
		$keys     = Settings::keys();
		$obstacle = null === $order ? 'no_order' : $order->obstacle( time() );
		$obstacle = '' === $obstacle && null === $keys ? 'not_paired' : $obstacle;
		if ( '' !== $obstacle ) {
			self::notice( $obstacle, $order );
			return false;
		}
		$now    = Clock::now();
		$sealed = $order->seal( $keys, $now );
		printf(
			'<form class="%1$s" method="post" action="%2$s" data-pay-bridge-order="%3$s" data-pay-bridge="%4$s">',
			esc_attr( trim( 'pay-bridge-form ' . (string) ( $args['class'] ?? '' ) ) ),
			esc_url( $keys->url . '/checkout' ),
			esc_attr( $order->ref() ),
			esc_attr( (string) wp_json_encode( self::for_script( $sealed['expires_at'] - $now ), JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES ) )
		);
		$fields = array(
			'token'            => $sealed['token'],
			'pay_bridge_order' => $order->ref(),
			'device'           => self::device(),
		);
		foreach ( $fields as $name => $value ) {
			printf( '<input type="hidden" name="%s" value="%s">', esc_attr( $name ), esc_attr( $value ) );
		}
		self::$open = true;
		return true;
	}

	/** What opens the window: `pc`, `mobile` or, where the shop's filter says so, its own `app`. */
	public static function device(): string {
		$usual  = wp_is_mobile() ? 'mobile' : 'pc';
		$device = apply_filters( 'pay_bridge_device', $usual );
		return in_array( $device, self::DEVICES, true ) ? $device : $usual;
	}

	/** Close the form, with the region in which the script says what happens. */
	public static function form_end(): void {
		if ( self::$open ) {
			echo '<p class="pay-bridge-status" role="status" aria-live="polite"></p></form>';
			self::$open = false;
		}
	}

	/** [pay_bridge_checkout order="..."]: the whole form, methods and button included. */
	public static function shortcode( $attributes ): string {
		$attributes = shortcode_atts( array( 'order' => '' ), $attributes, 'pay_bridge_checkout' );
		$order_ref  = sanitize_text_field( (string) $attributes['order'] );
		ob_start();
		if ( self::form_begin( $order_ref ) ) {
			$order = Order::of_buyer( $order_ref, 'checkout', get_current_user_id() );
			self::methods( $order->amount(), '' !== ( $order->for_bridge()['buyer']['phone'] ?? '' ) );
			/* translators: %s: an amount such as 12,000 KRW */
			printf( '<button type="submit" class="pay-bridge-button button wp-element-button">%s</button>', esc_html( sprintf( __( 'Pay %s', 'pay-bridge' ), Words::krw( $order->amount() ) ) ) );
			self::form_end();
		}
		return (string) ob_get_clean();
	}

	private static function methods( int $amount, bool $has_phone ): void {
		$methods = Methods::for_amount( $amount, $has_phone );
		$offered = array();
		foreach ( null === $methods ? self::USUAL_METHODS : array() as $code ) {
			$offered[ $code ] = array(
				'name' => Words::method( $code ),
				'why'  => '',
			);
		}
		$offered += (array) $methods;
		$chosen   = array_search( '', array_column( $offered, 'why' ), true );
		$index    = 0;
		printf( '<fieldset class="pay-bridge-methods"><legend>%s</legend>', esc_html__( 'Payment method', 'pay-bridge' ) );
		foreach ( $offered as $code => $method ) {
			printf(
				'<label><input type="radio" name="method" value="%s"%s%s> %s%s</label>',
				esc_attr( $code ),
				checked( $chosen, $index++, false ),
				disabled( '' !== $method['why'], true, false ),
				esc_html( $method['name'] ),
				'' === $method['why'] ? '' : '<br><small>' . esc_html( $method['why'] ) . '</small>'
			); // phpcs:ignore WordPress.Security.EscapeOutput -- fixed attributes, and an escaped sentence.
		}
		echo '</fieldset>';
	}

	/** Say why nothing can be paid, and the way on. */
	public static function notice( string $obstacle, ?Order $order ): void {
		printf( '<div class="pay-bridge-notice" role="status"><p>%s</p>', esc_html( Words::obstacle( $obstacle ) ) );
		if ( 'order_paid' === $obstacle && null !== $order ) {
			printf( '<p><a href="%s">%s</a></p>', esc_url( $order->result_url() ), esc_html__( 'See the order', 'pay-bridge' ) );
		}
		if ( 'not_paired' === $obstacle && current_user_can( Capabilities::MANAGE ) ) {
			printf( '<p><a href="%s">%s</a></p>', esc_url( admin_url( 'admin.php?page=pay-bridge-settings' ) ), esc_html__( 'Only you see this: enter the pairing code', 'pay-bridge' ) );
		}
		echo '</div>';
	}

	private static function enqueue(): void {
		wp_enqueue_script( 'pay-bridge-checkout', plugins_url( 'assets/checkout.js', PAY_BRIDGE_FILE ), array(), PAY_BRIDGE_VERSION, true );
		wp_enqueue_style( 'pay-bridge', plugins_url( 'assets/checkout.css', PAY_BRIDGE_FILE ), array(), PAY_BRIDGE_VERSION );
		add_filter( 'script_loader_tag', array( self::class, 'filter_script_loader_tag' ), 10, 2 );
	}

	/** Deferred, in a way WordPress 6.1 knows too. */
	public static function filter_script_loader_tag( $tag, $handle ) {
		$ours = in_array( $handle, array( 'pay-bridge-checkout', 'pay-bridge-result', 'pay-bridge-escrow' ), true );
		return $ours && false === strpos( $tag, ' defer' ) ? str_replace( ' src=', ' defer src=', $tag ) : $tag;
	}

	/** What the script needs; no inline script, so a strict content security policy is no obstacle. */
	private static function for_script( int $expires_seconds ): array {
		return array(
			'ajax'    => admin_url( 'admin-ajax.php' ),
			'seconds' => $expires_seconds,
			'say'     => array(
				'opening'   => __( 'Opening the payment window…', 'pay-bridge' ),
				'waiting'   => __( 'Finish the payment in the new window. This page will follow by itself.', 'pay-bridge' ),
				'blocked'   => __( 'The payment window was blocked, so the payment continues in this window.', 'pay-bridge' ),
				'checking'  => __( 'We are checking the result. Please do not pay again.', 'pay-bridge' ),
				'failed'    => __( 'Nothing was paid. You can try again.', 'pay-bridge' ),
				'trouble'   => __( 'The payment window could not be opened. Nothing was charged; please try again.', 'pay-bridge' ),
				'done'      => __( 'Done. Taking you to the order…', 'pay-bridge' ),
			),
		);
	}
}
