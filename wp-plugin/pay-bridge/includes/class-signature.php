<?php
/**
 * Signed requests from this site to the bridge.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** HTTP Message Signatures (RFC 9421) with Content-Digest (RFC 9530): one label, one algorithm, a fixed list of parts. */
final class Signature {

	const LABEL            = 'pb';
	const TAG              = 'pay-bridge-v1';
	const LIFETIME_SECONDS = 120;

	/**
	 * The headers that sign one request.
	 *
	 * @param Keys   $keys    Whose request.
	 * @param string $method  GET or POST.
	 * @param string $uri     The target as the bridge knows itself, whatever address is dialled.
	 * @param string $body    The exact bytes sent; ignored for GET.
	 * @param string $key     The idempotency key; ignored for GET.
	 * @param int    $created Unix time in the bridge's clock.
	 * @param string $nonce   22 characters of base64url, never used before.
	 * @return array<string,string>
	 */
	public static function headers( Keys $keys, string $method, string $uri, string $body, string $key, int $created, string $nonce ): array {
		$parts   = array(
			'@method'     => $method,
			'@target-uri' => $uri,
		);
		$headers = array();
		if ( 'GET' !== $method ) {
			$headers['Content-Digest']  = self::digest( $body );
			$headers['Idempotency-Key'] = $key;
			$parts['content-digest']    = $headers['Content-Digest'];
			$parts['idempotency-key']   = $key;
		}
		$params                     = self::params( array_keys( $parts ), $keys->key_id, $created, $nonce );
		$headers['Signature-Input'] = self::LABEL . '=' . $params;
		$headers['Signature']       = self::LABEL . '=:' . self::base64( hash_hmac( 'sha256', self::base( $parts, $params ), $keys->request, true ) ) . ':';
		return $headers;
	}

	/** A fresh nonce of 128 bits. */
	public static function nonce(): string {
		return Keys::encode( random_bytes( 16 ) );
	}

	/** The Content-Digest of a body. */
	public static function digest( string $body ): string {
		return 'sha-256=:' . self::base64( hash( 'sha256', $body, true ) ) . ':';
	}

	/** The text that is signed. */
	public static function base( array $parts, string $params ): string {
		$lines = array();
		foreach ( $parts as $name => $value ) {
			$lines[] = '"' . $name . '": ' . $value;
		}
		$lines[] = '"@signature-params": ' . $params;
		return implode( "\n", $lines );
	}

	private static function params( array $names, string $key_id, int $created, string $nonce ): string {
		return sprintf(
			'("%s");created=%d;expires=%d;nonce="%s";keyid="%s";alg="hmac-sha256";tag="%s"',
			implode( '" "', $names ),
			$created,
			$created + self::LIFETIME_SECONDS,
			$nonce,
			$key_id,
			self::TAG
		);
	}

	private static function base64( string $bytes ): string {
		return base64_encode( $bytes ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions -- bytes as text, not hidden code.
	}
}
