<?php
/**
 * Orders that a clerk made in wp-admin: the shop has none of them.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/**
 * Remembers what a charge or a plan of wp-admin is for, so that its payment's news find an order here. Of the customer
 * nothing is kept. A plan's rounds are the orders `ref-1`, `ref-2` and so on.
 */
final class Own_Orders {

	const PREFIX = 'pay_bridge_order_';
	const CHARGE = 'charge';
	const PLAN   = 'plan';

	/** Remember an order before it is asked for; the same again changes nothing. */
	public static function remember( string $ref, string $kind, string $title, int $amount ): void {
		$order = array(
			'kind'   => $kind,
			'title'  => $title,
			'amount' => $amount,
		);
		add_option( self::PREFIX . $ref, $order, '', false );
	}

	/** The order of a reference, as a theme would hand it over to the bridge's news; null if it is none of these. */
	public static function find( string $ref ): ?array {
		$kept = get_option( self::PREFIX . $ref );
		$plan = is_array( $kept ) ? '' : (string) preg_replace( '/-[0-9]+\z/', '', $ref );
		if ( '' !== $plan && $plan !== $ref ) {
			$kept = get_option( self::PREFIX . $plan );
			$kept = is_array( $kept ) && self::PLAN === $kept['kind'] ? $kept : null;
		}
		if ( ! is_array( $kept ) ) {
			return null;
		}
		return array(
			'ref'        => $ref,
			'version'    => 1,
			'title'      => $kept['title'],
			'amount'     => $kept['amount'],
			'buyer'      => array(),
			'result_url' => home_url( '/' ),
		);
	}

	/** What a clerk called it; empty for any other. */
	public static function title( string $ref ): string {
		$kept = get_option( self::PREFIX . $ref );
		return is_array( $kept ) ? $kept['title'] : '';
	}
}
