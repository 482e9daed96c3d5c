<?php
/**
 * Runs when the plugin is deleted: settings, role and cron event go; payment records stay unless the operator said otherwise.
 *
 * @package PayBridge
 */

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

/** Clean up one site. */
function pay_bridge_uninstall_site() {
	global $wpdb;
	$settings = get_option( 'pay_bridge_settings', array() );
	if ( ! empty( $settings['delete_records'] ) ) {
		foreach ( array( 'payments', 'references', 'messages' ) as $name ) {
			$wpdb->query( "DROP TABLE IF EXISTS {$wpdb->prefix}pay_bridge_{$name}" ); // phpcs:ignore WordPress.DB -- fixed names.
		}
		delete_option( 'pay_bridge_anchors' );
		$wpdb->query( "DELETE FROM {$wpdb->options} WHERE option_name LIKE 'pay\\_bridge\\_order\\_%'" ); // phpcs:ignore WordPress.DB -- fixed names.
	}
	foreach ( array( 'pay_bridge_settings', 'pay_bridge_schema', 'pay_bridge_clock_offset_seconds', 'pay_bridge_gap', 'pay_bridge_handed', 'pay_bridge_pulled', 'pay_bridge_methods', 'pay_bridge_methods_asked' ) as $option ) {
		delete_option( $option );
	}
	delete_transient( 'pay_bridge_health' );
	$wpdb->query( "DELETE FROM {$wpdb->options} WHERE option_name LIKE '\_transient\_%pay\_bridge\_invit%'" ); // phpcs:ignore WordPress.DB -- a way in for whoever has the address.
	wp_clear_scheduled_hook( 'pay_bridge_reconcile' );
	remove_role( 'pay_bridge_clerk' );
}

if ( is_multisite() ) {
	foreach ( get_sites( array( 'fields' => 'ids', 'number' => 0 ) ) as $pay_bridge_site_id ) { // phpcs:ignore WordPress.Arrays -- short enough for one line.
		switch_to_blog( $pay_bridge_site_id );
		pay_bridge_uninstall_site();
		restore_current_blog();
	}
} else {
	pay_bridge_uninstall_site();
}
