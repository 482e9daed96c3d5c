<?php
/**
 * wp-admin: the settings page.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** One pairing code, which is never shown again; and a test of the connection each time the page is opened. */
final class Settings_Page {

	const GROUP = 'pay_bridge';

	/** Settings API. */
	public static function action_admin_init(): void {
		register_setting(
			self::GROUP,
			Settings::OPTION,
			array(
				'type'              => 'object',
				'sanitize_callback' => array( self::class, 'sanitize' ),
				'show_in_rest'      => false,
			)
		);
		add_settings_section( 'pairing', __( 'Payment service', 'pay-bridge' ), array( self::class, 'render_connection' ), Admin::SETTINGS );
		add_settings_field( 'pairing_code', __( 'Pairing code', 'pay-bridge' ), array( self::class, 'render_pairing_code' ), Admin::SETTINGS, 'pairing', array( 'label_for' => 'pay-bridge-pairing-code' ) );
		add_settings_field( 'delete_records', __( 'When the plugin is deleted', 'pay-bridge' ), array( self::class, 'render_delete_records' ), Admin::SETTINGS, 'pairing' );
	}

	/** An empty code keeps the saved one; an unreadable code changes nothing. A new code belongs to this address. */
	public static function sanitize( $input ): array {
		$input = is_array( $input ) ? $input : array();
		$saved = Settings::all();
		$code  = is_string( $input['pairing_code'] ?? null ) ? trim( $input['pairing_code'] ) : '';
		if ( ! empty( $input['forget'] ) ) {
			$saved['pairing_code'] = '';
			$saved['paired_home']  = '';
			Methods::forget();
		} elseif ( '' !== $code && null === Keys::from_pairing_code( $code ) ) {
			add_settings_error( Settings::OPTION, 'pairing_code', __( 'This is not a pairing code. Copy the whole line that the payment service printed.', 'pay-bridge' ) );
		} elseif ( '' !== $code ) {
			$saved['pairing_code'] = $code;
			$saved['paired_home']  = Settings::mark();
			update_option( Clock::OPTION, 0 );
			Methods::forget();
			add_action( 'shutdown', array( Methods::class, 'action_shutdown' ) ); // the first order page knows its methods.
		}
		$saved['delete_records'] = ! empty( $input['delete_records'] );
		return $saved;
	}

	public static function render(): void {
		if ( ! current_user_can( Capabilities::MANAGE ) ) {
			Admin::refuse( __( 'You may not change these settings.', 'pay-bridge' ), 403 );
		}
		printf( '<div class="wrap pay-bridge"><h1>%s</h1>', esc_html__( 'Payment settings', 'pay-bridge' ) );
		settings_errors( Settings::OPTION );
		echo '<form method="post" action="options.php">';
		settings_fields( self::GROUP );
		do_settings_sections( Admin::SETTINGS );
		submit_button();
		echo '</form></div>';
	}

	/** The connection, tested now. */
	public static function render_connection(): void {
		$client = Client::of_site();
		if ( null === $client ) {
			Admin::notice( 'warning', Payments_Page::why_not_paired() );
			return;
		}
		$finding = Doctor::connection( $client );
		Admin::notice( array( 'pass' => 'success', 'warn' => 'warning', 'fail' => 'error' )[ $finding['status'] ], $finding['words'] ); // phpcs:ignore WordPress.Arrays -- short enough for one line.
	}

	public static function render_pairing_code(): void {
		$code   = Settings::pairing_code();
		$source = Settings::source();
		if ( '' !== $code ) {
			/* translators: %s: the last four characters of the pairing code */
			printf( '<p>%s</p>', esc_html( sprintf( __( 'Saved ••••%s', 'pay-bridge' ), substr( $code, -4 ) ) ) );
		}
		if ( 'constant' === $source || 'environment' === $source ) {
			/* translators: %s: the name PAY_BRIDGE_PAIRING_CODE */
			printf( '<p class="description">%s</p>', esc_html( sprintf( __( 'Set outside of WordPress by %s; it cannot be changed here.', 'pay-bridge' ), Settings::CONSTANT ) ) );
			return;
		}
		printf( '<input type="password" id="pay-bridge-pairing-code" name="%s[pairing_code]" class="regular-text" autocomplete="off" spellcheck="false">', esc_attr( Settings::OPTION ) );
		printf( '<p class="description">%s</p>', esc_html__( 'The payment service prints it when it learns of this site. Leave it empty to keep what is saved.', 'pay-bridge' ) );
		if ( '' !== $code ) {
			printf( '<p><label><input type="checkbox" name="%s[forget]" value="1"> %s</label></p>', esc_attr( Settings::OPTION ), esc_html__( 'Forget the saved code', 'pay-bridge' ) );
		}
	}

	public static function render_delete_records(): void {
		printf(
			'<label><input type="checkbox" name="%s[delete_records]" value="1" %s> %s</label><p class="description">%s</p>',
			esc_attr( Settings::OPTION ),
			checked( (bool) Settings::all()['delete_records'], true, false ), // phpcs:ignore WordPress.Security.EscapeOutput -- a fixed attribute.
			esc_html__( 'Delete the payment records kept in WordPress too', 'pay-bridge' ),
			esc_html__( 'The payment service keeps its own records in any case.', 'pay-bridge' )
		);
	}
}
