<?php
/**
 * News from the bridge: POST pay-bridge/v1/news.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Takes a message at least once and applies it once. Whatever cannot be applied now is refused, and the bridge repeats it. */
final class News {

	/** What themes are given of a recurring plan. */
	const PLAN_FOR_THEMES = array( 'id', 'customer', 'gateway', 'gateway_title', 'state', 'order_ref', 'amount', 'tax_free', 'cycle', 'day', 'ends', 'rounds', 'created_at', 'code', 'message', 'last_failure' );

	public static function action_rest_api_init(): void {
		register_rest_route(
			'pay-bridge/v1',
			'/news',
			array(
				'methods'             => 'POST',
				'permission_callback' => array( Webhook::class, 'permission' ),
				'callback'            => array( self::class, 'receive' ),
			)
		);
	}

	/** Apply one message whose signature was proven. */
	public static function receive( \WP_REST_Request $request ): \WP_REST_Response {
		$news = json_decode( $request->get_body(), true );
		if ( ! self::fits( $news ) ) {
			return self::answer( 400, 'malformed' );
		}
		$id = (string) $request->get_header( 'webhook-id' );
		if ( Messages::is_done( $id ) ) {
			return self::answer( 200, Snapshots::OLD, $news['seq'] );
		}
		$payment = self::confirmed( $news );
		if ( null === $payment ) {
			return self::answer( 409, 'unconfirmed' );
		}
		$outcome = Snapshots::apply( $payment, $news['seq'] );
		if ( ! in_array( $outcome, array( Snapshots::APPLIED, Snapshots::OLD ), true ) ) {
			return self::answer( 409, $outcome );
		}
		if ( 'plan.round_failed' === $news['type'] && ! self::tell_failure( $news['plan'] ?? null, $payment ) ) {
			return self::answer( 409, 'unconfirmed' );
		}
		Messages::done( $id, $payment['id'], $news['seq'] );
		return self::answer( 200, $outcome, $news['seq'] );
	}

	/**
	 * The payment to apply: the bridge is asked before a message is believed, so a stolen news key alone pays for nothing.
	 * A message that is old by its number needs no question.
	 */
	private static function confirmed( array $news ): ?array {
		$told = $news['payment'];
		$row  = Payments::row( $told['id'] );
		if ( null !== $row && (int) $row['seq'] >= $news['seq'] ) {
			return $told;
		}
		$client = Client::of_site();
		$answer = null === $client ? new Answer( 0, array() ) : $client->get( '/v1/payments/' . rawurlencode( $told['id'] ) );
		$seen   = $answer->body;
		$agrees = 200 === $answer->status && Snapshots::is_payment( $seen )
			&& $seen['id'] === $told['id'] && $seen['order_ref'] === $told['order_ref'] && $seen['amount'] === $told['amount']
			&& ( $seen['version'] ?? 0 ) >= ( $told['version'] ?? 0 );
		return $agrees ? $seen : null;
	}

	/**
	 * Tell the theme of a plan's round that could not be charged, in the words of the bridge, which is asked once more.
	 *
	 * @param mixed $told    The plan as the message has it.
	 * @param array $payment The plan's last round that was charged.
	 */
	private static function tell_failure( $told, array $payment ): bool {
		$client = Client::of_site();
		if ( null === $client || ! is_array( $told ) || ! Snapshots::is_id( $told['id'] ?? null ) || ! is_string( $told['customer'] ?? null ) ) {
			return false;
		}
		$answer = $client->get( '/v1/plans/' . rawurlencode( $told['id'] ), array( 'customer' => $told['customer'] ) );
		if ( 200 !== $answer->status || ! is_array( $answer->body['last_failure'] ?? null ) ) {
			return false;
		}
		/** Fires when the gateway could not charge a round of a recurring plan; again if a listener was interrupted. */
		do_action( 'pay_bridge_plan_round_failed', array_intersect_key( $answer->body, array_flip( self::PLAN_FOR_THEMES ) ), Snapshots::for_themes( $payment ) );
		return true;
	}

	private static function fits( $news ): bool {
		return is_array( $news )
			&& is_string( $news['type'] ?? null ) && is_int( $news['seq'] ?? null ) && $news['seq'] > 0
			&& Snapshots::is_payment( $news['payment'] ?? null )
			&& ( $news['order']['ref'] ?? null ) === $news['payment']['order_ref'];
	}

	private static function answer( int $status, string $code, int $seq = 0 ): \WP_REST_Response {
		$body = 200 === $status
			? array(
				'ok'   => true,
				'seq'  => $seq,
				'code' => $code,
			)
			: array(
				'ok'   => false,
				'code' => $code,
			);
		return new \WP_REST_Response( $body, $status, array( 'Cache-Control' => 'no-store' ) );
	}
}
