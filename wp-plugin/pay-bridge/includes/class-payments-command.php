<?php
/**
 * WP-CLI: wp pay-bridge payments.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/**
 * Finds and refunds payments.
 */
final class Payments_Command {

	const FIELDS = array( 'id', 'order_ref', 'state', 'amount', 'refunded', 'method', 'gateway', 'paid_at' );

	/**
	 * Lists payments, the newest first.
	 *
	 * ## OPTIONS
	 *
	 * [--order=<ref>]
	 * : Of one order.
	 *
	 * [--state=<state>]
	 * : In one state, such as paid.
	 *
	 * [--limit=<limit>]
	 * : How many.
	 * ---
	 * default: 30
	 * ---
	 *
	 * [--format=<format>]
	 * : table, json, csv, yaml, ids or count.
	 * ---
	 * default: table
	 * ---
	 *
	 * @subcommand list
	 */
	public function list_( array $args, array $options ): void {
		$query  = array_intersect_key( $options, array_flip( array( 'order', 'state', 'limit' ) ) );
		$answer = Command::client()->get( '/v1/payments', $query );
		if ( ! $answer->ok() || ! is_array( $answer->body['items'] ?? null ) ) {
			\WP_CLI::error( $answer->message() . ' ' . $answer->error );
		}
		$rows = array();
		foreach ( $answer->body['items'] as $payment ) {
			$rows[] = array_intersect_key( $payment, array_flip( self::FIELDS ) ) + array_fill_keys( self::FIELDS, '' );
		}
		if ( 'ids' === $options['format'] ) {
			\WP_CLI::line( implode( ' ', array_column( $rows, 'id' ) ) );
			return;
		}
		\WP_CLI\Utils\format_items( $options['format'], $rows, self::FIELDS );
	}

	/**
	 * Shows one payment.
	 *
	 * ## OPTIONS
	 *
	 * <payment>
	 * : Its id.
	 *
	 * [--format=<format>]
	 * : json or yaml.
	 * ---
	 * default: json
	 * ---
	 */
	public function get( array $args, array $options ): void {
		\WP_CLI::print_value( self::payment( Command::client(), $args[0] ), array( 'format' => $options['format'] ) );
	}

	/**
	 * Refunds a payment. Exit code 0: done or accepted, 1: refused, 3: not known yet, 4: a person must look at it.
	 *
	 * ## OPTIONS
	 *
	 * <payment>
	 * : Its id.
	 *
	 * [--amount=<amount>]
	 * : KRW; all that is left if absent.
	 *
	 * --reason=<reason>
	 * : For the gateway and the books.
	 *
	 * [--key=<key>]
	 * : Idempotency key of 32 hex digits, to ask the same refund again after a lost answer.
	 *
	 * [--format=<format>]
	 * : text or json.
	 * ---
	 * default: text
	 * ---
	 *
	 * [--yes]
	 * : Do not ask.
	 */
	public function refund( array $args, array $options ): void {
		$client  = Command::client();
		$payment = self::payment( $client, $args[0] );
		$left    = Refund::refundable( $payment );
		$amount  = isset( $options['amount'] ) ? Order::amount_of( (string) $options['amount'] ) : $left;
		$key     = $options['key'] ?? Client::idempotency_key();
		// A key given by hand asks for a refund made earlier, of which nothing may be left to refund.
		if ( null === $amount || ( ! isset( $options['key'] ) && ( $amount < 1 || $amount > $left ) ) || 1 !== preg_match( '/\A[0-9a-f]{32}\z/', $key ) ) {
			/* translators: %s: an amount such as 12,000 KRW */
			\WP_CLI::error( sprintf( __( 'Enter a whole amount between 1 and %s.', 'pay-bridge' ), Words::krw( $left ) ) );
		}
		/* translators: 1: an amount such as 12,000 KRW, 2: an order's reference */
		\WP_CLI::confirm( sprintf( __( 'Refund %1$s of order %2$s?', 'pay-bridge' ), Words::krw( $amount ), $payment['order_ref'] ), $options );
		$whole  = isset( $options['amount'] ) ? $amount : null;
		$refund = Refund::ask( $client, $payment['id'], $whole, (string) $options['reason'], 'wp:cli', $key );
		self::tell( $refund, $key, $options['format'] );
	}

	private static function tell( Refund $refund, string $key, string $format ): void {
		$told = array(
			'refund'  => $refund->id,
			'state'   => $refund->state,
			'code'    => $refund->code,
			'message' => trim( $refund->message . ' ' . $refund->owed ),
			'amount'  => $refund->amount,
			'key'     => $key,
		);
		\WP_CLI::line( 'json' === $format ? (string) wp_json_encode( $told, JSON_UNESCAPED_UNICODE ) : $refund->state . ': ' . $told['message'] . ' (key ' . $key . ')' );
		\WP_CLI::halt( $refund->is_refusal() ? 1 : ( $refund->is_pending() ? 3 : ( 'needs_human' === $refund->state ? 4 : 0 ) ) );
	}

	private static function payment( Client $client, string $payment_id ): array {
		if ( ! Snapshots::is_id( $payment_id ) ) {
			\WP_CLI::error( 'This is not the id of a payment.' );
		}
		$answer = $client->get( '/v1/payments/' . rawurlencode( $payment_id ) );
		if ( ! $answer->ok() || ! Snapshots::is_payment( $answer->body ) ) {
			\WP_CLI::error( $answer->message() . ' ' . $answer->error );
		}
		return $answer->body;
	}
}
