<?php
/**
 * Asks the bridge, in case its news did not come through.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/**
 * Pulls payments: once for a result page, hourly for whatever is not settled and whatever was told since the last time;
 * hands anchors back. That last time lies in this site's own database: of one that was restored from a backup it is as old
 * as the backup, and all that was told since then is asked for again.
 */
final class Reconciliation {

	const OPTION                  = 'pay_bridge_pulled';
	const REFRESH_TIMEOUT_SECONDS = 3;
	const LOOK_BACK_SECONDS       = 3 * HOUR_IN_SECONDS;
	const UNSETTLED_AT_ONCE       = 100;
	const PAGE_SIZE               = 50; // With what is attested of each, well below what the client reads of an answer.
	const BUDGET_SECONDS          = 20;

	/**
	 * The order's payment, asked for once unless it holds money already. What another request is telling the theme of in
	 * this very moment is given as the bridge showed it, marked `untold`: to call it unpaid until that has ended is no truth.
	 */
	public static function refresh( string $order_ref ): ?array {
		$known = Payments::snapshot_of_order( $order_ref );
		if ( null !== $known && in_array( $known['state'], array( 'paid', 'part_refunded', 'refunded' ), true ) ) {
			return $known;
		}
		$client = Client::of_site();
		if ( null !== $client ) {
			$answer = $client->get( '/v1/payments', array( 'order' => $order_ref ), self::REFRESH_TIMEOUT_SECONDS );
			$untold = Payments::first_of( self::apply_all( $answer, $order_ref ) );
		}
		$known = Payments::snapshot_of_order( $order_ref );
		if ( ! isset( $untold ) || ( null !== $known && $known['id'] === $untold['id'] && (int) ( $known['version'] ?? 0 ) > (int) ( $untold['version'] ?? 0 ) ) ) {
			return $known;
		}
		return null === $known || $known['id'] === $untold['id'] ? $untold : Payments::first_of( array( $untold, $known ) );
	}

	/** The payment itself, asked for and applied; null if the bridge did not say. */
	public static function pull( Client $client, string $payment_id ): ?array {
		$answer = $client->get( '/v1/payments/' . rawurlencode( $payment_id ) );
		if ( ! $answer->ok() || ! Snapshots::is_payment( $answer->body ) || $answer->body['id'] !== $payment_id ) {
			return null;
		}
		Snapshots::apply( $answer->body, 0 );
		return $answer->body;
	}

	/** Hourly. Stops early rather than holding a PHP worker: the rest has its turn in an hour. */
	public static function action_reconcile(): void {
		self::run( time() + self::BUDGET_SECONDS );
	}

	/** Until then at most; false if something is left to ask for. */
	public static function run( int $ends ): bool {
		Messages::forget_old();
		$client = Client::of_site();
		$keys   = Settings::keys();
		if ( null === $client || null === $keys ) {
			return true;
		}
		Handover::go_on( $client, $ends );
		Anchors::compare( $client, $keys->site );
		self::pull_unsettled( $client, $ends );
		return self::pull_told( $client, $ends );
	}

	private static function pull_unsettled( Client $client, int $ends ): void {
		foreach ( Payments::unsettled_ids( time() - 31 * DAY_IN_SECONDS, self::UNSETTLED_AT_ONCE ) as $payment_id ) {
			if ( time() >= $ends ) {
				return;
			}
			self::pull( $client, $payment_id );
		}
	}

	/** Ask for whatever was told since the last time, and a while before it; from where this ended, if it ends early. */
	private static function pull_told( Client $client, int $ends ): bool {
		wp_cache_delete( self::OPTION, 'options' ); // A cache that outlived the database knows it as it was.
		$place = get_option( self::OPTION );
		$place = ( is_array( $place ) ? $place : array() ) + array(
			'until'  => Clock::now(),
			'from'   => 0,
			'begun'  => 0,
			'cursor' => '',
		);
		if ( '' === $place['cursor'] ) {
			$place['begun'] = Clock::now();
			$place['from']  = min( $place['until'], $place['begun'] ) - self::LOOK_BACK_SECONDS;
		}
		$query = array(
			'told_from' => Clock::write( $place['from'] ),
			'limit'     => self::PAGE_SIZE,
		);
		$busy = array();
		do {
			$answer = $client->get( '/v1/payments', '' === $place['cursor'] ? $query : $query + array( 'cursor' => $place['cursor'] ) );
			if ( ! $answer->ok() || ! is_array( $answer->body['items'] ?? null ) ) { // A proxy's page, or half a list, has no end.
				return false;
			}
			$busy            = array_merge( $busy, self::apply_all( $answer ) );
			$place['cursor'] = (string) ( $answer->body['next_cursor'] ?? '' );
			if ( '' === $place['cursor'] ) {
				$place['until'] = $place['begun'];
			}
			update_option( self::OPTION, $place, false );
		} while ( '' !== $place['cursor'] && time() < $ends );
		return '' === $place['cursor'] && array() === $busy; // What is busy has its turn again within the look back.
	}

	/** Apply what the bridge answered, and give those payments that another request is busy with. */
	private static function apply_all( Answer $answer, string $order_ref = '' ): array {
		$untold = array();
		$items = $answer->ok() && is_array( $answer->body['items'] ?? null ) ? $answer->body['items'] : array();
		foreach ( $items as $payment ) {
			if ( Snapshots::is_payment( $payment ) && ( '' === $order_ref || $payment['order_ref'] === $order_ref ) && self::is_newer( $payment ) ) {
				$busy = Snapshots::BUSY === Snapshots::apply( $payment, 0 );
				if ( $busy ) {
					$untold[] = $payment + array( 'untold' => true );
				}
			}
		}
		return $untold;
	}

	private static function is_newer( array $payment ): bool {
		$row = Payments::row( $payment['id'] );
		return null === $row || (int) $row['version'] < (int) ( $payment['version'] ?? 0 ) || '' !== $row['problem'] || (int) $row['claim_ends'] > 0;
	}
}
