<?php
/**
 * Keeps anchors of the bridge's records, and hands them back to be compared.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/**
 * An anchor is the last seal of the records and the sums of a day, as the bridge told them: the first of each day is kept,
 * and the newest. Whoever rewrites the records there, or puts an old copy in their place, cannot change what is here.
 */
final class Anchors {

	const OPTION       = 'pay_bridge_anchors';
	const DAYS_MAX     = 400;
	const PAGE_ROWS    = 30;
	const RESTORES_MAX = 20;
	const LATE_SECONDS = 2 * DAY_IN_SECONDS;
	const FIELDS       = array( 'day', 'seal', 'hash', 'taken', 'given_back', 'at', 'proof' );
	const AGREES       = 'agrees';
	const OF_GAP       = 'of_gap';
	const BROKEN       = 'broken';

	/** Hand some back, the newest always, and keep what the bridge tells now. All have had their turn within a day. */
	public static function compare( Client $client, string $site ): void {
		$kept   = self::kept( $site );
		$page   = array_slice( $kept['days'], $kept['place'], self::PAGE_ROWS, true );
		$handed = array_values( $page );
		if ( $kept['newest'] ) {
			$handed[] = $kept['newest'];
		}
		$anchors  = array_map( array( self::class, 'told' ), $handed );
		$answer   = $client->post( '/v1/anchors', array( 'anchors' => $anchors ) );
		$outcomes = $answer->body['outcomes'] ?? null;
		if ( 400 === $answer->status ) {
			$kept['refused'] = $answer->message();
		} elseif ( $answer->ok() && is_array( $outcomes ) && count( $outcomes ) === count( $handed ) ) {
			foreach ( array_keys( $page ) as $number => $place ) {
				$kept['days'][ $place ]['outcome'] = $outcomes[ $number ];
			}
			if ( $kept['newest'] ) {
				$kept['newest']['outcome'] = end( $outcomes );
			}
			$kept['place']   = $kept['place'] + self::PAGE_ROWS < count( $kept['days'] ) ? $kept['place'] + self::PAGE_ROWS : 0;
			$kept['at']      = time();
			$kept['refused'] = '';
			$kept            = self::with( $kept, $answer->body['anchor'] ?? null );
		} else {
			return;
		}
		update_option( self::OPTION, $kept, false );
	}

	/** The bridge was restored from a backup and asked this site: what was anchored since that backup need not agree. */
	public static function note_restore( string $site, int $since ): void {
		$kept = self::kept( $site );
		if ( ! in_array( $since, $kept['restores'], true ) ) {
			$kept['restores'] = array_slice( array_merge( $kept['restores'], array( $since ) ), -self::RESTORES_MAX );
			update_option( self::OPTION, $kept, false );
		}
	}

	/**
	 * What the last comparisons said.
	 *
	 * @return array{0:string,1:string} pass, warn or fail, and words.
	 */
	public static function verdict( string $site ): array {
		$kept   = self::kept( $site );
		$all    = array_merge( $kept['days'], $kept['newest'] ? array( $kept['newest'] ) : array() );
		$broken = self::of( $all, self::BROKEN );
		if ( $broken ) {
			/* translators: 1: a day such as 2026-11-27, 2: a number */
			return array( 'fail', sprintf( __( 'The payment service\'s records are not those that this site keeps anchors of (%1$s, seal %2$d): they were rewritten, or an old copy was put in their place. Ask whoever runs the service.', 'pay-bridge' ), $broken[0]['day'], $broken[0]['seal'] ) );
		}
		if ( '' !== $kept['refused'] ) {
			/* translators: 1: the payment service's own message, 2: a command */
			return array( 'fail', sprintf( __( 'The payment service does not know the anchors that this site keeps: %1$s If its records were made anew on purpose, "%2$s" begins anew here too.', 'pay-bridge' ), $kept['refused'], 'wp option delete ' . self::OPTION ) );
		}
		if ( 0 === $kept['at'] ) {
			return array( 'pass', __( 'No anchor of the payment service\'s records is kept yet; the hourly event fetches one.', 'pay-bridge' ) );
		}
		if ( time() - $kept['at'] > self::LATE_SECONDS ) {
			/* translators: %s: a time span such as "3 days" */
			return array( 'warn', sprintf( __( 'The payment service\'s records were last compared with the anchors kept here %s ago. Check that WP-Cron runs and the service answers.', 'pay-bridge' ), human_time_diff( $kept['at'] ) ) );
		}
		return self::verdict_of_agreeing( $kept, count( $all ), self::of( $all, self::OF_GAP ) );
	}

