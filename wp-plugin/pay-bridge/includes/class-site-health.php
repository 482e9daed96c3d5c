<?php
/**
 * Tools, Site Health.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** The doctor's findings in the form Site Health wants; whatever calls a server runs asynchronously. */
final class Site_Health {

	const DIRECT = array( 'pairing', 'https', 'outgoing', 'permalinks', 'records', 'anchors' );
	const ASYNC  = array( 'connection', 'incoming' );

	public static function filter_site_status_tests( array $tests ): array {
		foreach ( self::DIRECT as $name ) {
			$tests['direct'][ 'pay_bridge_' . $name ] = array(
				'label' => self::label( $name ),
				'test'  => static function () use ( $name ) {
					return self::result( $name );
				},
			);
		}
		foreach ( self::ASYNC as $name ) {
			$tests['async'][ 'pay_bridge_' . $name ] = array(
				'label'             => self::label( $name ),
				'test'              => rest_url( 'pay-bridge/v1/site-health/' . $name ),
				'has_rest'          => true,
				'async_direct_test' => static function () use ( $name ) {
					return self::result( $name );
				},
			);
		}
		return $tests;
	}

	public static function action_rest_api_init(): void {
		register_rest_route(
			'pay-bridge/v1',
			'/site-health/(?P<name>' . implode( '|', self::ASYNC ) . ')',
			array(
				'methods'             => 'GET',
				'permission_callback' => static function () {
					return current_user_can( 'view_site_health_checks' );
				},
				'callback'            => static function ( \WP_REST_Request $request ) {
					return self::result( $request['name'] );
				},
			)
		);
	}

	/** One finding as Site Health shows it. */
	public static function result( string $name ): array {
		$finding  = self::finding( $name );
		$statuses = array(
			'pass' => 'good',
			'warn' => 'recommended',
			'fail' => 'critical',
		);
		return array(
			'label'       => self::label( $name ),
			'status'      => $statuses[ $finding['status'] ],
			'badge'       => array(
				'label' => __( 'Payments', 'pay-bridge' ),
				'color' => 'blue',
			),
			'description' => '<p>' . esc_html( $finding['words'] ) . '</p>',
			'actions'     => 'pass' === $finding['status'] ? '' : sprintf( '<p><a href="%s">%s</a></p>', esc_url( Admin::url( Admin::SETTINGS ) ), esc_html__( 'Payment settings', 'pay-bridge' ) ),
			'test'        => 'pay_bridge_' . $name,
		);
	}

	public static function filter_debug_information( array $info ): array {
		$keys               = Settings::keys();
		$seen               = Messages::last_seen_at();
		$info['pay-bridge'] = array(
			'label'  => 'Pay Bridge',
			'fields' => array(
				'version'   => self::field( __( 'Version', 'pay-bridge' ), PAY_BRIDGE_VERSION ),
				'address'   => self::field( __( 'Payment service', 'pay-bridge' ), null === $keys ? '' : $keys->url ),
				'key_id'    => self::field( __( 'Key', 'pay-bridge' ), null === $keys ? '' : $keys->key_id, true ),
				'source'    => self::field( __( 'Where the pairing code comes from', 'pay-bridge' ), Settings::source() ),
				'offset'    => self::field( __( 'Clock correction in seconds', 'pay-bridge' ), (string) Clock::offset_seconds() ),
				'last_news' => self::field( __( 'Last news', 'pay-bridge' ), $seen ? (string) wp_date( 'Y-m-d H:i:s', $seen ) : __( 'None yet', 'pay-bridge' ) ),
			),
		);
		return $info;
	}

	private static function finding( string $name ): array {
		if ( 'connection' !== $name ) {
			return call_user_func( array( Doctor::class, $name ) );
		}
		$client = Client::of_site();
		return null === $client ? Doctor::pairing() : Doctor::connection( $client );
	}

	private static function label( string $name ): string {
		$labels = array(
			'pairing'    => __( 'This site is paired with its payment service', 'pay-bridge' ),
			'https'      => __( 'Payments travel by https', 'pay-bridge' ),
			'outgoing'   => __( 'WordPress may call the payment service', 'pay-bridge' ),
			'permalinks' => __( 'Permalinks suit the result pages', 'pay-bridge' ),
			'records'    => __( 'Payments fit their orders', 'pay-bridge' ),
			'anchors'    => __( 'The payment service\'s records agree with the anchors kept here', 'pay-bridge' ),
			'connection' => __( 'The payment service answers and accepts this site', 'pay-bridge' ),
			'incoming'   => __( 'News of the payment service reach this site', 'pay-bridge' ),
		);
		return $labels[ $name ];
	}

	private static function field( string $label, string $value, bool $private = false ): array {
		return array(
			'label'   => $label,
			'value'   => $value,
			'private' => $private,
		);
	}
}
