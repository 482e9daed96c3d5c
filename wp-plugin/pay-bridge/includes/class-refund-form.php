<?php
/**
 * wp-admin: the refund form.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** A form in a dialog; without a script it is a form on the page. Its key is made when it is shown, so two clicks are one refund. */
final class Refund_Form {

	/** What may be refunded, and the form if anything may. */
	public static function render( array $payment ): void {
		printf( '<h2>%s</h2>', esc_html__( 'Refund', 'pay-bridge' ) );
		$left = Refund::refundable( $payment );
		$may  = Words::ability( $payment );
		$why  = Words::why( $payment );
		if ( '' !== $may ) {
			printf( '<p><strong>%s</strong></p>', esc_html( $may ) );
		}
		if ( '' !== $why ) {
			printf( '<p>%s</p>', esc_html( $why ) );
		}
		$request = Words::by_request( $payment );
		if ( '' !== $request ) {
			printf( '<p>%s</p>', esc_html( $request ) );
		}
		if ( $left <= 0 ) {
			if ( '' === $why ) {
				printf( '<p>%s</p>', esc_html__( 'There is nothing to refund.', 'pay-bridge' ) );
			}
			return;
		}
		/* translators: %s: an amount such as 12,000 KRW */
		printf( '<p>%s</p>', esc_html( sprintf( __( 'Up to %s can be refunded.', 'pay-bridge' ), Words::krw( $left ) ) ) );
		if ( ! current_user_can( Capabilities::REFUND ) ) {
			printf( '<p>%s</p>', esc_html__( 'You may see this payment, but not refund it.', 'pay-bridge' ) );
			return;
		}
		$url = Admin::payment_url( $payment['id'], array( 'refund' => 'new' ) );
		printf( '<p><a class="button button-primary" id="pay-bridge-refund-open" href="%s#pay-bridge-refund">%s</a></p>', esc_url( $url ), esc_html__( 'Refund…', 'pay-bridge' ) );
		self::render_form( $payment, $left, 'new' === Request::query( 'refund' ) );
	}

	private static function render_form( array $payment, int $left, bool $open ): void {
		$parts = 'full' !== ( $payment['allowed']['refund'] ?? 'full_or_part' );
		printf( '<dialog id="pay-bridge-refund" aria-labelledby="pay-bridge-refund-title"%s>', $open ? ' open' : '' );
		printf( '<h2 id="pay-bridge-refund-title">%s</h2>', esc_html__( 'Refund this payment', 'pay-bridge' ) );
		printf( '<form method="post" action="%s">', esc_url( admin_url( 'admin-post.php' ) ) );
		self::hidden( $payment['id'], Client::idempotency_key(), $left );
		printf(
			'<p><label><input type="radio" name="kind" value="full" checked> %s</label></p>',
			/* translators: %s: an amount such as 12,000 KRW */
			esc_html( sprintf( __( 'All that is left: %s', 'pay-bridge' ), Words::krw( $left ) ) )
		);
		if ( $parts ) {
			printf( '<p><label><input type="radio" name="kind" value="part"> %s</label> ', esc_html__( 'A part:', 'pay-bridge' ) );
			printf(
				'<input type="text" inputmode="numeric" name="amount" pattern="[1-9][0-9]{0,9}" data-max="%d" size="11" autocomplete="off" aria-label="%s"> %s</p>',
				absint( $left ),
				esc_attr__( 'Amount in KRW', 'pay-bridge' ),
				esc_html_x( 'KRW', 'unit behind a field', 'pay-bridge' )
			);
		}
		$request = Words::by_request( $payment );
		if ( '' !== $request ) {
			printf( '<p class="pay-bridge-by-request"><strong>%s</strong></p>', esc_html( $request ) );
		}
		printf( '<p><label>%s<br><input type="text" name="reason" required maxlength="100" class="widefat"></label></p>', esc_html__( 'Reason', 'pay-bridge' ) );
		printf( '<p class="pay-bridge-buttons"><button type="submit" class="button button-primary">%s</button> ', esc_html__( 'Refund', 'pay-bridge' ) );
		printf( '<a class="button" data-close href="%s">%s</a></p>', esc_url( Admin::payment_url( $payment['id'] ) ), esc_html__( 'Do not refund', 'pay-bridge' ) );
		printf( '<p role="status" data-busy="%s"></p></form></dialog>', esc_attr__( 'Asking the gateway…', 'pay-bridge' ) );
	}

