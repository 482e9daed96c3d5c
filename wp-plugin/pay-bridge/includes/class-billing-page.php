<?php
/**
 * wp-admin: a customer's registered cards and recurring plans.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Lists what a customer registered, charges or deletes a card, and pauses, resumes or ends a plan of the gateway's own. */
final class Billing_Page {

	const ACTION = 'pay_bridge_billing';

	/** Which customer is posted or follows from the last deed: an e-mail address may be typed to find a user, so it stands in no address. */
	public static function render(): void {
		if ( ! current_user_can( Capabilities::VIEW ) ) {
			Admin::refuse( __( 'You may not see payments.', 'pay-bridge' ), 403 );
		}
		$typed    = false === wp_verify_nonce( Request::post( '_pay_bridge_customer' ), 'pay_bridge_customer' ) ? '' : Request::post( 'customer' );
		$customer = '' === $typed ? Deed::subject() : Customer::of( $typed );
		printf( '<div class="wrap pay-bridge"><h1>%s</h1>', esc_html__( 'Recurring payments', 'pay-bridge' ) );
		$client = Client::of_site();
		if ( null === $client ) {
			Admin::notice( 'warning', Payments_Page::why_not_paired() );
		} elseif ( Charge::is_wanted() ) {
			Charge::render_confirmation( $client, Request::post( 'customer' ) );
		} else {
			self::render_search( '' === $typed ? $customer : $typed );
			Deed::render_result(
				$customer,
				static function ( string $payment_id ) use ( $client ): ?array {
					return Charge::told_now( $client, $payment_id );
				}
			);
			Key_Invitation::render_made( $customer );
			self::render_lists( $client, $customer, $typed );
		}
		echo '</div>';
	}

	private static function render_search( string $shown ): void {
		printf( '<form method="post" action="%s">', esc_url( Admin::url( Admin::BILLING ) ) );
		wp_nonce_field( 'pay_bridge_customer', '_pay_bridge_customer', false );
		printf( '<p><label>%s <input type="text" name="customer" value="%s" maxlength="100" autocomplete="off" aria-describedby="pay-bridge-customer-help"></label> ', esc_html__( 'Customer', 'pay-bridge' ), esc_attr( $shown ) );
		printf( '<button type="submit" class="button">%s</button></p>', esc_html__( 'Show', 'pay-bridge' ) );
		printf( '<p class="description" id="pay-bridge-customer-help">%s</p></form>', esc_html__( 'A WordPress user name or e-mail address, or the customer\'s name at the payment service, such as wp:7.', 'pay-bridge' ) );
	}

	private static function render_lists( Client $client, string $customer, string $typed ): void {
		if ( '' === $customer ) {
			Admin::notice( '' === $typed ? 'info' : 'error', '' === $typed ? __( 'Enter a customer to see the registered cards and the recurring plans. Who has no card yet is sent an address to register one from there.', 'pay-bridge' ) : __( 'There is no such customer. Enter a user name, an e-mail address or a name such as wp:7.', 'pay-bridge' ) );
			return;
		}
		printf( '<h2>%s</h2>', esc_html__( 'Registered cards and phones', 'pay-bridge' ) );
		$keys = self::items( $client, '/v1/billing-keys', $customer, __( 'This customer has no registered card or phone.', 'pay-bridge' ) );
		foreach ( $keys as $key ) {
			self::render_key( $customer, $key );
		}
		Key_Invitation::render_forms( $client, $customer );
		printf( '<h2>%s</h2>', esc_html__( 'Recurring plans of the gateway', 'pay-bridge' ) );
		$plans = self::items( $client, '/v1/plans', $customer, __( 'This customer has no recurring plan.', 'pay-bridge' ) );
		foreach ( $plans as $plan ) {
			self::render_plan( $customer, $plan );
		}
		Plan_Form::render( $client, $customer );
		if ( ( $keys || $plans ) && ! current_user_can( Capabilities::SERVE ) ) {
			printf( '<p>%s</p>', esc_html__( 'You may see them, but not change them.', 'pay-bridge' ) );
		}
	}

