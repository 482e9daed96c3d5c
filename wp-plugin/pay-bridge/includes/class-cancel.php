<?php
/**
 * The name by which a theme cancels a payment: mainpay_payment_cancel.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Cancels all that is left of an order's payment: for a clerk, or for its buyer where the shop allows it. Never for a visitor. */
final class Cancel {

	/** Authority, then intent, then act. */
	public static function action_cancel(): void {
		Caches::bar();
		if ( ! is_user_logged_in() ) {
			Ajax::refuse( 'login_required', __( 'Please log in first.', 'pay-bridge' ), 401 );
		}
		$order = self::order();
		if ( null === $order || ! self::may_cancel( $order ) ) {
			Ajax::refuse( 'forbidden', __( 'You may not cancel this order.', 'pay-bridge' ), 403 );
		}
		if ( ! self::is_meant( $order ) ) {
			Ajax::refuse( 'bad_intent', __( 'This request did not come from our own page. Please reload it and try again.', 'pay-bridge' ), 403 );
		}
		self::cancel( $order );
	}

	/** The order that every reference sent belongs to; null if they name none, or different ones. */
	private static function order(): ?Order {
		$found = '';
		foreach ( array( 'pay_bridge_order', 'mbr_ref_no', 'ref_no' ) as $field ) {
			$reference = Request::post( $field );
			if ( '' === $reference ) {
				continue;
			}
			$ref = self::order_ref( $reference );
			if ( '' !== $ref && '' !== $found && $ref !== $found ) {
				return null;
			}
			$found = '' === $ref ? $found : $ref;
		}
		return '' === $found ? null : Order::find( $found, 'cancel', get_current_user_id() );
	}

	/** A token's id, given out before the gateway had spoken, is known to nobody: it decides nothing. */
	private static function order_ref( string $reference ): string {
		$ref = Payments::order_of_reference( $reference );
		if ( '' !== $ref ) {
			return $ref;
		}
		return null === Order::find( $reference, 'cancel', get_current_user_id() ) ? '' : $reference;
	}

	private static function may_cancel( Order $order ): bool {
		$user_id = get_current_user_id();
		if ( current_user_can( Capabilities::REFUND ) ) {
			return true;
		}
		if ( 0 === $order->owner() || $order->owner() !== $user_id || $order->show_has_begun( time() ) ) {
			return false;
		}
		/** Whether a buyer may cancel by himself now: the shop's rule. */
		return true === apply_filters( 'pay_bridge_buyer_may_cancel', false, $order->data(), $user_id );
	}

	/** A nonce bound to the order; or, for themes that send none, the browser's own word that our page asked. */
	private static function is_meant( Order $order ): bool {
		$nonce = Request::post( '_wpnonce' );
		return '' === $nonce ? Request::comes_from_here() : false !== wp_verify_nonce( $nonce, 'pay_bridge_cancel_' . $order->ref() );
	}

	private static function cancel( Order $order ): void {
		$client = Client::of_site();
		if ( null === $client ) {
			Ajax::refuse( 'not_paired', Words::obstacle( 'not_paired' ), 503 );
		}
		$known   = Reconciliation::refresh( $order->ref() );
		$payment = null === $known ? null : Reconciliation::pull( $client, $known['id'] );
		if ( null !== $known && null === $payment ) {
			Ajax::refuse( 'no_answer', __( 'The payment service did not answer.', 'pay-bridge' ), 503 );
		}
		$left = null === $payment ? 0 : Refund::refundable( $payment );
		if ( $left <= 0 ) {
			$why = $payment['allowed']['why'] ?? '';
			Ajax::refuse( 'nothing_to_refund', is_string( $why ) && '' !== $why ? $why : __( 'There is no payment to cancel.', 'pay-bridge' ), 409 );
		}
		$amount = Request::post( 'amount' );
		if ( '' !== $amount && ! in_array( Order::amount_of( $amount ), array( $left, $payment['amount'] ), true ) ) {
			Ajax::refuse( 'amount_changed', __( 'The amount does not fit the payment. Please reload the page.', 'pay-bridge' ), 409 );
		}
		$reason = mb_substr( Request::post( 'cancel_reason' ), 0, 100 ); // The bridge takes no more than 200.
		$actor  = current_user_can( Capabilities::REFUND ) ? 'wp:' . get_current_user_id() : 'buyer';
		$refund = Refund::ask( $client, $payment['id'], null, '' === $reason ? __( 'Asked by the buyer', 'pay-bridge' ) : $reason, $actor, self::key( $payment ) );
		self::answer( $refund );
	}

	/** Two clicks are one wish: the same payment, seen in the same version, within the same minute. */
	private static function key( array $payment ): string {
		$minute = Clock::now() - Clock::now() % MINUTE_IN_SECONDS;
		$wish   = array( $payment['id'], $payment['version'] ?? 0, $payment['refunded'] ?? 0, get_current_user_id(), $minute );
		return sprintf( '%08x', $minute ) . substr( hash( 'sha256', 'cancel|' . implode( '|', $wish ) ), 0, 24 );
	}

	/** Themes say "failed" to everything but success, so whatever is not a refusal is a success with its state in words. */
	private static function answer( Refund $refund ): void {
		if ( $refund->is_refusal() ) {
			Ajax::refuse( $refund->code, $refund->message, 409 );
		}
		wp_send_json_success(
			array(
				'message' => $refund->message,
				'state'   => $refund->state,
			)
		);
	}
}
