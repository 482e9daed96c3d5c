<?php
/**
 * wp-admin: in how many months a card pays, or has paid.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** The choice of months on a form that charges a card, and what became of it. That an order is too small for any is the bridge's to say. */
final class Instalments {

	/** So many months are offered at most: more than any card company gives would only make the list long. */
	const MONTHS_MAX = 36;

	/** The choice, where so many months at most may be had from so many KRW on; nothing where there are none. */
	public static function render_choice( int $most, int $from ): void {
		if ( $most < 2 ) {
			return;
		}
		/* translators: %s: an amount such as 50,000 KRW */
		printf( '<p><label>%s<br><select name="months"><option value="0">%s</option>', esc_html( sprintf( __( 'Instalments, from %s on', 'pay-bridge' ), Words::krw( $from ) ) ), esc_html__( 'In one sum', 'pay-bridge' ) );
		foreach ( range( 2, min( self::MONTHS_MAX, $most ) ) as $months ) {
			printf( '<option value="%d">%s</option>', absint( $months ), esc_html( self::words( $months ) ) );
		}
		echo '</select></label></p>';
	}

	/** So many months in words. */
	public static function words( int $months ): string {
		if ( $months < 2 ) {
			return __( 'In one sum', 'pay-bridge' );
		}
		/* translators: %d: a number of months, 2 or more */
		return sprintf( __( '%d months', 'pay-bridge' ), $months );
	}

	/** In how many months a payment's card pays, as the gateway says, else as the order asks; empty where neither says it. */
	public static function told( array $payment ): string {
		$card    = is_array( $payment['card'] ?? null ) ? $payment['card'] : array();
		$charged = is_string( $card['installment'] ?? null ) ? $card['installment'] : '';
		if ( '' !== $charged ) {
			return ctype_digit( $charged ) ? self::words( (int) $charged ) : $charged;
		}
		$asked = $payment['instalment_months'] ?? 0;
		/* translators: %s: in how many months a card is to pay, such as "3 months" */
		return is_int( $asked ) && $asked > 0 ? sprintf( __( '%s (asked for)', 'pay-bridge' ), self::words( $asked ) ) : '';
	}

	/** The months that were chosen; 0 for one sum. */
	public static function chosen(): int {
		return (int) Request::post( 'months' );
	}
}
