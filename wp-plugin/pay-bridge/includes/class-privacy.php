<?php
/**
 * Tools, Privacy.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** A text the shop may take into its privacy policy. */
final class Privacy {

	public static function action_admin_init(): void {
		$words = array(
			__( 'When you pay, we send your order (its items and price) and your name, e-mail address and phone number to our own payment service. It passes what is needed on to the payment gateway at which you pay.', 'pay-bridge' ),
			__( 'Your card or bank details go to the gateway only. We keep the payment\'s references, its amount, its times and at most the first six and last four digits of a card.', 'pay-bridge' ),
			__( 'Records of payments are kept for as long as the law on electronic commerce asks.', 'pay-bridge' ),
		);
		wp_add_privacy_policy_content( 'Pay Bridge', wp_kses_post( '<p>' . implode( '</p><p>', $words ) . '</p>' ) );
	}
}
