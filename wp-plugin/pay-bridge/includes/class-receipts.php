<?php
/**
 * wp-admin: cash receipts (현금영수증) of a payment.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Shows a payment's cash receipts, issues one and cancels it. The buyer's number passes through and is kept nowhere. */
final class Receipts {

	const ACTION = 'pay_bridge_receipt';

	/** The receipts, and the form if one may be issued; nothing for a payment that was not made in cash. */
	public static function render( array $payment ): void {
		$told = is_array( $payment['cash_receipts'] ?? null ) ? $payment['cash_receipts'] : null;
		if ( null === $told ) {
			return;
		}
		printf( '<h2 id="pay-bridge-receipts">%s</h2>', esc_html__( 'Cash receipt', 'pay-bridge' ) );
		$items = is_array( $told['items'] ?? null ) ? array_filter( $told['items'], 'is_array' ) : array();
		if ( ! $items ) {
			printf( '<p>%s</p>', esc_html__( 'No cash receipt has been issued yet.', 'pay-bridge' ) );
		}
		foreach ( $items as $receipt ) {
			self::render_one( $payment['id'], $receipt );
		}
		if ( is_string( $told['over_why'] ?? null ) ) {
			printf( '<div class="notice notice-warning inline"><p>%s</p></div>', esc_html( $told['over_why'] ) );
		}
		if ( empty( $told['may_issue'] ) ) {
			printf( '<p>%s</p>', esc_html( is_string( $told['why'] ?? null ) ? $told['why'] : '' ) );
		} elseif ( current_user_can( Capabilities::SERVE ) ) {
			self::render_form( $payment['id'], (int) ( $told['amount'] ?? 0 ), true === ( $told['at_most'] ?? null ) );
		} else {
			printf( '<p>%s</p>', esc_html__( 'You may see cash receipts, but not issue them.', 'pay-bridge' ) );
		}
	}

	private static function render_one( string $payment_id, array $receipt ): void {
		$state = (string) ( $receipt['state'] ?? '' );
		$words = array(
			Words::time( (string) ( $receipt['created_at'] ?? '' ) ),
			Words::krw( (int) ( $receipt['amount'] ?? 0 ) ),
			self::purposes()[ $receipt['purpose'] ?? '' ] ?? '',
			/* translators: %s: the tax office's number of a cash receipt */
			is_string( $receipt['number'] ?? null ) ? sprintf( __( 'No. %s', 'pay-bridge' ), $receipt['number'] ) : '',
			self::state( $state ),
			'unknown' !== $state && is_string( $receipt['message'] ?? null ) ? $receipt['message'] : '',
		);
		printf( '<p data-receipt="%s">%s</p>', esc_attr( $state ), esc_html( implode( ' · ', array_filter( $words, 'strlen' ) ) ) );
		if ( 'unknown' === $state ) {
			printf( '<div class="notice notice-warning inline"><p>%s</p></div>', esc_html( self::what_to_do( $receipt ) ) );
		}
		$id = is_string( $receipt['id'] ?? null ) ? $receipt['id'] : '';
		if ( ! in_array( $state, array( 'issued', 'cancelling' ), true ) || ! current_user_can( Capabilities::SERVE ) ) {
			return;
		}
		printf( '<details><summary class="button">%s</summary>', esc_html__( 'Cancel the cash receipt…', 'pay-bridge' ) );
		Deed::open_form( self::ACTION, $payment_id, array( 'receipt' => $id ) );
		printf( '<p>%s</p>', esc_html__( 'The tax office is told that this receipt no longer counts. That cannot be taken back, but a new one may be issued.', 'pay-bridge' ) );
		Deed::close_form( __( 'Cancel it', 'pay-bridge' ) );
		echo '</details>';
	}

	private static function render_form( string $payment_id, int $amount, bool $at_most ): void {
		printf( '<details><summary class="button">%s</summary>', esc_html__( 'Issue a cash receipt…', 'pay-bridge' ) );
		Deed::open_form( self::ACTION, $payment_id );
		/* translators: %s: an amount such as 12,000 KRW */
		$over = $at_most ? __( 'The gateway says how much of it was cash: it will be issued over that, at most %s.', 'pay-bridge' ) : __( 'It will be issued over %s.', 'pay-bridge' );
		printf( '<p>%s</p>', esc_html( sprintf( $over, Words::krw( $amount ) ) ) );
		printf( '<fieldset><legend>%s</legend>', esc_html__( 'What it is for', 'pay-bridge' ) );
		foreach ( self::purposes() as $purpose => $words ) {
			printf( '<p><label><input type="radio" name="purpose" value="%s" required> %s</label></p>', esc_attr( $purpose ), esc_html( $words ) );
		}
		printf( '</fieldset><p><label>%s<br><input type="text" inputmode="numeric" name="identity" pattern="[0-9 \-]{9,24}" size="20" autocomplete="off" aria-describedby="pay-bridge-identity-help"></label></p>', esc_html__( 'The buyer\'s phone or card number, or a business number', 'pay-bridge' ) );
		printf( '<p class="description" id="pay-bridge-identity-help">%s</p>', esc_html__( 'Leave it empty for one without a number. It goes to the gateway and is not kept here.', 'pay-bridge' ) );
		Deed::close_form( __( 'Issue it', 'pay-bridge' ) );
		echo '</details>';
	}

