<?php
/**
 * Plugin Name: Count queries
 * Description: Writes at the end of every page how many database queries it took.
 */

defined( 'ABSPATH' ) || exit;

add_action(
	'shutdown',
	static function () {
		echo '<!-- queries: ' . (int) $GLOBALS['wpdb']->num_queries . ' -->';
	},
	PHP_INT_MAX
);
