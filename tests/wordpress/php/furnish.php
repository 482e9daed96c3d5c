<?php
/**
 * Activates the plugin, makes the accounts, the pages and the shows. Safe to run again.
 * Reads {"root", "accounts": [{"login", "role", "name", "password"}]} as JSON from its input, prints what it did as JSON.
 */

$wanted = json_decode( stream_get_contents( STDIN ), true );

require $wanted['root'] . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/plugin.php';

$plugin = 'pay-bridge/pay-bridge.php';
$state  = 'absent';
if ( file_exists( WP_PLUGIN_DIR . '/' . $plugin ) ) {
	$refused = activate_plugin( $plugin );
	$state   = is_wp_error( $refused ) ? $refused->get_error_message() : 'active';
}

/**
 * The role with the right to refund and hardly any other, which the plugin makes.
 */
function stand_clerk_role() {
	foreach ( wp_roles()->roles as $name => $role ) {
		if ( ! empty( $role['capabilities']['pay_bridge_refund'] ) && empty( $role['capabilities']['manage_options'] ) ) {
			return $name;
		}
	}
	add_role( 'clerk', '매표소', array( 'read' => true, 'pay_bridge_refund' => true ) );
	return 'clerk';
}

foreach ( $wanted['accounts'] as $account ) {
	$fields = array(
		'user_login'   => $account['login'],
		'user_pass'    => $account['password'],
		'user_email'   => $account['login'] . '@shop.example',
		'display_name' => $account['name'],
		'first_name'   => $account['name'],
		'role'         => 'clerk' === $account['role'] ? stand_clerk_role() : $account['role'],
		'locale'       => 'ko_KR',
	);
	$known  = get_user_by( 'login', $account['login'] );
	if ( ! $known ) {
		wp_insert_user( $fields );
	} elseif ( 'administrator' !== $account['role'] ) {
		$known->set_role( $fields['role'] );
	}
}

if ( function_exists( 'ticketing_furnish' ) ) {
	ticketing_furnish();
}
flush_rewrite_rules( false );
echo wp_json_encode( array( 'plugin' => $state, 'wordpress' => get_bloginfo( 'version' ), 'php' => PHP_VERSION ) );
