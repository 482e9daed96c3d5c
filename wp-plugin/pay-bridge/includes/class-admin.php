<?php
/**
 * The plugin's place in wp-admin.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Menu, assets and addresses of the plugin's pages. */
final class Admin {

	const PAYMENTS = 'pay-bridge';
	const BILLING  = 'pay-bridge-billing';
	const HEALTH   = 'pay-bridge-health';
	const SETTINGS = 'pay-bridge-settings';

	public static function action_admin_menu(): void {
		add_menu_page( __( 'Payments', 'pay-bridge' ), __( 'Payments', 'pay-bridge' ), Capabilities::VIEW, self::PAYMENTS, array( Payments_Page::class, 'render' ), 'dashicons-tickets-alt', 56 );
		add_submenu_page( self::PAYMENTS, __( 'Payments', 'pay-bridge' ), __( 'Payments', 'pay-bridge' ), Capabilities::VIEW, self::PAYMENTS, array( Payments_Page::class, 'render' ) );
		add_submenu_page( self::PAYMENTS, __( 'Recurring payments', 'pay-bridge' ), __( 'Recurring', 'pay-bridge' ), Capabilities::VIEW, self::BILLING, array( Billing_Page::class, 'render' ) );
		add_submenu_page( self::PAYMENTS, __( 'Payment health', 'pay-bridge' ), __( 'Health', 'pay-bridge' ), Capabilities::VIEW, self::HEALTH, array( Health_Page::class, 'render' ) );
		add_submenu_page( self::PAYMENTS, __( 'Payment settings', 'pay-bridge' ), __( 'Settings', 'pay-bridge' ), Capabilities::MANAGE, self::SETTINGS, array( Settings_Page::class, 'render' ) );
	}

	/** Only on our own pages. */
	public static function action_admin_enqueue_scripts( $hook ): void {
		if ( 'index.php' === $hook || false !== strpos( (string) $hook, self::PAYMENTS ) ) {
			wp_enqueue_style( 'pay-bridge-admin', plugins_url( 'assets/admin.css', PAY_BRIDGE_FILE ), array(), PAY_BRIDGE_VERSION );
		}
		if ( 'index.php' !== $hook && false !== strpos( (string) $hook, self::PAYMENTS ) ) {
			wp_enqueue_script( 'pay-bridge-admin', plugins_url( 'assets/admin.js', PAY_BRIDGE_FILE ), array(), PAY_BRIDGE_VERSION, true );
		}
	}

	public static function filter_plugin_action_links( array $links ): array {
		return array_merge( array( sprintf( '<a href="%s">%s</a>', esc_url( self::url( self::SETTINGS ) ), esc_html__( 'Settings', 'pay-bridge' ) ) ), $links );
	}

	/** The address of one of our pages. */
	public static function url( string $page, array $query = array() ): string {
		return add_query_arg( array( 'page' => $page ) + $query, admin_url( 'admin.php' ) );
	}

	/** The address of a payment's page. */
	public static function payment_url( string $payment_id, array $query = array() ): string {
		return self::url( self::PAYMENTS, array( 'payment' => rawurlencode( $payment_id ) ) + $query );
	}

	/** Stop with a sentence and the right status. */
	public static function refuse( string $message, int $status ): void {
		wp_die( esc_html( $message ), '', array( 'response' => (int) $status, 'back_link' => true ) ); // phpcs:ignore WordPress.Arrays -- short enough for one line.
	}

	/** A notice with plain text. */
	public static function notice( string $kind, string $text ): void {
		printf( '<div class="notice notice-%s inline"><p>%s</p></div>', esc_attr( $kind ), esc_html( $text ) );
	}
}
