<?php
/**
 * What a browser sent.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Reads form fields and headers as clean text. An array where a text should be is an empty text. */
final class Request {

	/** A posted field. Callers check authority and intent; this only reads. */
	public static function post( string $name ): string {
		// phpcs:ignore WordPress.Security.NonceVerification.Missing, WordPress.Security.ValidatedSanitizedInput.InputNotSanitized -- sanitized in text().
		return isset( $_POST[ $name ] ) ? self::text( wp_unslash( $_POST[ $name ] ) ) : '';
	}

	/** A query field. */
	public static function query( string $name ): string {
		// phpcs:ignore WordPress.Security.NonceVerification.Recommended, WordPress.Security.ValidatedSanitizedInput.InputNotSanitized -- sanitized in text().
		return isset( $_GET[ $name ] ) ? self::text( wp_unslash( $_GET[ $name ] ) ) : '';
	}

	/** A header, by its name in lower case. */
	public static function header( string $name ): string {
		$key = 'HTTP_' . strtoupper( str_replace( '-', '_', $name ) );
		// phpcs:ignore WordPress.Security.ValidatedSanitizedInput.InputNotSanitized -- sanitized in text().
		return isset( $_SERVER[ $key ] ) ? self::text( wp_unslash( $_SERVER[ $key ] ) ) : '';
	}

	/** Whether the browser says that another site caused this request. */
	public static function comes_from_elsewhere(): bool {
		$origin = self::header( 'origin' );
		return ( '' !== $origin && ! self::is_home( $origin ) )
			|| in_array( self::header( 'sec-fetch-site' ), array( 'cross-site', 'same-site' ), true );
	}

	/** Whether the browser says that a page of this very site caused this request. Silence is not yes. */
	public static function comes_from_here(): bool {
		return ! self::comes_from_elsewhere()
			&& ( '' !== self::header( 'origin' ) || 'same-origin' === self::header( 'sec-fetch-site' ) );
	}

	private static function is_home( string $origin ): bool {
		$here = array( Settings::origin( home_url() ), Settings::origin( site_url() ) );
		return in_array( Settings::origin( $origin ), $here, true );
	}

	/** @param mixed $value Whatever was sent. */
	private static function text( $value ): string {
		return is_string( $value ) ? sanitize_text_field( $value ) : '';
	}
}
