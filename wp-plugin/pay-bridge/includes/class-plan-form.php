<?php
/**
 * wp-admin: registering a recurring plan of a gateway's own.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Registers a plan and shows the page on which the customer agrees to it: before that no money moves. */
final class Plan_Form {

	const ACTION   = 'pay_bridge_plan';
	const SERVICE  = 'plans';
	const LAST_DAY = 90;

	/** The form, where a gateway of the site has plans of its own. */
	public static function render( Client $client, string $customer ): void {
		$gateways = current_user_can( Capabilities::SERVE ) ? Services::gateways( $client, self::SERVICE ) : array();
		if ( ! $gateways ) {
			return;
		}
		printf( '<details data-new-plan><summary class="button">%s</summary>', esc_html__( 'Register a recurring plan…', 'pay-bridge' ) );
		Deed::open_form( self::ACTION, $customer );
		printf( '<p>%s</p>', esc_html__( 'Nothing is charged before the customer has agreed on the gateway\'s page. You get its address to send.', 'pay-bridge' ) );
		printf( '<p><label>%s<br><input type="text" name="title" required maxlength="%d" size="30" autocomplete="off"></label></p>', esc_html__( 'Name of the plan', 'pay-bridge' ), absint( Order::CHARACTERS['title'] ) );
		printf( '<p><label>%s<br><input type="text" inputmode="numeric" name="amount" pattern="[1-9][0-9]{0,9}" required size="11" autocomplete="off"></label></p>', esc_html__( 'Amount in KRW, each time', 'pay-bridge' ) );
		self::render_rhythm();
		printf( '<p><label>%s<br><input type="date" name="ends" required min="%s" value="%s"></label></p>', esc_html__( 'Last day', 'pay-bridge' ), esc_attr( self::korean_day( time() ) ), esc_attr( self::korean_day( time() + YEAR_IN_SECONDS ) ) );
		Customer::render_fields( $customer, true );
		self::render_gateways( $gateways );
		Deed::close_form( __( 'Register it', 'pay-bridge' ) );
		echo '</details>';
	}

	/** The day in Korea, where gateways count them, whatever the site's own time zone is. */
	private static function korean_day( int $at ): string {
		return (string) wp_date( 'Y-m-d', $at, new \DateTimeZone( 'Asia/Seoul' ) );
	}

	private static function render_rhythm(): void {
		printf( '<p><label>%s<br><select name="rhythm" required>', esc_html__( 'When it is charged', 'pay-bridge' ) );
		foreach ( self::rhythms() as $value => $words ) {
			printf( '<option value="%s">%s</option>', esc_attr( $value ), esc_html( $words ) );
		}
		echo '</select></label></p>';
	}

	private static function render_gateways( array $gateways ): void {
		if ( 1 === count( $gateways ) ) {
			printf( '<input type="hidden" name="gateway" value="%s">', esc_attr( (string) key( $gateways ) ) );
			return;
		}
		printf( '<p><label>%s<br><select name="gateway" required>', esc_html__( 'Gateway', 'pay-bridge' ) );
		foreach ( $gateways as $name => $gateway ) {
			printf( '<option value="%s">%s</option>', esc_attr( $name ), esc_html( $gateway['title'] ) );
		}
		echo '</select></label></p>';
	}

	/** Cycle and day, and what people call them. */
	private static function rhythms(): array {
		global $wp_locale;
		$rhythms = array();
		for ( $day = 1; $day <= 31; $day++ ) {
			/* translators: %d: a day of the month */
			$rhythms[ 'month:' . $day ] = sprintf( __( 'Every month, on day %d', 'pay-bridge' ), $day );
		}
		$rhythms[ 'month:' . self::LAST_DAY ] = __( 'Every month, on its last day', 'pay-bridge' );
		for ( $day = 1; $day <= 7; $day++ ) {
			/* translators: %s: a day of the week */
			$rhythms[ 'week:' . $day ] = sprintf( __( 'Every week, on %s', 'pay-bridge' ), $wp_locale->get_weekday( $day % 7 ) );
		}
		return $rhythms + array( 'day:0' => __( 'Every day', 'pay-bridge' ) );
	}

