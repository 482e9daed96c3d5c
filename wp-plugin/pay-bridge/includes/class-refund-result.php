<?php
/**
 * wp-admin: what came of a refund.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** The gateway's truth in one sentence; while it is not known, the page looks again by itself. */
final class Refund_Result {

	public static function render( Client $client, string $payment_id ): void {
		$key  = Request::query( 'refund' );
		$wish = 1 === preg_match( '/\A[0-9a-f]{32}\z/', $key ) ? Refund_Wish::load( $key ) : null;
		if ( null === $wish || $wish->data['payment'] !== $payment_id ) {
			return;
		}
		$refund = '' === $wish->data['refund'] ? null : Refund::look_up( $client, $wish->data['refund'] );
		$state  = null === $refund ? (string) ( $wish->data['state'] ?? Refund::NO_ANSWER ) : $refund->state;
		$words  = null === $refund ? (string) ( $wish->data['words'] ?? Words::refund( Refund::NO_ANSWER ) ) : $refund->message;
		$waits  = in_array( $state, Refund::PENDING, true );
		$amount = null === $refund || 0 === $refund->amount ? (int) $wish->data['shown_amount'] : $refund->amount;
		printf( '<div id="pay-bridge-refund-result" class="notice notice-%s inline" role="status" data-state="%s"%s>', esc_attr( self::kind( $state ) ), esc_attr( $state ), $waits ? ' data-refresh' : '' );
		/* translators: 1: an amount such as 12,000 KRW, 2: a sentence of the gateway or of ours */
		printf( '<p>%s</p>', esc_html( sprintf( __( 'Refund of %1$s: %2$s', 'pay-bridge' ), Words::krw( $amount ), $words ) ) );
		if ( null !== $refund && '' !== $refund->owed ) {
			printf( '<p><strong>%s</strong></p>', esc_html( $refund->owed ) );
		}
		if ( in_array( $state, Refund::NOT_MADE, true ) ) {
			printf( '<p>%s</p>', esc_html__( 'No money was given back. Try again later, or give it back in the gateway\'s own console.', 'pay-bridge' ) );
		}
		if ( $waits ) {
			self::render_again( $wish );
		}
		echo '</div>';
	}

	/** With an id it is enough to look; without one the same request is sent again, with the same key. */
	private static function render_again( Refund_Wish $wish ): void {
		if ( '' !== $wish->data['refund'] ) {
			printf( '<p><a class="button" href="%s">%s</a></p>', esc_url( Admin::payment_url( $wish->data['payment'], array( 'refund' => $wish->key ) ) ), esc_html__( 'Look again', 'pay-bridge' ) );
			return;
		}
		printf( '<form method="post" action="%s">', esc_url( admin_url( 'admin-post.php' ) ) );
		Refund_Form::hidden( $wish->data['payment'], $wish->key, (int) $wish->data['shown_amount'] );
		printf( '<p><button class="button">%s</button></p></form>', esc_html__( 'Check again', 'pay-bridge' ) );
	}

	private static function kind( string $state ): string {
		$kinds = array(
			'done'          => 'success',
			'accepted'      => 'warning',
			'refused'       => 'error',
			'not_sent'      => 'error',
			Refund::PROBLEM => 'error',
			'needs_human'   => 'warning',
		);
		return $kinds[ $state ] ?? 'info';
	}
}
