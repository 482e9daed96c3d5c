<?php
/**
 * The seat fence: POST pay-bridge/v1/fence.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Answers the bridge's question before money is captured: are the seats still held, and until when? No answer means no capture. */
final class Fence {

	public static function action_rest_api_init(): void {
		register_rest_route(
			'pay-bridge/v1',
			'/fence',
			array(
				'methods'             => 'POST',
				'permission_callback' => array( Webhook::class, 'permission' ),
				'callback'            => array( self::class, 'receive' ),
			)
		);
	}

	/** Answer one question whose signature was proven. */
	public static function receive( \WP_REST_Request $request ): \WP_REST_Response {
		$fence = json_decode( $request->get_body(), true );
		$until = is_array( $fence ) && is_string( $fence['until'] ?? null ) ? Clock::read_up( $fence['until'] ) : null;
		if ( null === $until || ! is_string( $fence['order_ref'] ?? null ) || ! is_int( $fence['amount'] ?? null ) ) {
			return new \WP_REST_Response( array( 'code' => 'malformed' ), 400 );
		}
		$answer = self::judge( $fence, $until );
		if ( isset( $answer['hold_until'] ) ) {
			$answer['hold_until'] = Clock::write( (int) $answer['hold_until'] );
		}
		return new \WP_REST_Response( $answer, 200, array( 'Cache-Control' => 'no-store' ) );
	}

	/** The shop's price is compared first; then the theme may extend the hold; else the hold must be long enough already. */
	private static function judge( array $fence, int $until ): array {
		$order = Order::find( $fence['order_ref'], 'news', 0 );
		if ( null === $order ) {
			return self::no( 'order_unknown' );
		}
		if ( $order->amount() !== $fence['amount'] ) {
			return self::no( 'amount_changed' );
		}
		/**
		 * Extends the hold on an order's seats atomically: {hold: true, hold_until: unix} or {hold: false, reason}.
		 * Null leaves the answer to the hold the order has.
		 */
		$extended = apply_filters( 'pay_bridge_extend_hold', null, $order->ref(), $until, $fence );
		if ( is_array( $extended ) ) {
			$held = true === ( $extended['hold'] ?? false ) && (int) ( $extended['hold_until'] ?? 0 ) >= $until;
			return $held ? self::yes( (int) $extended['hold_until'] ) : self::no( (string) ( $extended['reason'] ?? 'hold_ends' ) );
		}
		if ( 'open' !== (string) ( $order->data()['state'] ?? 'open' ) ) {
			return self::no( 'order_closed' );
		}
		$expires = $order->hold_expires_at();
		return null === $expires || $expires >= $until ? self::yes( null === $expires ? $until : $expires ) : self::no( 'hold_ends' );
	}

	private static function yes( int $until ): array {
		return array(
			'hold'       => true,
			'hold_until' => $until,
		);
	}

	private static function no( string $reason ): array {
		return array(
			'hold'   => false,
			'reason' => $reason,
		);
	}
}
