<?php
/**
 * The time, as the bridge sees it.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** This server's clock, corrected by what the bridge said when it refused a signature for its time. */
final class Clock {

	const OPTION = 'pay_bridge_clock_offset_seconds';

	/** Unix time in the bridge's clock. */
	public static function now(): int {
		return time() + self::offset_seconds();
	}

	/** How far this server's clock is behind the bridge's, in seconds. */
	public static function offset_seconds(): int {
		return (int) get_option( self::OPTION, 0 );
	}

	/**
	 * Learn the bridge's time.
	 *
	 * @param string $server_time RFC 3339.
	 * @return bool Whether the correction changed.
	 */
	public static function learn( string $server_time ): bool {
		$bridge = self::read( $server_time );
		$offset = null === $bridge ? DAY_IN_SECONDS : $bridge - time();
		if ( abs( $offset ) >= DAY_IN_SECONDS ) {
			return false; // A clock that wrong is a person's business.
		}
		return self::offset_seconds() !== $offset && update_option( self::OPTION, abs( $offset ) < 5 ? 0 : $offset );
	}

	/** Unix time as RFC 3339 in UTC. */
	public static function write( int $unix ): string {
		return gmdate( 'Y-m-d\TH:i:s\Z', $unix );
	}

	/** Read RFC 3339; null if it is anything else. */
	public static function read( string $text ): ?int {
		if ( 1 !== preg_match( '/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)\z/', $text ) ) {
			return null;
		}
		$unix = strtotime( $text );
		return false === $unix ? null : $unix;
	}

	/** The same, a fraction of a second counted as a whole one: for deadlines that must not be cut short. */
	public static function read_up( string $text ): ?int {
		$unix = self::read( $text );
		return null === $unix ? null : $unix + preg_match( '/\.\d*[1-9]/', $text );
	}
}