	/** Issue or cancel, then show the payment again. */
	public static function action_submit(): void {
		$payment_id = Request::post( 'subject' );
		$client     = Deed::check( self::ACTION, $payment_id );
		if ( ! Snapshots::is_id( $payment_id ) ) {
			Admin::refuse( __( 'This form is too old. Please open it again.', 'pay-bridge' ), 403 );
		}
		$receipt_id = Request::post( 'receipt' );
		$answer     = '' === $receipt_id ? self::issue( $client, $payment_id ) : self::cancel( $client, $payment_id, $receipt_id );
		$state      = Deed::state( $answer );
		Deed::finish( $payment_id, Admin::payment_url( $payment_id ), self::kind( $state, '' !== $receipt_id ), self::words( $answer, $state, '' !== $receipt_id ) );
	}

	private static function issue( Client $client, string $payment_id ): Answer {
		$purpose  = Request::post( 'purpose' );
		$identity = (string) preg_replace( '/[\s-]/', '', Request::post( 'identity' ) );
		$patterns = array(
			'income'   => '/\A[0-9]{10,19}\z/',
			'business' => '/\A[0-9]{10}\z/',
			'self'     => '/\A\z/',
		);
		if ( ! isset( $patterns[ $purpose ] ) ) {
			Admin::refuse( __( 'Choose what the cash receipt is for.', 'pay-bridge' ), 400 );
		}
		if ( 1 !== preg_match( $patterns[ $purpose ], $identity ) ) {
			Admin::refuse( __( 'Enter a phone or card number for a person, the ten digits of a business number for a company, and nothing for one without a number.', 'pay-bridge' ), 400 );
		}
		$body = array(
			'payment'  => $payment_id,
			'purpose'  => $purpose,
			'identity' => $identity,
			'actor'    => 'wp:' . get_current_user_id(),
		);
		return $client->post( '/v1/cash-receipts', $body, Request::post( 'key' ) );
	}

	/** Which receipts a payment has is read again from the bridge: the form came from a browser. */
	private static function cancel( Client $client, string $payment_id, string $receipt_id ): Answer {
		$answer = $client->get( '/v1/payments/' . rawurlencode( $payment_id ) );
		if ( ! $answer->ok() ) {
			return $answer;
		}
		$items = $answer->body['cash_receipts']['items'] ?? array();
		if ( ! in_array( $receipt_id, array_column( is_array( $items ) ? $items : array(), 'id' ), true ) ) {
			Admin::refuse( __( 'This payment has no such cash receipt.', 'pay-bridge' ), 404 );
		}
		$body = array( 'actor' => 'wp:' . get_current_user_id() );
		return $client->delete( '/v1/cash-receipts/' . rawurlencode( $receipt_id ), $body, Request::post( 'key' ) );
	}

	private static function kind( string $state, bool $cancels ): string {
		if ( ( $cancels ? 'cancelled' : 'issued' ) === $state ) {
			return 'success';
		}
		return in_array( $state, array( 'issuing', 'cancelling', Deed::NO_ANSWER ), true ) ? 'info' : ( 'unknown' === $state ? 'warning' : 'error' );
	}

	private static function words( Answer $answer, string $state, bool $cancels ): string {
		if ( Deed::NO_ANSWER === $state ) {
			return Deed::unanswered();
		}
		$said = Deed::said( $answer );
		if ( ! $answer->ok() ) {
			return $said;
		}
		if ( 'unknown' === $state ) {
			return __( 'Cash receipt', 'pay-bridge' ) . ': ' . self::what_to_do( $answer->body );
		}
		$result = $cancels && 'issued' === $state ? __( 'It was not cancelled and still counts.', 'pay-bridge' ) : self::state( $state );
		return __( 'Cash receipt', 'pay-bridge' ) . ': ' . $result . ( '' === $said ? '' : ' – ' . $said );
	}

	/** What a clerk does about a receipt of which nobody knows whether it was issued; or cancelled, where it has its number. */
	private static function what_to_do( array $receipt ): string {
		$number = is_string( $receipt['number'] ?? null ) ? $receipt['number'] : '';
		$words  = '' === $number
			? __( 'The gateway\'s answer was lost, so nobody knows whether it was issued. Do not issue it again: look for a cash receipt of this amount at the gateway, and tell the operator of the payment service what you found. Another can be issued once the operator has closed the case.', 'pay-bridge' )
			/* translators: %s: the tax office's number of a cash receipt */
			: sprintf( __( 'The gateway\'s answer was lost, so nobody knows whether it was cancelled. Look for No. %s at the gateway, and tell the operator of the payment service what you found. Until the operator has closed the case no other can be issued.', 'pay-bridge' ), $number );
		// Without a code the words are the bridge's own, about the wire.
		$said = ! empty( $receipt['code'] ) && is_string( $receipt['message'] ?? null ) ? $receipt['message'] : '';
		/* translators: %s: the gateway's own words */
		return '' === $said ? $words : $words . ' ' . sprintf( __( 'The gateway said: %s', 'pay-bridge' ), $said );
	}

	private static function purposes(): array {
		return array(
			'income'   => __( 'For a person\'s tax deduction', 'pay-bridge' ),
			'business' => __( 'As a company\'s proof of expense', 'pay-bridge' ),
			'self'     => __( 'Without a number, of the shop\'s own accord', 'pay-bridge' ),
		);
	}

	private static function state( string $state ): string {
		$words = array(
			'issuing'    => __( 'Being issued; the gateway has not answered yet', 'pay-bridge' ),
			'issued'     => __( 'Issued', 'pay-bridge' ),
			'refused'    => __( 'Refused', 'pay-bridge' ),
			'unknown'    => __( 'Outcome not known', 'pay-bridge' ),
			'cancelling' => __( 'Being cancelled; if this stays, cancel it again', 'pay-bridge' ),
			'cancelled'  => __( 'Cancelled', 'pay-bridge' ),
		);
		return $words[ $state ] ?? $state;
	}
}
