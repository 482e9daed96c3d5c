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

	/** A posted address; text() would take the percent-encoded Korean out of it. */
	public static function posted_url( string $name ): string {
		// phpcs:ignore WordPress.Security.NonceVerification.Missing, WordPress.Security.ValidatedSanitizedInput.InputNotSanitized -- sanitized as an address.
		$url = isset( $_POST[ $name ] ) ? wp_unslash( $_POST[ $name ] ) : '';
		return is_string( $url ) ? esc_url_raw( $url, array( 'https', 'http' ) ) : '';
	}

	/** The address of the page that is being made, without some fields of its query. */
	public static function here( array $without ): string {
		// phpcs:ignore WordPress.Security.ValidatedSanitizedInput.InputNotSanitized -- sanitized as an address.
		$target = isset( $_SERVER['REQUEST_URI'] ) ? wp_unslash( $_SERVER['REQUEST_URI'] ) : '/';
		$url    = is_string( $target ) ? Settings::origin( home_url() ) . '/' . ltrim( $target, '/' ) : home_url( '/' );
		return esc_url_raw( remove_query_arg( $without, $url ), array( 'https', 'http' ) );
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
