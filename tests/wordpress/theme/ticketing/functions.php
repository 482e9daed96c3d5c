<?php
/**
 * A small ticketing theme: shows, seats that are held while somebody pays, orders, and the pages around them.
 */

defined( 'ABSPATH' ) || exit;

foreach ( array( 'database', 'view', 'programme', 'seats', 'orders', 'bridge', 'actions', 'stories', 'box-office' ) as $ticketing_part ) {
	require_once __DIR__ . '/inc/' . $ticketing_part . '.php';
}
unset( $ticketing_part );

add_action(
	'after_setup_theme',
	static function () {
		add_theme_support( 'title-tag' );
		add_theme_support( 'html5', array( 'search-form', 'style', 'script', 'navigation-widgets' ) );
		add_theme_support( 'responsive-embeds' );
	}
);

add_action(
	'wp_enqueue_scripts',
	static function () {
		wp_enqueue_style( 'ticketing', get_stylesheet_uri(), array(), (string) filemtime( __DIR__ . '/style.css' ) );
		if ( is_page( array( 'order', 'payment-detail' ) ) ) {
			wp_enqueue_script( 'ticketing', get_theme_file_uri( 'assets/ticketing.js' ), array(), (string) filemtime( __DIR__ . '/assets/ticketing.js' ), true );
			wp_localize_script( 'ticketing', 'ticketing', array( 'ajax' => admin_url( 'admin-ajax.php' ) ) );
		}
	}
);

// Nothing here is a blog: no emoji script, no feeds, no block styles on pages without blocks.
add_action(
	'init',
	static function () {
		remove_action( 'wp_head', 'print_emoji_detection_script', 7 );
		remove_action( 'wp_print_styles', 'print_emoji_styles' );
		remove_action( 'wp_head', 'feed_links', 2 );
		remove_action( 'wp_head', 'feed_links_extra', 3 );
	}
);
add_filter( 'should_load_separate_core_block_assets', '__return_true' );

// Buyers have no business in the dashboard, and no black bar over the shop.
add_filter(
	'show_admin_bar',
	static function ( $show ) {
		return $show && current_user_can( 'edit_posts' );
	}
);

// After logging in: the office to the dashboard, the box office to its list, buyers back to the shop.
add_filter(
	'login_redirect',
	static function ( $to, $asked, $user ) {
		if ( ! $user instanceof WP_User || $user->has_cap( 'edit_posts' ) || ( $asked && admin_url() !== $asked ) ) {
			return $to;
		}
		return $user->has_cap( 'pay_bridge_refund' ) ? admin_url( 'admin.php?page=ticketing-requests' ) : home_url( '/' );
	},
	10,
	3
);

/** Makes the tables, pages, shows and seats a fresh site needs. Safe to run again; shows of the past are moved ahead. */
function ticketing_furnish() {
	ticketing_make_tables();
	ticketing_make_pages();
	ticketing_make_programme();
}
add_action( 'after_switch_theme', 'ticketing_furnish' );
