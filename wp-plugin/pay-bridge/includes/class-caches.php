<?php
/**
 * Caches: what they may not keep.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Keeps answers out of every cache, the browser's own too: a way back must never show a page from before the payment. */
final class Caches {

	/** Say so in the headers of this answer, whoever sends WordPress' own afterwards. */
	public static function bar(): void {
		add_filter( 'nocache_headers', array( self::class, 'forbid_storing' ) );
		nocache_headers();
	}

	/** Add what WordPress says by itself only in later versions, and only for some. */
	public static function forbid_storing( array $headers ): array {
		$headers['Cache-Control'] = 'no-cache, must-revalidate, max-age=0, no-store, private';
		return $headers;
	}

	/** Ask plugins that keep whole pages to leave this one out. */
	public static function bar_page(): void {
		if ( ! headers_sent() ) {
			self::bar();
		}
		defined( 'DONOTCACHEPAGE' ) || define( 'DONOTCACHEPAGE', true ); // phpcs:ignore WordPress.NamingConventions -- the name caches look for.
	}
}
