<?php
/**
 * wp-admin: is it healthy?
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** The operator's verdict, as the bridge gives it: first in words, then in numbers. */
final class Health_Page {

	const KEEP_SECONDS = 60;

	public static function render(): void {
		if ( ! current_user_can( Capabilities::VIEW ) ) {
			Admin::refuse( __( 'You may not see payments.', 'pay-bridge' ), 403 );
		}
		printf( '<div class="wrap pay-bridge"><h1>%s</h1>', esc_html__( 'Payment health', 'pay-bridge' ) );
		$client = Client::of_site();
		if ( null === $client ) {
			Admin::notice( 'warning', Payments_Page::why_not_paired() );
		} else {
			$answer = $client->get( '/v1/health' );
			if ( $answer->ok() ) {
				self::render_verdict( $answer->body );
				self::render_gateways( $answer->body );
				self::render_rest( $answer->body );
			} else {
				Admin::notice( 'error', $answer->message() );
			}
		}
		echo '</div>';
	}

	public static function action_wp_dashboard_setup(): void {
		if ( current_user_can( Capabilities::VIEW ) ) {
			wp_add_dashboard_widget( 'pay_bridge_health', __( 'Payments', 'pay-bridge' ), array( self::class, 'render_widget' ) );
		}
	}

	/** On the dashboard, kept for a minute so that a slow bridge slows the dashboard once at most. */
	public static function render_widget(): void {
		$health = get_transient( 'pay_bridge_health' );
		if ( ! is_array( $health ) ) {
			$client = Client::of_site();
			$answer = null === $client ? null : $client->get( '/v1/health', array(), 2 );
			$health = null !== $answer && $answer->ok() ? $answer->body : array( 'silence' => null === $answer ? Payments_Page::why_not_paired() : $answer->message() );
			set_transient( 'pay_bridge_health', $health, self::KEEP_SECONDS );
		}
		if ( isset( $health['silence'] ) ) {
			Admin::notice( 'warning', (string) $health['silence'] );
		} else {
			self::render_verdict( $health );
			self::render_rest( $health );
		}
		printf( '<p><a href="%s">%s</a></p>', esc_url( Admin::url( Admin::HEALTH ) ), esc_html__( 'More', 'pay-bridge' ) );
	}

	private static function render_verdict( array $health ): void {
		$kinds    = array(
			'pass' => 'success',
			'warn' => 'warning',
			'fail' => 'error',
		);
		$language = 0 === strpos( determine_locale(), 'ko' ) ? 'ko' : 'en';
		$words    = $health['headline'][ $language ] ?? '';
		printf(
			'<div class="notice notice-%s inline"><p class="pay-bridge-verdict">%s</p></div>',
			esc_attr( $kinds[ (string) ( $health['verdict'] ?? '' ) ] ?? 'warning' ),
			esc_html( is_string( $words ) ? $words : '' )
		);
		if ( 'test' === ( $health['mode'] ?? '' ) ) {
			printf( '<p>%s</p>', esc_html__( 'Test mode: no real money moves.', 'pay-bridge' ) );
		}
	}

	private static function render_gateways( array $health ): void {
		$heads = array( __( 'Gateway', 'pay-bridge' ), __( 'Attempts', 'pay-bridge' ), __( 'Success', 'pay-bridge' ), 'p50', 'p95', 'p99' );
		echo '<table class="widefat striped"><thead><tr>';
		foreach ( $heads as $head ) {
			printf( '<th scope="col">%s</th>', esc_html( $head ) );
		}
		echo '</tr></thead><tbody>';
		foreach ( array_filter( (array) ( $health['gateways'] ?? array() ), 'is_array' ) as $gateway ) {
			$rate  = $gateway['success_rate'] ?? null;
			$cells = array( (string) ( $gateway['title'] ?? $gateway['name'] ?? '' ), (string) ( $gateway['attempts'] ?? '' ), is_numeric( $rate ) ? round( 100 * $rate, 1 ) . ' %' : '–' );
			foreach ( array( 'p50_ms', 'p95_ms', 'p99_ms' ) as $name ) {
				$cells[] = is_numeric( $gateway[ $name ] ?? null ) ? number_format( (float) $gateway[ $name ] ) . ' ms' : '–';
			}
			echo '<tr><td>' . implode( '</td><td>', array_map( 'esc_html', $cells ) ) . '</td></tr>'; // phpcs:ignore WordPress.Security.EscapeOutput -- each cell is escaped.
		}
		echo '</tbody></table>';
	}

	private static function render_rest( array $health ): void {
		$facts = array(
			__( 'Outcomes not known yet', 'pay-bridge' ) => self::queue( $health['unknown']['count'] ?? 0, $health['unknown']['oldest_seconds'] ?? 0 ),
			__( 'News waiting for this site', 'pay-bridge' ) => self::queue( $health['news']['waiting'] ?? 0, $health['news']['oldest_seconds'] ?? 0 ),
			__( 'Cases for a person', 'pay-bridge' )     => (string) (int) ( $health['cases']['open'] ?? 0 ),
			__( 'Anchors', 'pay-bridge' )                => Doctor::anchors()['words'],
		);
		echo '<ul>';
		foreach ( $facts as $name => $value ) {
			printf( '<li>%s: <strong>%s</strong></li>', esc_html( $name ), esc_html( $value ) );
		}
		echo '</ul>';
		if ( is_string( $health['dashboard_url'] ?? null ) && '' !== $health['dashboard_url'] ) {
			printf( '<p><a class="button" href="%s">%s</a></p>', esc_url( $health['dashboard_url'] ), esc_html__( 'Open the payment service\'s dashboard', 'pay-bridge' ) );
		}
	}

	/** @param mixed $count, $seconds Numbers of the bridge. */
	private static function queue( $count, $seconds ): string {
		if ( (int) $count <= 0 ) {
			return '0';
		}
		/* translators: 1: how many, 2: age of the oldest, such as "3 mins" */
		return sprintf( __( '%1$d, the oldest for %2$s', 'pay-bridge' ), (int) $count, human_time_diff( time() - (int) $seconds ) );
	}
}
