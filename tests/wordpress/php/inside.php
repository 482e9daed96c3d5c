<?php
/**
 * Runs the PHP that is posted inside the loaded WordPress, and answers with what it prints: for tests, who would wait
 * for wp-cli to load all of it anew. Its word keeps out whoever else finds the port.
 */

if ( ! hash_equals( getenv( 'STAND_WORD' ), $_SERVER['HTTP_STAND_WORD'] ?? '' ) ) {
	http_response_code( 403 );
	exit;
}
ob_start();
foreach ( json_decode( getenv( 'STAND_REQUEST' ), true ) as $stand_name => $stand_value ) {
	$_SERVER[ $stand_name ] = $stand_value;
}
unset( $stand_name, $stand_value, $_SERVER['HTTP_STAND_WORD'] );
require getenv( 'STAND_ROOT' ) . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/admin.php';

/**
 * Runs code with variables of its own.
 */
function stand_run( $stand_code ) {
	eval( $stand_code );
}
stand_run( file_get_contents( 'php://input' ) );
