<?php
/**
 * Which messages of the bridge were done.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

// phpcs:disable WordPress.DB.DirectDatabaseQuery, WordPress.DB.PreparedSQL.NotPrepared -- own table; its name is a constant.

/** Remembers message ids for longer than the bridge repeats them (31 days). */
final class Messages {

	const KEEP_SECONDS = 40 * DAY_IN_SECONDS;

	public static function is_done( string $message_id ): bool {
		global $wpdb;
		return null !== $wpdb->get_var( $wpdb->prepare( 'SELECT seq FROM ' . self::table() . ' WHERE message_id = %s', $message_id ) );
	}

	public static function done( string $message_id, string $payment_id, int $seq ): void {
		global $wpdb;
		$wpdb->query(
			$wpdb->prepare(
				'INSERT IGNORE INTO ' . self::table() . ' (message_id, payment_id, seq, seen_at) VALUES (%s, %s, %d, %d)',
				$message_id,
				$payment_id,
				$seq,
				time()
			)
		);
	}

	/** Unix time of the last message; 0 if none ever came. */
	public static function last_seen_at(): int {
		global $wpdb;
		return (int) $wpdb->get_var( 'SELECT MAX(seen_at) FROM ' . self::table() );
	}

	public static function forget_old(): void {
		global $wpdb;
		$wpdb->query( $wpdb->prepare( 'DELETE FROM ' . self::table() . ' WHERE seen_at < %d', time() - self::KEEP_SECONDS ) );
	}

	private static function table(): string {
		return Payments::table( 'messages' );
	}
}
