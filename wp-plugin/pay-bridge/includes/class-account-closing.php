<?php
/**
 * wp-admin: a virtual account (가상계좌) that is closed before its deposit.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Closes the account that a payment waits on. Whether it may be, and what came of it, the bridge says. */
final class Account_Closing {

	const ACTION = 'pay_bridge_void';

	/** The button, or why there is none; nothing for a payment that waits for no deposit. */
	public static function render( array $payment ): void {
		$told = is_array( $payment['void'] ?? null ) ? $payment['void'] : null;
		if ( null === $told || 'awaiting_deposit' !== $payment['state'] ) {
			return;
		}
		printf( '<h2>%s</h2>', esc_html__( 'Account for the deposit', 'pay-bridge' ) );
		$before = is_string( $told['state'] ?? null ) ? self::sentence( $told ) : '';
		if ( '' !== $before ) {
			/* translators: %s: what came of it */
			printf( '<p>%s</p>', esc_html( sprintf( __( 'When it was last to be closed: %s', 'pay-bridge' ), $before ) ) );
		}
		if ( empty( $told['may'] ) ) {
			printf( '<p>%s</p>', esc_html( is_string( $told['why'] ?? null ) ? $told['why'] : '' ) );
		} elseif ( current_user_can( Capabilities::SERVE ) ) {
			self::render_form( $payment );
		} else {
			printf( '<p>%s</p>', esc_html__( 'You may see this payment, but not close its account.', 'pay-bridge' ) );
		}
	}

	private static function render_form( array $payment ): void {
		printf( '<details><summary class="button">%s</summary>', esc_html__( 'Close the account…', 'pay-bridge' ) );
		Deed::open_form( self::ACTION, $payment['id'] );
		/* translators: %s: an amount such as 12,000 KRW */
		printf( '<p>%s</p>', esc_html( sprintf( __( 'The buyer can then no longer deposit %s into it, and the payment ends unpaid. That cannot be taken back; the buyer may pay in another way.', 'pay-bridge' ), Words::krw( $payment['amount'] ) ) ) );
		Deed::close_form( __( 'Close it', 'pay-bridge' ) );
		echo '</details>';
	}

	/** Close it, then show the payment again. */
	public static function action_submit(): void {
		$payment_id = Request::post( 'subject' );
		$client     = Deed::check( self::ACTION, $payment_id );
		if ( ! Snapshots::is_id( $payment_id ) ) {
			Admin::refuse( __( 'This form is too old. Please open it again.', 'pay-bridge' ), 403 );
		}
		$body   = array( 'actor' => 'wp:' . get_current_user_id() );
		$answer = $client->post( '/v1/payments/' . rawurlencode( $payment_id ) . '/void', $body, Request::post( 'key' ) );
		Deed::finish( $payment_id, Admin::payment_url( $payment_id ), self::kind( $answer ), self::words( $answer ) );
	}

	private static function kind( Answer $answer ): string {
		if ( ! $answer->ok() ) {
			return $answer->is_unknown() ? 'info' : 'error';
		}
		$kinds = array(
			'closed' => 'success',
			'asking' => 'info',
		);
		return self::was_deposited( $answer->body ) ? 'warning' : $kinds[ $answer->body['void']['state'] ?? '' ] ?? 'error';
	}

	private static function words( Answer $answer ): string {
		if ( $answer->is_unknown() ) {
			return Deed::unanswered();
		}
		if ( ! $answer->ok() ) {
			return Deed::said( $answer );
		}
		if ( self::was_deposited( $answer->body ) ) {
			return __( 'The deposit came first: this payment is paid.', 'pay-bridge' );
		}
		return __( 'Account for the deposit', 'pay-bridge' ) . ': ' . self::sentence( is_array( $answer->body['void'] ?? null ) ? $answer->body['void'] : array() );
	}

	private static function was_deposited( array $payment ): bool {
		return in_array( $payment['state'] ?? '', Payments::HOLDING, true );
	}

	/** What a try to close it came to, with the gateway's own words where it refused. */
	private static function sentence( array $told ): string {
		$state = is_string( $told['state'] ?? null ) ? $told['state'] : '';
		$words = array(
			'closed'   => __( 'Closed; nobody can deposit into it any more', 'pay-bridge' ),
			'asking'   => __( 'The gateway has not answered yet. We keep asking; look at this page again in a minute', 'pay-bridge' ),
			'refused'  => __( 'The gateway did not close it, so a deposit still counts', 'pay-bridge' ),
			'not_sent' => __( 'The gateway could not be reached. The account is still open, and you may try again', 'pay-bridge' ),
		);
		$said  = is_string( $told['message'] ?? null ) ? $told['message'] : '';
		return ( $words[ $state ] ?? $state ) . ( '' === $said ? '' : ' – ' . $said );
	}
}