	/** The fields that bind a form to one payment and one wish. */
	public static function hidden( string $payment_id, string $key, int $left ): void {
		$fields = array(
			'action'  => 'pay_bridge_refund',
			'payment' => $payment_id,
			'key'     => $key,
			'left'    => $left,
		);
		foreach ( $fields as $name => $value ) {
			printf( '<input type="hidden" name="%s" value="%s">', esc_attr( $name ), esc_attr( (string) $value ) );
		}
		wp_nonce_field( 'pay_bridge_refund_' . $payment_id );
	}

	/** Authority, then intent, then act; then show what came of it on the payment's page. */
	public static function action_submit(): void {
		if ( ! current_user_can( Capabilities::REFUND ) ) {
			Admin::refuse( __( 'You may not refund payments.', 'pay-bridge' ), 403 );
		}
		$payment_id = Request::post( 'payment' );
		if ( ! Snapshots::is_id( $payment_id ) || false === wp_verify_nonce( Request::post( '_wpnonce' ), 'pay_bridge_refund_' . $payment_id ) ) {
			Admin::refuse( __( 'This form is too old. Please open it again.', 'pay-bridge' ), 403 );
		}
		$client = Client::of_site();
		if ( null === $client ) {
			Admin::refuse( Payments_Page::why_not_paired(), 503 );
		}
		$key = Request::post( 'key' );
		if ( 1 !== preg_match( '/\A[0-9a-f]{32}\z/', $key ) ) {
			Admin::refuse( __( 'This form is too old. Please open it again.', 'pay-bridge' ), 400 );
		}
		$wish = Refund_Wish::load( $key );
		if ( null === $wish ) {
			$wish = self::new_wish( $client, $payment_id, $key );
		}
		$wish->ask( $client );
		wp_safe_redirect( Admin::payment_url( $payment_id, array( 'refund' => $key ) ) );
		exit;
	}

	/** What is left is read again from the bridge: the page may be old, and its numbers came from a browser. */
	private static function new_wish( Client $client, string $payment_id, string $key ): Refund_Wish {
		$answer = $client->get( '/v1/payments/' . rawurlencode( $payment_id ) );
		if ( ! $answer->ok() || ! Snapshots::is_payment( $answer->body ) ) {
			Admin::refuse( $answer->message(), 502 );
		}
		$left   = Refund::refundable( $answer->body );
		$full   = 'part' !== Request::post( 'kind' );
		$amount = $full ? $left : Order::amount_of( Request::post( 'amount' ) );
		if ( Order::amount_of( Request::post( 'left' ) ) !== $left ) { // Of a part too: another clerk may have given it back.
			Admin::refuse( __( 'What is left of this payment has changed meanwhile. Please open the form again.', 'pay-bridge' ), 409 );
		}
		if ( $full && '' !== Request::post( 'amount' ) ) { // Typed without a script, which would have chosen the part.
			Admin::refuse( __( 'All that is left was chosen, and an amount was typed as well. Choose one of them; nothing was refunded.', 'pay-bridge' ), 400 );
		}
		if ( null === $amount || $amount < 1 || $amount > $left ) {
			/* translators: %s: an amount such as 12,000 KRW */
			Admin::refuse( sprintf( __( 'Enter a whole amount between 1 and %s.', 'pay-bridge' ), Words::krw( $left ) ), 400 );
		}
		$reason = Request::post( 'reason' );
		if ( '' === $reason ) {
			Admin::refuse( __( 'Please enter a reason.', 'pay-bridge' ), 400 );
		}
		return Refund_Wish::make( $key, $payment_id, $full ? null : $amount, $amount, mb_substr( $reason, 0, 100 ) );
	}
}
