<?php
/**
 * wp-admin: what card begins with some digits.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Asks whose card it is and of what kind, by its first six to eight digits: no card is known by these. */
final class Card_Kind {

	const ACTION  = 'pay_bridge_card_kind';
	const SUBJECT = 'card-kind';
	const PREFIX  = '[0-9]{6,8}';

	/** The form, below the list of payments, where a gateway answers it. */
	public static function render( Client $client ): void {
		if ( ! current_user_can( Capabilities::SERVE ) || ! Services::gateways( $client, 'card_kinds' ) ) {
			return;
		}
		printf( '<details data-deed="card-kind"><summary class="button">%s</summary>', esc_html__( 'Whose card is it…', 'pay-bridge' ) );
		Deed::open_form( self::ACTION, self::SUBJECT );
		printf( '<p><label>%s<br><input type="text" inputmode="numeric" name="prefix" pattern="%s" required maxlength="8" size="10" autocomplete="off" aria-describedby="pay-bridge-prefix-help"></label></p>', esc_html__( 'The first 6 to 8 digits of the card', 'pay-bridge' ), esc_attr( self::PREFIX ) );
		printf( '<p class="description" id="pay-bridge-prefix-help">%s</p>', esc_html__( 'Says whose card it is and of what kind. Never type the whole number.', 'pay-bridge' ) );
		Deed::close_form( __( 'Look it up', 'pay-bridge' ) );
		echo '</details>';
	}

	/** Ask, then show the list again with the answer above it. */
	public static function action_submit(): void {
		$client = Deed::check( self::ACTION, Request::post( 'subject' ) );
		$prefix = Request::post( 'prefix' );
		if ( 1 !== preg_match( '/\A' . self::PREFIX . '\z/', $prefix ) ) {
			Admin::refuse( __( 'Enter the first 6 to 8 digits of the card, and nothing else.', 'pay-bridge' ), 400 );
		}
		$answer = $client->post( '/v1/card-kinds', array( 'prefix' => $prefix ), Request::post( 'key' ) );
		Deed::finish( self::SUBJECT, Admin::url( Admin::PAYMENTS ), $answer->ok() ? 'success' : ( $answer->is_unknown() ? 'info' : 'error' ), self::words( $answer, $prefix ) );
	}

	private static function words( Answer $answer, string $prefix ): string {
		if ( ! $answer->ok() ) {
			return $prefix . ': ' . Deed::said( $answer );
		}
		$words = array();
		foreach ( array( 'issuer_name', 'kind' ) as $name ) {
			$words[] = is_string( $answer->body[ $name ] ?? null ) ? $answer->body[ $name ] : '';
		}
		if ( '' === $words[0] && is_string( $answer->body['issuer'] ?? null ) ) {
			$words[0] = $answer->body['issuer'];
		}
		return $prefix . ': ' . implode( ' · ', array_filter( $words, 'strlen' ) );
	}
}
