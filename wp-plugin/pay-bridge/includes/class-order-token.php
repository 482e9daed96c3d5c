<?php
/**
 * The sealed order a buyer's browser carries to the bridge.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Seals and opens order tokens: ChaCha20-Poly1305 (IETF), so that neither price nor buyer can be read or changed on the way. */
final class Order_Token {

	const VERSION          = 'v1';
	const LIFETIME_SECONDS = 900;
	const PURPOSE          = 'pay-bridge.order.v1|';

	/**
	 * Seal a payload.
	 *
	 * @param array       $payload What is sealed: order, iat, exp, jti, and perhaps gateway and method.
	 * @param Keys        $keys    Whose order.
	 * @param string|null $nonce   12 bytes, only to reproduce a published example; never reuse one.
	 */
	public static function seal( array $payload, Keys $keys, ?string $nonce = null ): string {
		return self::seal_text( (string) wp_json_encode( $payload, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES ), $keys, $nonce );
	}

	/** Seal a text that is JSON already. */
	public static function seal_text( string $json, Keys $keys, ?string $nonce = null ): string {
		$nonce  = null === $nonce ? random_bytes( SODIUM_CRYPTO_AEAD_CHACHA20POLY1305_IETF_NPUBBYTES ) : $nonce;
		$sealed = sodium_crypto_aead_chacha20poly1305_ietf_encrypt( $json, self::PURPOSE . $keys->key_id, $nonce, $keys->order );
		return implode( '.', array( self::VERSION, $keys->key_id, Keys::encode( $nonce . $sealed ) ) );
	}

	/** Open a token; null if it is not ours, was changed, or is not a token. Its times are not judged here. */
	public static function open( string $token, Keys $keys ): ?array {
		$parts = explode( '.', $token );
		if ( 3 !== count( $parts ) || self::VERSION !== $parts[0] || $keys->key_id !== $parts[1] ) {
			return null;
		}
		$bytes = (string) Keys::decode( $parts[2] );
		$width = SODIUM_CRYPTO_AEAD_CHACHA20POLY1305_IETF_NPUBBYTES;
		if ( strlen( $bytes ) < $width + SODIUM_CRYPTO_AEAD_CHACHA20POLY1305_IETF_ABYTES ) {
			return null;
		}
		$json = sodium_crypto_aead_chacha20poly1305_ietf_decrypt( substr( $bytes, $width ), self::PURPOSE . $keys->key_id, substr( $bytes, 0, $width ), $keys->order );
		$data = false === $json ? null : json_decode( $json, true );
		return is_array( $data ) ? $data : null;
	}
}
