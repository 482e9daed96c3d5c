<?php
/**
 * The payment methods a buyer may choose from.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/**
 * Keeps what the bridge last told of its gateways' methods, in an autoloaded option: reading costs no query and no page
 * waits. A page that reads what is older than a minute has the bridge asked once that page was sent.
 */
final class Methods {

	const OPTION          = 'pay_bridge_methods';
	const ASKED           = 'pay_bridge_methods_asked';
	const KEEP_SECONDS    = 60;
	const BELIEVE_SECONDS = 120;
	const TIMEOUT_SECONDS = 2;

	/**
	 * The methods for an amount; null while the bridge has never told them.
	 *
	 * @param int  $amount    KRW; 0 if it is not known.
	 * @param bool $has_phone Whether the order tells the buyer's phone.
	 * @return array<string,array{code:string,name:string,minimum:int,healthy:bool,why:string}>|null By code; `why` is empty if it may be chosen.
	 */
	public static function for_amount( int $amount, bool $has_phone = true ): ?array {
		if ( abs( time() - (int) get_option( self::ASKED ) ) >= self::KEEP_SECONDS ) {
			add_action( 'shutdown', array( self::class, 'action_shutdown' ) );
		}
		$kept    = get_option( self::OPTION );
		$methods = null;
		if ( is_array( $kept ) && ! empty( $kept['items'] ) ) {
			// The bridge leaves a gateway in peace for half a minute only: old bad news must not keep buyers away.
			$old     = abs( time() - (int) $kept['told_at'] ) > self::BELIEVE_SECONDS;
			$methods = array();
			foreach ( $kept['items'] as $code => $item ) {
				$methods[ $code ] = self::method( $code, $item, $old || $item['healthy'], $amount, $has_phone );
			}
		}
		/** The methods of the order page, by code; null while the bridge has never told them. */
		$methods = apply_filters( 'pay_bridge_methods', $methods, $amount );
		return is_array( $methods ) ? $methods : null;
	}

	/** After a page was sent: of all pages that find the list old, one asks. */
	public static function action_shutdown(): void {
		$client = Client::of_site();
		if ( null === $client || ! self::claim() ) {
			return;
		}
		if ( function_exists( 'fastcgi_finish_request' ) ) {
			fastcgi_finish_request();
		} else {
			flush();
		}
		self::ask( $client );
	}

	/** Forget what another bridge, or another site of it, has told. */
	public static function forget(): void {
		update_option( self::OPTION, array() );
		update_option( self::ASKED, 0 );
	}

	private static function method( string $code, array $item, bool $healthy, int $amount, bool $has_phone ): array {
		$name = Words::method( $code );
		$why  = '';
		if ( ! $healthy ) {
			$why = __( 'Not available right now. Please choose another method.', 'pay-bridge' );
		} elseif ( $amount > 0 && $amount < $item['minimum'] ) {
			/* translators: %s: an amount such as 1,000 KRW */
			$why = sprintf( __( 'Takes %s or more.', 'pay-bridge' ), Words::krw( $item['minimum'] ) );
		} elseif ( ! $has_phone && ! empty( $item['needs_phone'] ) ) {
			$why = __( 'Needs your mobile phone number. Please add it to the order, or choose another method.', 'pay-bridge' );
		}
		return array(
			'code'    => $code,
			'name'    => $code === $name ? $item['name'] : $name,
			'minimum' => $item['minimum'],
			'healthy' => $healthy,
			'why'     => $why,
		);
	}

	/** Whether this request is the one that asks: the database lets one through a minute. */
	private static function claim(): bool {
		global $wpdb;
		$now  = time();
		$read = "SELECT option_value FROM {$wpdb->options} WHERE option_name = %s";
		$last = (string) $wpdb->get_var( $wpdb->prepare( $read, self::ASKED ) ); // phpcs:ignore WordPress.DB -- the cache may be older.
		if ( abs( $now - (int) $last ) < self::KEEP_SECONDS ) {
			return false;
		}
		$move    = "UPDATE {$wpdb->options} SET option_value = %s WHERE option_name = %s AND option_value = %s";
		$claimed = 1 === $wpdb->query( $wpdb->prepare( $move, (string) $now, self::ASKED, $last ) ); // phpcs:ignore WordPress.DB -- atomic.
		wp_cache_delete( 'alloptions', 'options' );
		return $claimed;
	}

	private static function ask( Client $client ): void {
		$answer = $client->get( '/v1/codes/methods', array(), self::TIMEOUT_SECONDS );
		$items  = array();
		foreach ( $answer->ok() && is_array( $answer->body['items'] ?? null ) ? $answer->body['items'] : array() as $item ) {
			if ( self::fits( $item ) ) {
				$items[ $item['code'] ] = array(
					'name'        => $item['name'],
					'minimum'     => $item['minimum'],
					'healthy'     => $item['healthy'],
					'needs_phone' => true === ( $item['needs_phone'] ?? false ),
				);
			}
		}
		if ( $items ) {
			update_option(
				self::OPTION,
				array(
					'told_at' => time(),
					'items'   => $items,
				)
			);
		}
	}

	/** @param mixed $item What the bridge told. */
	private static function fits( $item ): bool {
		return is_array( $item )
			&& is_string( $item['code'] ?? null ) && 1 === preg_match( '/\A[a-z_]{1,32}\z/', $item['code'] )
			&& is_string( $item['name'] ?? null ) && is_int( $item['minimum'] ?? null ) && is_bool( $item['healthy'] ?? null );
	}
}
