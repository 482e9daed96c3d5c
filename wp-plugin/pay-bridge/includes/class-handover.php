<?php
/**
 * Hands over what this site knows to a bridge whose books were restored from a backup.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/**
 * The bridge then lacks what happened since its backup, and moves no money before it has heard. It believes its own
 * attestations in the snapshots, and nothing that this site only says. The same page may be handed over twice.
 */
final class Handover {

	const OPTION         = 'pay_bridge_gap';
	const PLACE          = 'pay_bridge_handed';
	const PAGE_ROWS      = 50;
	const PAGE_BYTES     = 200000;
	const BUDGET_SECONDS = 8;
	const PAUSE_SECONDS  = 15;
	const NOT_ASKED      = 'not_asked';
	const MORE           = 'more';
	const COMPLETE       = 'complete';

	/** The bridge asks: POST pay-bridge/v1/reconcile, signed like news. */
	public static function action_rest_api_init(): void {
		register_rest_route(
			'pay-bridge/v1',
			'/reconcile',
			array(
				'methods'             => 'POST',
				'permission_callback' => array( Webhook::class, 'permission' ),
				'callback'            => array( self::class, 'receive' ),
			)
		);
	}

	/** Hand over now, for some seconds; the bridge asks again until it has everything. */
	public static function receive(): \WP_REST_Response {
		self::wake();
		$client = Client::of_site();
		$handed = null === $client ? array( 'state' => self::NOT_ASKED ) : self::go_on( $client, time() + self::BUDGET_SECONDS );
		return new \WP_REST_Response( $handed, 200, array( 'Cache-Control' => 'no-store' ) );
	}

	/** The bridge has said that it is reconciling: page views and cron go on from here. */
	public static function wake(): void {
		if ( ! get_option( self::OPTION ) ) {
			update_option( self::OPTION, 1 );
			if ( ! wp_next_scheduled( Installation::CRON, array( 'gap' ) ) ) {
				wp_schedule_single_event( time(), Installation::CRON, array( 'gap' ) );
			}
		}
	}

	/** After a page was sent, at most every 15 seconds. */
	public static function action_shutdown(): void {
		$client = Client::of_site();
		if ( null === $client || (int) get_option( self::OPTION ) > time() ) {
			return;
		}
		update_option( self::OPTION, time() + self::PAUSE_SECONDS );
		if ( function_exists( 'fastcgi_finish_request' ) ) {
			fastcgi_finish_request();
		}
		self::go_on( $client, time() + self::BUDGET_SECONDS );
	}

	/**
	 * Hand over from where the last time ended.
	 *
	 * @return array state: one of the constants; payments: how many were handed over.
	 */
	public static function go_on( Client $client, int $ends ): array {
		$asked = $client->get( '/v1/reconciliation' );
		$since = Clock::read( (string) ( $asked->body['since'] ?? '' ) );
		if ( ! $asked->ok() ) {
			return self::outcome( self::MORE, 0 );
		}
		if ( true !== ( $asked->body['gap'] ?? false ) || null === $since ) {
			self::rest();
			return self::outcome( self::NOT_ASKED, 0 );
		}
		self::wake();
		$keys = Settings::keys();
		if ( null !== $keys ) {
			Anchors::note_restore( $keys->site, $since );
		}
		$restored = (string) ( $asked->body['restored_at'] ?? '' );
		return true === ( $asked->body['complete'] ?? false ) ? self::outcome( self::COMPLETE, 0 ) : self::pages( $client, $since, $restored, $ends );
	}

	/** The same backup may be restored twice: what was handed over to the books that were put aside is not in these. */
	private static function pages( Client $client, int $since, string $restored, int $ends ): array {
		$place = get_option( self::PLACE, array() );
		if ( ! is_array( $place ) || abs( (int) ( $place['since'] ?? 0 ) - $since ) >= MINUTE_IN_SECONDS || ( $place['restored'] ?? null ) !== $restored ) {
			$place = array(
				'since'    => $since,
				'restored' => $restored,
				'at'       => 0,
				'id'       => '',
			);
		}
		$count = 0;
		$from  = $place['since'] - Clock::offset_seconds() - HOUR_IN_SECONDS; // Rows bear this server's time.
		do {
			$found = Payments::changed_since( $from, $place['at'], $place['id'], self::PAGE_ROWS );
			if ( null === $found ) { // That is not the end: the bridge asks again.
				return self::outcome( self::MORE, $count );
			}
			$rows = self::page( $found, $complete );
			if ( ! $client->post( '/v1/reconciliation', array( 'payments' => array_column( $rows, 'known' ), 'complete' => $complete ) )->ok() ) { // phpcs:ignore WordPress.Arrays -- short enough for one line.
				return self::outcome( self::MORE, $count );
			}
			$count += count( $rows );
			$last   = end( $rows );
			if ( false !== $last ) {
				$place = array_merge( $place, $last['place'] );
				update_option( self::PLACE, $place, false );
			}
		} while ( ! $complete && time() < $ends );
		return self::outcome( $complete ? self::COMPLETE : self::MORE, $count );
	}

	/** As many rows as fit into one request, each with its place; `$complete` says that no more follow. */
	private static function page( array $rows, ?bool &$complete ): array {
		$complete = count( $rows ) < self::PAGE_ROWS;
		$page     = array();
		$bytes    = 0;
		foreach ( $rows as $row ) {
			$known  = self::known( $row );
			$bytes += strlen( (string) wp_json_encode( $known ) );
			if ( $page && $bytes > self::PAGE_BYTES ) {
				$complete = false;
				return $page;
			}
			$page[] = array(
				'known' => $known,
				'place' => array(
					'at' => (int) $row['updated_at'],
					'id' => $row['payment_id'],
				),
			);
		}
		return $page;
	}

	private static function known( array $row ): array {
		$snapshot = Payments::snapshot( $row );
		$known    = array(
			'id'          => $row['payment_id'],
			'state'       => $row['state'],
			'version'     => (int) $row['version'],
			'seq'         => (int) $row['seq'],
			'amount'      => (int) $row['amount'],
			'refunded'    => (int) $row['refunded'],
			'attestation' => is_string( $snapshot['attestation'] ?? null ) ? $snapshot['attestation'] : '',
			'asked'       => array(),
		);
		preg_match_all( '/([0-9a-f]{32}):(\d+):(\d+);/', (string) ( $row['asked'] ?? '' ), $asked, PREG_SET_ORDER );
		foreach ( $asked as list( , $key, $at, $amount ) ) {
			$known['asked'][] = array(
				'key' => $key,
				'at'  => (int) $at,
			) + ( $amount > 0 ? array( 'amount' => (int) $amount ) : array() );
		}
		return $known;
	}

	private static function rest(): void {
		if ( get_option( self::OPTION ) ) {
			update_option( self::OPTION, 0 );
			delete_option( self::PLACE );
			wp_clear_scheduled_hook( Installation::CRON, array( 'gap' ) );
		}
	}

	private static function outcome( string $state, int $payments ): array {
		return array(
			'state'    => $state,
			'payments' => $payments,
		);
	}
}
