<?php
/**
 * Examines this site's side of the payments.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Findings, each with a name, a status (pass, warn, fail) and words that say what to do. */
final class Doctor {

	const SKEW_SECONDS = 60;

	/** Everything, the quick ones first. */
	public static function examine(): array {
		$findings = array( self::pairing(), self::https(), self::outgoing(), self::permalinks() );
		$client   = Client::of_site();
		if ( null !== $client ) {
			$findings[] = self::connection( $client );
		}
		$findings[] = self::incoming();
		$findings[] = self::records();
		$findings[] = self::anchors();
		return $findings;
	}

	/** The worst status among findings. */
	public static function worst( array $findings ): string {
		$statuses = array_column( $findings, 'status' );
		foreach ( array( 'fail', 'warn' ) as $status ) {
			if ( in_array( $status, $statuses, true ) ) {
				return $status;
			}
		}
		return 'pass';
	}

	public static function pairing(): array {
		$keys = Settings::keys();
		if ( null === $keys ) {
			return self::finding( 'pairing', 'fail', Payments_Page::why_not_paired() );
		}
		/* translators: %s: an address */
		return self::finding( 'pairing', 'pass', sprintf( __( 'Paired with the payment service at %s.', 'pay-bridge' ), $keys->url ) );
	}

	public static function https(): array {
		$keys   = Settings::keys();
		$secure = 0 === strpos( home_url(), 'https://' ) && ( null === $keys || 0 === strpos( $keys->url, 'https://' ) );
		if ( $secure ) {
			return self::finding( 'https', 'pass', __( 'The shop and the payment service are reached by https.', 'pay-bridge' ) );
		}
		$status = 'production' === wp_get_environment_type() ? 'fail' : 'warn';
		return self::finding( 'https', $status, __( 'The shop or the payment service is reached without https. Buyers\' data can be read on the way.', 'pay-bridge' ) );
	}

	/** WP_HTTP_BLOCK_EXTERNAL stops every call to a host that is not on its list. */
	public static function outgoing(): array {
		$keys = Settings::keys();
		$host = null === $keys ? '' : (string) wp_parse_url( Settings::dial_url( $keys ), PHP_URL_HOST );
		if ( '' !== $host && ( new \WP_Http() )->block_request( Settings::dial_url( $keys ) ) ) {
			/* translators: 1: WP_ACCESSIBLE_HOSTS, 2: a host name */
			return self::finding( 'outgoing', 'fail', sprintf( __( 'WordPress is told to call no other host. Add the payment service to %1$s in wp-config.php: %2$s', 'pay-bridge' ), 'WP_ACCESSIBLE_HOSTS', $host ) );
		}
		return self::finding( 'outgoing', 'pass', __( 'WordPress may call the payment service.', 'pay-bridge' ) );
	}

	public static function permalinks(): array {
		return '' === (string) get_option( 'permalink_structure' )
			? self::finding( 'permalinks', 'warn', __( 'Permalinks are plain. Payments work, but result pages have long addresses; another structure is better.', 'pay-bridge' ) )
			: self::finding( 'permalinks', 'pass', __( 'Permalinks are readable.', 'pay-bridge' ) );
	}

	/** One signed question: reachable, accepted, clocks, mode. */
	public static function connection( Client $client ): array {
		$began  = time();
		$answer = $client->get( '/v1/health' );
		if ( 0 === $answer->status ) {
			/* translators: %s: WordPress' own message */
			return self::finding( 'connection', 'fail', sprintf( __( 'The payment service cannot be reached: %s', 'pay-bridge' ), $answer->error ) );
		}
		if ( ! $answer->ok() ) {
			/* translators: %s: the payment service's own message */
			return self::finding( 'connection', 'fail', sprintf( __( 'The payment service does not accept this site: %s', 'pay-bridge' ), $answer->message() ) );
		}
		$server = Clock::read( (string) ( $answer->body['server_time'] ?? '' ) );
		$skew   = null === $server ? 0 : $server - $began;
		if ( abs( $skew ) > self::SKEW_SECONDS ) {
			/* translators: %d: seconds */
			return self::finding( 'connection', 'warn', sprintf( __( 'Connected, but this server\'s clock is %d seconds away from the payment service\'s. Switch time synchronisation on.', 'pay-bridge' ), $skew ) );
		}
		if ( 'test' === ( $answer->body['mode'] ?? '' ) ) {
			$status = 'production' === wp_get_environment_type() ? 'warn' : 'pass';
			return self::finding( 'connection', $status, __( 'Connected, in test mode: no real money moves.', 'pay-bridge' ) );
		}
		return self::finding( 'connection', 'pass', __( 'Connected. Real money moves.', 'pay-bridge' ) );
	}

	/** Whether news can come in: an unsigned message must reach us and be refused by us, not by somebody before us. */
	public static function incoming(): array {
		$url      = add_query_arg( 'rest_route', '/pay-bridge/v1/news', home_url( '/' ) );
		$response = wp_remote_post( $url, array( 'timeout' => 5, 'redirection' => 0, 'body' => '{}' ) ); // phpcs:ignore WordPress.Arrays -- short enough for one line.
		$body     = is_wp_error( $response ) ? array() : json_decode( wp_remote_retrieve_body( $response ), true );
		$code     = is_array( $body ) ? (string) ( $body['code'] ?? '' ) : '';
		if ( in_array( $code, array( 'bad_signature', 'not_paired' ), true ) ) {
			return self::finding( 'incoming', 'pass', __( 'News of the payment service reach this site.', 'pay-bridge' ) );
		}
		$seen = is_wp_error( $response ) ? $response->get_error_message() : 'HTTP ' . wp_remote_retrieve_response_code( $response );
		/* translators: %s: what was answered instead */
		return self::finding( 'incoming', 'warn', sprintf( __( 'News of the payment service may not reach this site (%s). A security plugin or firewall may stand in the way.', 'pay-bridge' ), $seen ) );
	}

	/** Payments whose amount or order does not fit. */
	public static function records(): array {
		$count = count( Payments::problems() );
		if ( 0 === $count ) {
			return self::finding( 'records', 'pass', __( 'Every payment fits its order.', 'pay-bridge' ) );
		}
		/* translators: %d: a number of payments */
		return self::finding( 'records', 'fail', sprintf( _n( '%d payment does not fit its order. See the list of payments.', '%d payments do not fit their orders. See the list of payments.', $count, 'pay-bridge' ), $count ) );
	}

	/** Whether the bridge's records are those that this site keeps anchors of. */
	public static function anchors(): array {
		$keys                   = Settings::keys();
		list( $status, $words ) = null === $keys ? array( 'fail', Payments_Page::why_not_paired() ) : Anchors::verdict( $keys->site );
		return self::finding( 'anchors', $status, $words );
	}

	private static function finding( string $name, string $status, string $words ): array {
		return array(
			'name'   => $name,
			'status' => $status,
			'words'  => $words,
		);
	}
}
