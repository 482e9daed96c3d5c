<?php
/**
 * The two tables: orders and seats. Times are Unix seconds, amounts integers of KRW.
 */

defined( 'ABSPATH' ) || exit;

/** The table of orders or seats, with the site's prefix. */
function ticketing_table( $name ) {
	return $GLOBALS['wpdb']->prefix . 'ticketing_' . $name;
}

/** Creates or updates the tables. */
function ticketing_make_tables() {
	require_once ABSPATH . 'wp-admin/includes/upgrade.php';
	$charset = $GLOBALS['wpdb']->get_charset_collate();
	dbDelta(
		'CREATE TABLE ' . ticketing_table( 'orders' ) . " (
		ref char(32) NOT NULL,
		version int NOT NULL DEFAULT 1,
		show_id bigint NOT NULL DEFAULT 0,
		title varchar(200) NOT NULL,
		items longtext NOT NULL,
		amount bigint NOT NULL,
		buyer_name varchar(100) NOT NULL,
		buyer_email varchar(190) NOT NULL,
		buyer_phone varchar(30) NOT NULL,
		owner bigint NOT NULL DEFAULT 0,
		state varchar(20) NOT NULL DEFAULT 'open',
		hold_expires_at bigint NOT NULL,
		extensions int NOT NULL DEFAULT 0,
		show_at bigint NOT NULL DEFAULT 0,
		refund_request longtext NULL,
		created_at bigint NOT NULL,
		PRIMARY KEY  (ref),
		KEY owner (owner)
		) $charset;"
	);
	dbDelta(
		'CREATE TABLE ' . ticketing_table( 'seats' ) . " (
		id bigint NOT NULL AUTO_INCREMENT,
		show_id bigint NOT NULL,
		category varchar(20) NOT NULL,
		label varchar(60) NOT NULL,
		price bigint NOT NULL,
		state varchar(10) NOT NULL DEFAULT 'open',
		order_ref varchar(32) NOT NULL DEFAULT '',
		hold_expires_at bigint NOT NULL DEFAULT 0,
		PRIMARY KEY  (id),
		KEY offered (show_id,category,state),
		KEY order_ref (order_ref)
		) $charset;"
	);
}