	private static function verdict_of_agreeing( array $kept, int $count, array $lost ): array {
		if ( $lost && ! $kept['restores'] ) {
			/* translators: 1: a number, 2: a day such as 2026-11-27 */
			return array( 'warn', sprintf( __( 'The payment service says that a restored backup has lost %1$d of the anchors kept here (the first of %2$s), but it never asked this site what it knows. Ask whoever runs the service.', 'pay-bridge' ), count( $lost ), $lost[0]['day'] ) );
		}
		/* translators: 1: a number, 2: a time span such as "5 mins" */
		$words = sprintf( __( '%1$d anchors of the payment service\'s records are kept; compared %2$s ago, and the records agree.', 'pay-bridge' ), $count, human_time_diff( $kept['at'] ) );
		if ( $lost ) {
			/* translators: %d: a number */
			$words .= ' ' . sprintf( __( '%d of them are of the time that a restored backup has lost.', 'pay-bridge' ), count( $lost ) );
		}
		return array( 'pass', $words );
	}

	/** What is kept of this site; of another one that was paired before, nothing. */
	private static function kept( string $site ): array {
		$kept = get_option( self::OPTION );
		if ( ! is_array( $kept ) || ( $kept['site'] ?? null ) !== $site ) {
			$kept = array();
		}
		return $kept + array(
			'site'     => $site,
			'days'     => array(),
			'newest'   => array(),
			'place'    => 0,
			'at'       => 0,
			'refused'  => '',
			'restores' => array(),
		);
	}

	/** With what the bridge told now. A newest one that is broken stays: it is the proof. */
	private static function with( array $kept, $anchor ): array {
		if ( ! self::is_anchor( $anchor ) ) {
			return $kept;
		}
		$anchor = self::told( $anchor ) + array( 'outcome' => self::AGREES );
		if ( self::BROKEN !== ( $kept['newest']['outcome'] ?? '' ) ) {
			$kept['newest'] = $anchor;
		}
		if ( ! in_array( $anchor['day'], array_column( $kept['days'], 'day' ), true ) ) {
			$kept['days'][] = $anchor;
			$kept['days']   = array_slice( $kept['days'], -self::DAYS_MAX );
		}
		return $kept;
	}

	/** An anchor as the bridge told it. */
	private static function told( array $anchor ): array {
		return array_intersect_key( $anchor, array_flip( self::FIELDS ) );
	}

	private static function of( array $anchors, string $outcome ): array {
		return array_values( wp_list_filter( $anchors, array( 'outcome' => $outcome ) ) );
	}

	private static function is_anchor( $anchor ): bool {
		return is_array( $anchor )
			&& self::is_text( $anchor['day'] ?? null, '/\A\d{4}-\d\d-\d\d\z/' )
			&& is_int( $anchor['seal'] ?? null ) && is_int( $anchor['taken'] ?? null ) && is_int( $anchor['given_back'] ?? null )
			&& is_string( $anchor['at'] ?? null ) && null !== Clock::read( $anchor['at'] )
			&& self::is_text( $anchor['hash'] ?? null, '/\A[0-9a-f]{64}\z/' )
			&& self::is_text( $anchor['proof'] ?? null, '/\A[0-9a-f]{64}\z/' );
	}

	private static function is_text( $value, string $pattern ): bool {
		return is_string( $value ) && 1 === preg_match( $pattern, $value );
	}
}
