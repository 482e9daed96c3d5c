<?php
/**
 * Installs WordPress. Reads {"root", "title", "admin", "password"} as JSON from its input.
 */

$wanted = json_decode( stream_get_contents( STDIN ), true );

define( 'WP_INSTALLING', true );
require $wanted['root'] . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';

if ( ! is_blog_installed() ) {
	wp_install( $wanted['title'], $wanted['admin'], $wanted['admin'] . '@shop.example', true, '', $wanted['password'], 'ko_KR' );
}
$options = array(
	'blogdescription'      => '작은 극장의 예매',
	'WPLANG'               => 'ko_KR',
	'timezone_string'      => 'Asia/Seoul',
	'date_format'          => 'Y년 n월 j일',
	'time_format'          => 'H:i',
	'permalink_structure'  => '/%postname%/',
	'posts_per_page'       => 20,
	'show_avatars'         => '0',
	'template'             => 'ticketing',
	'stylesheet'           => 'ticketing',
	'can_compress_scripts' => 0, // Else the browser of each administrator tries it out first.
);
foreach ( $options as $name => $value ) {
	update_option( $name, $value );
}
