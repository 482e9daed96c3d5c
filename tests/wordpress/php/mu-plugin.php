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
add_filter( 'pre_site_transient_update_core', '__return_null' );
add_filter( 'pre_site_transient_update_plugins', '__return_null' );
add_filter( 'pre_site_transient_update_themes', '__return_null' );
add_filter( 'translations_api', static fn() => array( 'translations' => array() ) ); // The languages lie in wp-content.
