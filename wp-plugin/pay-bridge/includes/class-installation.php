<?php
/**
 * Tables, role and cron event.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Brings a site's tables, clerk role and hourly event up to date, once per version of the schema. */
final class Installation {

	const SCHEMA = 4;
	const OPTION = 'pay_bridge_schema';
	const CRON   = 'pay_bridge_reconcile';

	/** On activation. On a network each site follows at its first request. */
	public static function action_activate(): void {
		self::load_words();
		self::install();
	}

	/** On deactivation the hourly event goes; nothing else does. */
	public static function action_deactivate(): void {
		wp_clear_scheduled_hook( self::CRON );
	}

	/** At every start: one look at an autoloaded number. */
	public static function action_init(): void {
		self::load_words();
		if ( self::SCHEMA !== (int) get_option( self::OPTION ) ) {
			self::install();
		}
	}

	private static function load_words(): void {
		load_plugin_textdomain( 'pay-bridge', false, dirname( plugin_basename( PAY_BRIDGE_FILE ) ) . '/languages' );
	}

	private static function install(): void {
		require_once ABSPATH . 'wp-admin/includes/upgrade.php';
		dbDelta( self::tables() );
		Capabilities::add_clerk_role();
		add_option( Settings::OPTION, array(), '', false );
		add_option( Clock::OPTION, 0 );
		add_option( Handover::OPTION, 0 );
		add_option( Methods::OPTION, array() );
		add_option( Methods::ASKED, 0 );
		if ( ! wp_next_scheduled( self::CRON ) ) {
			wp_schedule_event( time() + MINUTE_IN_SECONDS, 'hourly', self::CRON );
		}
		update_option( self::OPTION, self::SCHEMA, true );
	}

	/** The tables, in the form dbDelta wants. Times are unix seconds, amounts KRW. */
	private static function tables(): string {
		global $wpdb;
		$charset = $wpdb->get_charset_collate();
		return "CREATE TABLE {$wpdb->prefix}pay_bridge_payments (
  payment_id varchar(64) NOT NULL,
  order_ref varchar(128) NOT NULL,
  state varchar(32) NOT NULL DEFAULT '',
  amount bigint(20) NOT NULL DEFAULT 0,
  refunded bigint(20) NOT NULL DEFAULT 0,
  seq bigint(20) NOT NULL DEFAULT 0,
  version bigint(20) NOT NULL DEFAULT 0,
  told_waiting tinyint(1) NOT NULL DEFAULT 0,
  told_paid tinyint(1) NOT NULL DEFAULT 0,
  told_failed tinyint(1) NOT NULL DEFAULT 0,
  told_refunded bigint(20) NOT NULL DEFAULT 0,
  told_refusal varchar(64) NOT NULL DEFAULT '',
  problem varchar(32) NOT NULL DEFAULT '',
  claim varchar(32) NOT NULL DEFAULT '',
  claim_ends bigint(20) NOT NULL DEFAULT 0,
  created_at bigint(20) NOT NULL DEFAULT 0,
  updated_at bigint(20) NOT NULL DEFAULT 0,
  asked varchar(2000) NOT NULL DEFAULT '',
  snapshot longtext NOT NULL,
  PRIMARY KEY  (payment_id),
  KEY order_ref (order_ref),
  KEY state_updated (state,updated_at),
  KEY updated (updated_at,payment_id)
) $charset;
CREATE TABLE {$wpdb->prefix}pay_bridge_references (
  reference varchar(128) NOT NULL,
  payment_id varchar(64) NOT NULL,
  PRIMARY KEY  (reference,payment_id)
) $charset;
CREATE TABLE {$wpdb->prefix}pay_bridge_messages (
  message_id varchar(128) NOT NULL,
  payment_id varchar(64) NOT NULL DEFAULT '',
  seq bigint(20) NOT NULL DEFAULT 0,
  seen_at bigint(20) NOT NULL DEFAULT 0,
  PRIMARY KEY  (message_id),
  KEY seen_at (seen_at)
) $charset;";
	}
}