	/** Register, then show the customer again, with the plan and the address of its page. */
	public static function action_submit(): void {
		$customer = Request::post( 'subject' );
		$client   = Deed::check( self::ACTION, $customer );
		$plan     = Customer::is_one( $customer ) ? self::typed( $customer ) : __( 'This form is too old. Please open it again.', 'pay-bridge' );
		if ( ! is_array( $plan ) ) {
			Admin::refuse( $plan, 400 );
		}
		Own_Orders::remember( $plan['order_ref'], Own_Orders::PLAN, $plan['title'], $plan['amount'] );
		$answer = $client->post( '/v1/plans', $plan, Request::post( 'key' ) );
		$state  = Deed::state( $answer );
		$kind   = 'waiting' === $state || 'active' === $state ? 'success' : ( in_array( $state, array( 'registering', Deed::NO_ANSWER ), true ) ? 'info' : 'error' );
		Deed::finish( $customer, Admin::url( Admin::BILLING ), $kind, self::words( $answer, $state ) );
	}

	/** @return array|string The plan as the bridge wants it; the reason why not as a text. */
	private static function typed( string $customer ) {
		$title  = Request::post( 'title' );
		$amount = Order::amount_of( Request::post( 'amount' ) );
		$rhythm = Request::post( 'rhythm' );
		$ends   = Request::post( 'ends' );
		$buyer  = Customer::typed( $customer, true );
		if ( '' === $title ) {
			/* translators: %s: what a field of a form is called */
			return sprintf( __( 'Please fill in: %s', 'pay-bridge' ), __( 'Name of the plan', 'pay-bridge' ) );
		}
		if ( null === $amount ) {
			return __( 'Enter the amount as a whole number of KRW, without commas.', 'pay-bridge' );
		}
		if ( ! isset( self::rhythms()[ $rhythm ] ) || 1 !== preg_match( '/\A([0-9]{4})-([0-9]{2})-([0-9]{2})\z/', $ends, $date ) || ! checkdate( (int) $date[2], (int) $date[3], (int) $date[1] ) || $ends < self::korean_day( time() ) ) {
			return __( 'Choose when it is charged, and a last day that has not passed.', 'pay-bridge' );
		}
		if ( ! is_array( $buyer ) ) {
			return $buyer;
		}
		list( $cycle, $day ) = explode( ':', $rhythm );
		return array(
			'customer'   => $customer,
			'order_ref'  => 'plan-' . substr( Request::post( 'key' ), 0, 24 ),
			'title'      => mb_substr( $title, 0, Order::CHARACTERS['title'] ),
			'amount'     => $amount,
			'buyer'      => $buyer,
			'cycle'      => $cycle,
			'day'        => (int) $day,
			'ends'       => $ends,
			'result_url' => home_url( '/' ),
			'actor'      => 'wp:' . get_current_user_id(),
			'gateway'    => (string) preg_replace( '/[^A-Za-z]/', '', Request::post( 'gateway' ) ),
		);
	}

	private static function words( Answer $answer, string $state ): string {
		if ( Deed::NO_ANSWER === $state ) {
			return Deed::unanswered();
		}
		if ( ! $answer->ok() ) {
			return Deed::said( $answer );
		}
		return 'waiting' === $state
			? __( 'The plan is registered and begins when the customer agrees. Send the address of the page below.', 'pay-bridge' )
			: __( 'Recurring plan', 'pay-bridge' ) . ': ' . Billing_Words::plan_state( $state );
	}

	/** The page on which a customer agrees to a plan, to be sent: it stands with the plan until somebody has agreed. */
	public static function render_page( string $customer, array $plan ): void {
		$url = is_string( $plan['window_url'] ?? null ) ? esc_url_raw( $plan['window_url'], array( 'https', 'http' ) ) : '';
		if ( '' === $url || ! current_user_can( Capabilities::SERVE ) ) {
			return;
		}
		Customer::render_address( $customer, __( 'The page on which the customer agrees', 'pay-bridge' ), $url, __( 'Please agree to the recurring payment', 'pay-bridge' ) );
	}
}
