<?php
/**
 * A customer of registered cards and recurring plans.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Who a customer is: a WordPress user, by the name wp:7, or somebody whom only the shop knows. */
final class Customer {

	const SHAPE = '/\A[A-Za-z0-9._:-]{1,64}\z/';

	/** A Korean mobile number: as personal as an e-mail address, and no name at the bridge, where it would stand in addresses. */
	const MOBILE = '/\A(?:0|82-?)1[016-9]-?[0-9]{3,4}-?[0-9]{4}\z/';

	/** The customer's name at the bridge: of a WordPress user, or as it was typed; empty if neither, and for an e-mail address that is no user's. */
	public static function of( string $typed ): string {
		$user = get_user_by( is_email( $typed ) ? 'email' : 'login', $typed );
		if ( $user ) {
			return 'wp:' . $user->ID;
		}
		return self::is_one( $typed ) ? $typed : '';
	}

	public static function is_one( string $customer ): bool {
		return 1 === preg_match( self::SHAPE, $customer ) && 1 !== preg_match( self::MOBILE, $customer );
	}

	/** The WordPress user's id; 0 for anybody else. */
	public static function user_id( string $customer ): int {
		return 1 === preg_match( '/\Awp:([1-9][0-9]{0,9})\z/', $customer, $found ) ? (int) $found[1] : 0;
	}

	/**
	 * What the site knows of a customer, to begin a form with.
	 *
	 * @return array{name:string,email:string,phone:string}
	 */
	public static function known( string $customer ): array {
		$user  = get_userdata( self::user_id( $customer ) );
		$known = array(
			'name'  => $user ? $user->display_name : '',
			'email' => $user ? $user->user_email : '',
			'phone' => '',
		);
		/** What the shop knows of a customer: name, email, phone. A form of wp-admin begins with it. */
		$told = apply_filters( 'pay_bridge_customer', $known, $customer );
		foreach ( $known as $name => $value ) {
			$known[ $name ] = is_array( $told ) && is_string( $told[ $name ] ?? null ) ? $told[ $name ] : $value;
		}
		return $known;
	}

	/** The buyer, as far as the site knows the customer: for a window, which asks for the rest itself. */
	public static function buyer( string $customer ): array {
		$known = self::known( $customer );
		$buyer = array(
			'id'    => $customer,
			'name'  => mb_substr( '' === trim( $known['name'] ) ? __( 'Buyer', 'pay-bridge' ) : $known['name'], 0, Order::CHARACTERS['name'] ),
			'email' => mb_substr( $known['email'], 0, Order::CHARACTERS['email'] ),
			'phone' => mb_substr( Order::phone( $known['phone'] ), 0, Order::CHARACTERS['phone'] ),
		);
		return array_filter( $buyer, 'strlen' );
	}

	/** Whom a clerk reads about: the person's name, and what the bridge calls the customer. */
	public static function words( string $customer, string $name ): string {
		return '' === $name ? $customer : $name . ' (' . $customer . ')';
	}

	/** The fields for whom a charge or a plan is; what the site knows stands in them already. */
	public static function render_fields( string $customer, bool $needs_phone ): void {
		$known = self::known( $customer );
		printf( '<p><label>%s<br><input type="text" name="name" value="%s" required maxlength="100" size="30" autocomplete="off"></label></p>', esc_html__( 'The customer\'s name', 'pay-bridge' ), esc_attr( $known['name'] ) );
		printf(
			'<p><label>%s<br><input type="text" inputmode="tel" name="phone" value="%s" pattern="[0-9 \-]{9,20}" maxlength="20" size="20" autocomplete="off"%s></label></p>',
			esc_html( $needs_phone ? __( 'The customer\'s mobile phone', 'pay-bridge' ) : __( 'The customer\'s phone (may be left empty)', 'pay-bridge' ) ),
			esc_attr( $known['phone'] ),
			esc_attr( $needs_phone ? ' required' : '' )
		);
	}

	/** An address to be sent to the customer: to be copied, or by e-mail where the site knows one. */
	public static function render_address( string $customer, string $label, string $url, string $subject ): void {
		printf( '<p class="pay-bridge-address"><label>%s<br><input type="text" readonly size="40" value="%s" data-whole></label> ', esc_html( $label ), esc_attr( $url ) );
		printf( '<button type="button" class="button" data-copy="%s" hidden>%s</button> ', esc_attr__( 'Copied', 'pay-bridge' ), esc_html__( 'Copy', 'pay-bridge' ) );
		$email = self::known( $customer )['email'];
		if ( is_email( $email ) ) {
			printf( '<a class="button" href="%s">%s</a>', esc_url( 'mailto:' . rawurlencode( $email ) . '?subject=' . rawurlencode( $subject ) . '&body=' . rawurlencode( $url ) ), esc_html__( 'Write an e-mail', 'pay-bridge' ) );
		}
		echo '</p>';
	}

	/** The buyer, as typed into these fields; the reason why not as a text. */
	public static function typed( string $customer, bool $needs_phone ) {
		$name  = Request::post( 'name' );
		$phone = Order::phone( Request::post( 'phone' ) );
		if ( '' === $name ) {
			/* translators: %s: what a field of a form is called */
			return sprintf( __( 'Please fill in: %s', 'pay-bridge' ), __( 'The customer\'s name', 'pay-bridge' ) );
		}
		if ( '' === $phone ? $needs_phone : 1 !== preg_match( '/\A0[0-9]{8,10}\z/', $phone ) ) {
			return __( 'Enter the phone number with its area code, such as 010-1234-5678.', 'pay-bridge' );
		}
		$buyer = array(
			'id'    => $customer,
			'name'  => mb_substr( $name, 0, Order::CHARACTERS['name'] ),
			'email' => mb_substr( self::known( $customer )['email'], 0, Order::CHARACTERS['email'] ),
			'phone' => $phone,
		);
		return array_filter( $buyer, 'strlen' );
	}
}
