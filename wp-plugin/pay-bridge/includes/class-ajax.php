<?php
/**
 * The names a theme's own script calls: mainpay_payment_ready, pay_bridge_token.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Seals orders on demand. No gateway is called here, so no PHP worker ever waits for one. */
final class Ajax {

	/** A theme may still register its old handlers, one of them open to visitors. Ours replace them all. */
	public static function action_admin_init(): void {
		if ( ! wp_doing_ajax() ) {
			return;
		}
		$ours = array(
			'mainpay_payment_ready'  => array( self::class, 'action_ready' ),
			'mainpay_payment_cancel' => array( Cancel::class, 'action_cancel' ),
		);
		foreach ( $ours as $name => $handler ) {
			foreach ( array( 'wp_ajax_', 'wp_ajax_nopriv_' ) as $prefix ) {
				remove_all_actions( $prefix . $name );
				add_action( $prefix . $name, $handler, 0 );
			}
		}
	}

	/** The old way to open a payment: answers {payUrl, refNo, mbrRefNo}. An amount sent along is only compared. */
	public static function action_ready(): void {
		Caches::bar();
		$ref = Request::post( 'pay_bridge_order' );
		list( $keys, $order ) = self::payable( $ref );
		$amount = Request::post( 'amount' );
		if ( '' !== $amount && Order::amount_of( $amount ) !== $order->amount() ) {
			self::refuse( 'amount_changed', __( 'The price of this order has changed. Please reload the page.', 'pay-bridge' ), 409 );
		}
		$method = Request::post( 'method' );
		$sealed = $order->seal( $keys, Clock::now(), '' === $method ? Request::post( 'payment_method' ) : $method );
		wp_send_json_success(
			array(
				'payUrl'   => $keys->url . '/checkout/' . $sealed['token'] . ( 'app' === Checkout::device() ? '?device=app' : '' ),
				'refNo'    => $sealed['id'],
				'mbrRefNo' => $order->ref(),
			)
		);
	}

	/** A new token for a page that stayed open: answers {token, expires_at}. */
	public static function action_token(): void {
		Caches::bar();
		list( $keys, $order ) = self::payable( Request::post( 'order' ) );
		$now    = Clock::now();
		$sealed = $order->seal( $keys, $now );
		wp_send_json_success(
			array(
				'token'           => $sealed['token'],
				'expires_at'      => $sealed['expires_at'],
				'expires_seconds' => $sealed['expires_at'] - $now,
			)
		);
	}

	/** Authority, then intent: the person's own order, asked for by a page of this site; or a refusal. */
	private static function payable( string $ref ): array {
		$order = Order::of_buyer( $ref, 'checkout', get_current_user_id() );
		if ( null === $order ) {
			self::refuse( 'no_order', __( 'This order cannot be found.', 'pay-bridge' ), 404 );
		}
		if ( Request::comes_from_elsewhere() ) {
			self::refuse( 'foreign_origin', __( 'This request did not come from our own page.', 'pay-bridge' ), 403 );
		}
		$obstacle = $order->obstacle( time() );
		if ( '' !== $obstacle ) {
			self::refuse( $obstacle, Words::obstacle( $obstacle ), 409 );
		}
		$keys = Settings::keys();
		if ( null === $keys ) {
			self::refuse( 'not_paired', Words::obstacle( 'not_paired' ), 503 );
		}
		return array( $keys, $order );
	}

	/** Answer in the form themes expect, and stop. */
	public static function refuse( string $code, string $message, int $status ): void {
		wp_send_json_error(
			array(
				'message' => $message,
				'code'    => $code,
			),
			$status
		);
	}
}