	/** A list; says why where there is none. */
	private static function items( Client $client, string $path, string $customer, string $none ): array {
		$cursor = self::cursor( $path );
		$answer = $client->get( $path, array( 'customer' => $customer ) + ( '' === $cursor ? array() : array( 'cursor' => $cursor ) ) );
		if ( ! $answer->ok() ) {
			Admin::notice( 'error', $answer->message() );
			return array();
		}
		$items = $answer->items();
		if ( ! $items ) {
			printf( '<p>%s</p>', esc_html( $none ) );
		}
		self::render_pages( $path, $customer, '' !== $cursor, $answer->next_cursor() );
		return $items;
	}

	/** Where a list goes on from: posted by our own form alone. */
	private static function cursor( string $path ): string {
		$ours   = false !== wp_verify_nonce( Request::post( '_pay_bridge_customer' ), 'pay_bridge_customer' );
		$cursor = $ours && Request::post( 'list' ) === $path ? Request::post( 'cursor' ) : '';
		return 1 === preg_match( '/\A[A-Za-z0-9_.=-]{1,100}\z/', $cursor ) ? $cursor : '';
	}

	/** The way to older ones, and back; nothing where all are shown. */
	private static function render_pages( string $path, string $customer, bool $is_later, string $next ): void {
		if ( ! $is_later && '' === $next ) {
			return;
		}
		printf( '<form method="post" action="%s" class="pay-bridge-pages">', esc_url( Admin::url( Admin::BILLING ) ) );
		wp_nonce_field( 'pay_bridge_customer', '_pay_bridge_customer', false );
		printf( '<p><input type="hidden" name="customer" value="%s"><input type="hidden" name="list" value="%s">', esc_attr( $customer ), esc_attr( $path ) );
		if ( $is_later ) {
			printf( '<button class="button" name="cursor" value="">%s</button> ', esc_html__( 'First page', 'pay-bridge' ) );
		}
		if ( '' !== $next ) {
			printf( '<button class="button" name="cursor" value="%s">%s</button>', esc_attr( $next ), esc_html__( 'Next page', 'pay-bridge' ) );
		}
		echo '</p></form>';
	}

	private static function render_key( string $customer, array $key ): void {
		$words = array(
			Words::time( (string) ( $key['issued_at'] ?? $key['created_at'] ?? '' ) ),
			(string) ( $key['gateway_title'] ?? $key['gateway'] ?? '' ),
			Billing_Words::key_state( (string) ( $key['state'] ?? '' ) ),
			is_string( $key['message'] ?? null ) ? $key['message'] : '',
		);
		self::render_thing( $customer, 'key', $key, Billing_Words::key( $key ), $words );
	}

	private static function render_plan( string $customer, array $plan ): void {
		$ref   = (string) ( $plan['order_ref'] ?? '' );
		$title = Own_Orders::title( $ref );
		$words = array(
			'' === $title ? '' : $ref,
			Billing_Words::rhythm( $plan ),
			/* translators: %d: how many times a recurring plan was charged */
			sprintf( __( '%d rounds charged', 'pay-bridge' ), (int) ( $plan['rounds'] ?? 0 ) ),
			(string) ( $plan['gateway_title'] ?? $plan['gateway'] ?? '' ),
			Billing_Words::plan_state( (string) ( $plan['state'] ?? '' ) ),
			is_string( $plan['message'] ?? null ) ? $plan['message'] : '',
		);
		self::render_thing( $customer, 'plan', $plan, '' === $title ? $ref : $title, $words );
	}

