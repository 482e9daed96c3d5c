<?php
/**
 * What the site's gateways offer besides payments.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Asks the bridge which gateways have a service, so that no form stands where nobody would answer it. */
final class Services {

	const TIMEOUT_SECONDS = 2;

	/** @var array|null What the bridge answered while this page was made. */
	private static $told = null;

	/**
	 * The gateways that have a service; none where the bridge does not say.
	 *
	 * @return array<string,array{title:string,minimum:int,months:int,instalments_from:int}> By the gateway's name; minimum and instalments_from in KRW, months at most (0: no instalments).
	 */
	public static function gateways( Client $client, string $service ): array {
		if ( null === self::$told ) {
			$answer     = $client->get( '/v1/codes/services', array(), self::TIMEOUT_SECONDS );
			self::$told = $answer->ok() ? $answer->body : array();
		}
		$gateways = array();
		foreach ( self::items( self::$told, 'items' ) as $item ) {
			foreach ( $service === ( $item['code'] ?? '' ) ? self::items( $item, 'gateways' ) : array() as $gateway ) {
				if ( is_string( $gateway['gateway'] ?? null ) && 1 === preg_match( '/\A[A-Za-z]{1,32}\z/', $gateway['gateway'] ) ) {
					$gateways[ $gateway['gateway'] ] = array(
						'title'            => is_string( $gateway['title'] ?? null ) ? $gateway['title'] : $gateway['gateway'],
						'minimum'          => (int) ( $gateway['minimum'] ?? 1 ),
						'months'           => (int) ( $gateway['instalment_months_max'] ?? 0 ),
						'instalments_from' => (int) ( $gateway['instalments_from'] ?? 0 ),
					);
				}
			}
		}
		return $gateways;
	}

	private static function items( array $body, string $name ): array {
		return is_array( $body[ $name ] ?? null ) ? array_filter( $body[ $name ], 'is_array' ) : array();
	}
}
