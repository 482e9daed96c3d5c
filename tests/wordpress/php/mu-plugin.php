<?php
/**
 * Plugin Name: Stand
 * Description: Keeps a test site to itself: its mail is written to a file beside the site and nothing is updated.
 */

add_filter(
	'pre_wp_mail',
	static function ( $sent, $mail ) {
		file_put_contents( STAND_DIRECTORY . '/mail.jsonl', wp_json_encode( $mail, JSON_UNESCAPED_UNICODE ) . "\n", FILE_APPEND | LOCK_EX );
		return true;
	},
	10,
	2
);
add_filter( 'automatic_updater_disabled', '__return_true' );
foreach ( array( 'core', 'plugins', 'themes' ) as $stand_kind ) {
	add_filter(
		"pre_site_transient_update_$stand_kind",
		static fn() => (object) array(
			'last_checked'    => time(),
			'version_checked' => $GLOBALS['wp_version'],
			'updates'         => array(),
			'response'        => array(),
			'checked'         => array(),
			'translations'    => array(),
		)
	);
}
unset( $stand_kind );
add_filter( 'translations_api', static fn() => array( 'translations' => array() ) ); // The languages lie in wp-content.

// Forty scripts for a palette of commands, in which nothing is the plugin's: two thirds of the time of each page.
if ( ! STAND_PALETTE && empty( $_COOKIE['stand_palette'] ) ) {
	add_action( 'admin_init', static fn() => remove_action( 'admin_enqueue_scripts', 'wp_enqueue_command_palette_assets' ) );
}