	/** One of them: its name, what is known of it, and what may be done with it. */
	private static function render_thing( string $customer, string $kind, array $thing, string $name, array $words ): void {
		$line = implode( ' · ', array_filter( $words, 'strlen' ) );
		printf( '<div class="pay-bridge-thing" data-%s="%s">', esc_attr( $kind ), esc_attr( (string) ( $thing['state'] ?? '' ) ) );
		printf( '<p id="%s"><strong>%s</strong> · %s</p>', esc_attr( self::line_id( $thing ) ), esc_html( $name ), esc_html( $line ) );
		$failure = Billing_Words::last_failure( $thing );
		if ( '' !== $failure ) {
			printf( '<p data-failure><strong>%s</strong></p>', esc_html( $failure ) );
		}
		if ( is_string( $thing['why'] ?? null ) ) {
			printf( '<p class="description">%s</p>', esc_html( $thing['why'] ) );
		}
		if ( 'plan' === $kind ) {
			Plan_Form::render_page( $customer, $thing );
		}
		self::render_deeds( $customer, $kind, $thing );
		echo '</div>';
	}

	/** By which a button says of which card or plan it speaks. */
	public static function line_id( array $thing ): string {
		return 'pay-bridge-line-' . (string) ( $thing['id'] ?? '' );
	}

	/** What the bridge allows now, each behind a sentence that says what it means. */
	private static function render_deeds( string $customer, string $kind, array $thing ): void {
		$allowed = is_array( $thing['allowed'] ?? null ) ? $thing['allowed'] : array();
		echo '<div class="pay-bridge-deeds">';
		if ( 'key' === $kind && in_array( 'charge', $allowed, true ) && current_user_can( Capabilities::SERVE ) ) {
			Charge::render_form( $customer, $thing );
		}
		foreach ( array_intersect_key( Billing_Words::deeds( $kind ), array_flip( array_filter( $allowed, 'is_string' ) ) ) as $deed => $words ) {
			if ( ! current_user_can( Capabilities::SERVE ) ) {
				break;
			}
			printf( '<details data-deed="%s"><summary class="button" aria-describedby="%s">%s</summary>', esc_attr( $deed ), esc_attr( self::line_id( $thing ) ), esc_html( $words[0] ) );
			$fields = array(
				'kind' => $kind,
				'id'   => (string) ( $thing['id'] ?? '' ),
				'deed' => $deed,
			);
			Deed::open_form( self::ACTION, $customer, $fields );
			printf( '<p>%s</p>', esc_html( $words[1] ) );
			Deed::close_form( $words[2] );
			echo '</details>';
		}
		echo '</div>';
	}

	/** Do it, then show the customer again. Whose card or plan it is, and whether it may be, the bridge checks once more. */
	public static function action_submit(): void {
		$customer = Request::post( 'subject' );
		$client   = Deed::check( self::ACTION, $customer );
		$kind     = Request::post( 'kind' );
		$id       = Request::post( 'id' );
		$deed     = Request::post( 'deed' );
		if ( ! Customer::is_one( $customer ) || ! Snapshots::is_id( $id ) || ! isset( Billing_Words::deeds( $kind )[ $deed ] ) ) {
			Admin::refuse( __( 'This form is too old. Please open it again.', 'pay-bridge' ), 400 );
		}
		$path = ( 'key' === $kind ? '/v1/billing-keys/' : '/v1/plans/' ) . rawurlencode( $id );
		$body = array( 'customer' => $customer );
		$key  = Request::post( 'key' );
		if ( 'stop' === $deed || 'start' === $deed ) {
			$answer = $client->post( $path . '/' . $deed, $body, $key );
		} else {
			$answer = $client->delete( $path, $body, $key );
		}
		$state = Deed::state( $answer );
		Deed::finish( $customer, Admin::url( Admin::BILLING ), Billing_Words::kind( $deed, $state ), self::words( $answer, $kind, $state ) );
	}

	/** What came of a deed on a card, a phone or a plan, in words. */
	public static function words( Answer $answer, string $kind, string $state ): string {
		if ( Deed::NO_ANSWER === $state ) {
			return Deed::unanswered();
		}
		$said = Deed::said( $answer );
		if ( ! $answer->ok() ) {
			return $said;
		}
		$what = 'key' === $kind
			? __( 'Registered card or phone', 'pay-bridge' ) . ': ' . Billing_Words::key_state( $state )
			: __( 'Recurring plan', 'pay-bridge' ) . ': ' . Billing_Words::plan_state( $state );
		return $what . ( '' === $said ? '' : ' – ' . $said );
	}
}
