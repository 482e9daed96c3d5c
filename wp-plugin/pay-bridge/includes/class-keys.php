<?php
/**
 * The keys of this site, read from a pairing code.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Where the bridge is, who we are there, and three subkeys. The secret they come from is not kept. */
final class Keys {

	const CODE_BYTES = 4096;

	/** @var string The bridge's public address without a trailing slash; what is signed. */
	public $url;

	/** @var string This site's name at the bridge. */
	public $site;

	/** @var string */
	public $key_id;

	/** @var string 32 bytes: signs requests. */
	public $request;

	/** @var string 32 bytes: seals orders. */
	public $order;

	/** @var string 32 bytes: proves the bridge's news. */
	public $news;

	private function __construct( array $pairing, string $secret ) {
		$this->url     = $pairing['url'];
		$this->site    = $pairing['site'];
		$this->key_id  = $pairing['key_id'];
		$this->request = self::subkey( $secret, 'pay-bridge.request.v1' );
		$this->order   = self::subkey( $secret, 'pay-bridge.order.v1' );
		$this->news    = self::subkey( $secret, 'pay-bridge.news.v1' );
	}

	/** Read a pairing code; null if it is not one. */
	public static function from_pairing_code( string $code ): ?self {
		$pairing = json_decode( strlen( $code ) > self::CODE_BYTES ? '' : (string) self::decode( trim( $code ) ), true );
		if ( ! is_array( $pairing ) ) {
			return null;
		}
		foreach ( array( 'url', 'site', 'key_id', 'secret' ) as $name ) {
			if ( ! isset( $pairing[ $name ] ) || ! is_string( $pairing[ $name ] ) || '' === $pairing[ $name ] ) {
				return null;
			}
		}
		$secret = self::decode( $pairing['secret'] );
		$fits   = null !== $secret && 32 === strlen( $secret )
			&& 1 === preg_match( '/\A[a-z0-9_-]{1,64}\z/', $pairing['key_id'] )
			&& 1 === preg_match( '~\Ahttps?://[^\s/?#@\\\\]+(/[^\s?#\\\\]*[^\s/?#\\\\])?\z~', $pairing['url'] );
		return $fits ? new self( $pairing, $secret ) : null;
	}

	/** Derive a subkey of 32 bytes (HKDF-SHA256, no salt). */
	public static function subkey( string $secret, string $info ): string {
		return hash_hkdf( 'sha256', $secret, 32, $info, '' );
	}

	/** Base64url without padding. */
	public static function encode( string $bytes ): string {
		return rtrim( strtr( base64_encode( $bytes ), '+/', '-_' ), '=' ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions -- bytes as text, not hidden code.
	}

	/** Read base64url without padding; null if it is anything else. */
	public static function decode( string $text ): ?string {
		if ( 1 !== preg_match( '/\A[A-Za-z0-9_-]+\z/', $text ) ) {
			return null;
		}
		$bytes = base64_decode( strtr( $text, '-_', '+/' ), true ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions -- bytes as text, not hidden code.
		return false === $bytes || self::encode( $bytes ) !== $text ? null : $bytes; // One text for each value.
	}

	/** A dump shows no key. */
	public function __debugInfo(): array {
		return array(
			'url'    => $this->url,
			'site'   => $this->site,
			'key_id' => $this->key_id,
		);
	}
}
