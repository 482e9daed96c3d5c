<?php
/**
 * Plugin Name:       Pay Bridge
 * Description:       Sells through Korean payment gateways by way of your own Pay Bridge service: checkout in a popup or by redirect, refunds in wp-admin, Site Health and WP-CLI. Holds no gateway key.
 * Version:           0.1.0
 * Requires at least: 6.1
 * Requires PHP:      7.4
 * Author:            Pay Bridge
 * License:           GPL-2.0-or-later
 * License URI:       https://www.gnu.org/licenses/gpl-2.0.html
 * Text Domain:       pay-bridge
 * Domain Path:       /languages
 *
 * This file is the table of contents: every hook of the plugin is listed below, and each class is loaded only when
 * one of its hooks runs, so an ordinary page pays for nothing but this list.
 *
 * @package PayBridge
 */

defined( 'ABSPATH' ) || exit;

define( 'PAY_BRIDGE_VERSION', '0.1.0' );
define( 'PAY_BRIDGE_FILE', __FILE__ );

spl_autoload_register(
	static function ( $name ) {
		if ( 0 === strpos( $name, 'PayBridge\\' ) ) {
			$file = __DIR__ . '/includes/class-' . str_replace( '_', '-', strtolower( substr( $name, 10 ) ) ) . '.php';
			if ( is_file( $file ) ) {
				require $file;
			}
		}
	}
);

require __DIR__ . '/includes/functions.php';

// Life of the plugin: tables, role, cron.
register_activation_hook( __FILE__, array( 'PayBridge\Installation', 'action_activate' ) );
register_deactivation_hook( __FILE__, array( 'PayBridge\Installation', 'action_deactivate' ) );
add_action( 'init', array( 'PayBridge\Installation', 'action_init' ) );
add_filter( 'user_has_cap', array( 'PayBridge\Capabilities', 'filter_user_has_cap' ) );

// The buyer: checkout form, result page, the theme's AJAX names.
add_shortcode( 'pay_bridge_checkout', array( 'PayBridge\Checkout', 'shortcode' ) );
add_action( 'template_redirect', array( 'PayBridge\Result_Page', 'action_template_redirect' ) );
add_action( 'admin_init', array( 'PayBridge\Ajax', 'action_admin_init' ), PHP_INT_MAX );
add_action( 'wp_ajax_mainpay_payment_ready', array( 'PayBridge\Ajax', 'action_ready' ), 0 );
add_action( 'wp_ajax_nopriv_mainpay_payment_ready', array( 'PayBridge\Ajax', 'action_ready' ), 0 );
add_action( 'wp_ajax_mainpay_payment_cancel', array( 'PayBridge\Cancel', 'action_cancel' ), 0 );
add_action( 'wp_ajax_nopriv_mainpay_payment_cancel', array( 'PayBridge\Cancel', 'action_cancel' ), 0 );
add_action( 'wp_ajax_pay_bridge_token', array( 'PayBridge\Ajax', 'action_token' ), 0 );
add_action( 'wp_ajax_nopriv_pay_bridge_token', array( 'PayBridge\Ajax', 'action_token' ), 0 );

// The buyer of a payment in escrow: the own word, on an order's page.
add_action( 'admin_post_pay_bridge_buyer_escrow', array( 'PayBridge\Buyer_Escrow', 'action_submit' ) );
add_action( 'admin_post_nopriv_pay_bridge_buyer_escrow', array( 'PayBridge\Billing_Keys', 'action_submit_signed_out' ) );

// The customer: registered cards and phones, and the page of a clerk's invitation to register one.
add_shortcode( 'pay_bridge_billing_keys', array( 'PayBridge\Billing_Keys', 'shortcode' ) );
add_action( 'template_redirect', array( 'PayBridge\Billing_Keys', 'action_template_redirect' ) );
add_action( 'admin_post_pay_bridge_own_key', array( 'PayBridge\Billing_Keys', 'action_submit' ) );
add_action( 'admin_post_nopriv_pay_bridge_own_key', array( 'PayBridge\Billing_Keys', 'action_submit_signed_out' ) );
add_action( 'template_redirect', array( 'PayBridge\Key_Invitation', 'action_template_redirect' ) );

// The bridge: its news, its question before money is captured, and our own hourly question.
add_action( 'rest_api_init', array( 'PayBridge\News', 'action_rest_api_init' ) );
add_action( 'rest_api_init', array( 'PayBridge\Fence', 'action_rest_api_init' ) );
add_action( 'pay_bridge_reconcile', array( 'PayBridge\Reconciliation', 'action_reconcile' ) );
add_action( 'rest_api_init', array( 'PayBridge\Handover', 'action_rest_api_init' ) );
if ( get_option( 'pay_bridge_gap' ) ) { // Autoloaded; only while a restored bridge wants to hear what this site knows.
	add_action( 'shutdown', array( 'PayBridge\Handover', 'action_shutdown' ) );
}

// The clerk and the operator: wp-admin.
add_action( 'admin_menu', array( 'PayBridge\Admin', 'action_admin_menu' ) );
add_action( 'admin_enqueue_scripts', array( 'PayBridge\Admin', 'action_admin_enqueue_scripts' ) );
add_filter( 'plugin_action_links_' . plugin_basename( __FILE__ ), array( 'PayBridge\Admin', 'filter_plugin_action_links' ) );
add_action( 'admin_post_pay_bridge_refund', array( 'PayBridge\Refund_Form', 'action_submit' ) );
add_action( 'admin_post_pay_bridge_billing', array( 'PayBridge\Billing_Page', 'action_submit' ) );
add_action( 'admin_post_pay_bridge_invitation', array( 'PayBridge\Key_Invitation', 'action_submit' ) );
add_action( 'admin_post_pay_bridge_charge', array( 'PayBridge\Charge', 'action_submit' ) );
add_action( 'admin_post_pay_bridge_card_kind', array( 'PayBridge\Card_Kind', 'action_submit' ) );
add_action( 'admin_post_pay_bridge_telephone', array( 'PayBridge\Telephone_Order', 'action_submit' ) );
add_action( 'admin_post_pay_bridge_plan', array( 'PayBridge\Plan_Form', 'action_submit' ) );
add_action( 'admin_post_pay_bridge_void', array( 'PayBridge\Account_Closing', 'action_submit' ) );
add_action( 'admin_post_pay_bridge_escrow', array( 'PayBridge\Escrow', 'action_submit' ) );
add_action( 'admin_post_pay_bridge_receipt', array( 'PayBridge\Receipts', 'action_submit' ) );
add_action( 'admin_init', array( 'PayBridge\Settings_Page', 'action_admin_init' ) );
add_action( 'admin_init', array( 'PayBridge\Privacy', 'action_admin_init' ) );
add_action( 'wp_dashboard_setup', array( 'PayBridge\Health_Page', 'action_wp_dashboard_setup' ) );
add_filter( 'site_status_tests', array( 'PayBridge\Site_Health', 'filter_site_status_tests' ) );
add_filter( 'debug_information', array( 'PayBridge\Site_Health', 'filter_debug_information' ) );
add_action( 'rest_api_init', array( 'PayBridge\Site_Health', 'action_rest_api_init' ) );

// The command line.
add_action( 'cli_init', array( 'PayBridge\Command', 'action_cli_init' ) );
