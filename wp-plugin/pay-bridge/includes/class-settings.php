<?php
/**
 * What the operator set: one pairing code.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Reads the settings: constant before environment before option. The option is never autoloaded. */
final class Settings {

	const OPTION   = 'pay_bridge_settings';
	const CONSTANT = 'PAY_BRIDGE_PAIRING_CODE';
	const DIAL     = 'PAY_BRIDGE_DIAL_URL';

	/** The saved option: pairing_code, paired_home (the mark of the address it was entered at), delete_records. */
	public static function all(): array {
		$saved = get_option( self::OPTION, array() );
		return ( is_array( $saved ) ? $saved : array() ) + array(
			'pairing_code'   => '',
			'paired_home'    => '',
			'delete_records' => false,
		);
	}

	/** Where the pairing code comes from: constant, environment, option or none. */
	public static function source(): string {
		if ( defined( self::CONSTANT ) && '' !== (string) constant( self::CONSTANT ) ) {
			return 'constant';
		}
		if ( '' !== (string) getenv( self::CONSTANT ) ) {
			return 'environment';
		}
		return '' === (string) self::all()['pairing_code'] ? 'none' : 'option';
	}

	/** The pairing code; empty if there is none. */
	public static function pairing_code(): string {
		switch ( self::source() ) {
			case 'constant':
				return (string) constant( self::CONSTANT );
			case 'environment':
				return (string) getenv( self::CONSTANT );
			default:
				return (string) self::all()['pairing_code'];
		}
	}

	/** This site's keys; null while it is not paired, or was copied from the site that is. */
	public static function keys(): ?Keys {
		return self::is_copy() ? null : Keys::from_pairing_code( self::pairing_code() );
	}

	/**
	 * Whether this database was copied from another address. A copy (staging, a restored backup) must not refund real
	 * payments or take the original's news, so it has no keys until somebody pairs it.
	 */
	public static function is_copy(): bool {
		$paired = (string) self::all()['paired_home'];
		$place  = self::place( $paired ); // Of an address, as an earlier version kept it; a mark has none.
		$is_not = '' === $place ? self::mark() !== $paired : self::place( self::home() ) !== $place;
		return 'option' === self::source() && '' !== $paired && $is_not;
	}

	/** This site's address such that whoever copies the site, and replaces its address everywhere, does not find it. */
	public static function mark(): string {
		return hash( 'sha256', self::place( self::home() ) . untrailingslashit( (string) wp_parse_url( self::home(), PHP_URL_PATH ) ) );
	}

	/** Host and port of an address, whether it says http: or https:, as a site that turns to the latter is no copy. */
	private static function place( string $url ): string {
		return (string) preg_replace( '/\Ahttps?:/', '', self::origin( $url ) );
	}

	/** The address of the site itself; home_url() may be that of one of its languages. */
	private static function home(): string {
		return (string) get_option( 'home' );
	}

	/** The address to dial: usually the bridge's own, or an internal one. */
	public static function dial_url( Keys $keys ): string {
		$dial = defined( self::DIAL ) ? (string) constant( self::DIAL ) : (string) getenv( self::DIAL );
		return '' === $dial ? $keys->url : untrailingslashit( $dial );
	}

	/** Scheme, host and port of a URL, in lower case; empty if it has none. */
	public static function origin( string $url ): string {
		$parts = wp_parse_url( $url );
		if ( ! is_array( $parts ) || empty( $parts['scheme'] ) || empty( $parts['host'] ) ) {
			return '';
		}
		$scheme = strtolower( $parts['scheme'] );
		$usual  = 'https' === $scheme ? 443 : 80;
		$port   = isset( $parts['port'] ) && $usual !== $parts['port'] ? ':' . $parts['port'] : '';
		return $scheme . '://' . strtolower( $parts['host'] ) . $port;
	}
}
