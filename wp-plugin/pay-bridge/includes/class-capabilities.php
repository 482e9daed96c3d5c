<?php
/**
 * Who may see payments, and who may refund.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Two capabilities and a role. Administrators have both; a site grants or denies them to others as it likes. */
final class Capabilities {

	const VIEW   = 'pay_bridge_view';
	const REFUND = 'pay_bridge_refund';
	const MANAGE = 'manage_options';
	const CLERK  = 'pay_bridge_clerk';

	/** Whoever manages the site may do both, and whoever may refund may look; an explicit no stays a no. */
	public static function filter_user_has_cap( array $has ): array {
		$manages = ! empty( $has[ self::MANAGE ] );
		$has    += array( self::REFUND => $manages );
		$has    += array( self::VIEW => $manages || ! empty( $has[ self::REFUND ] ) );
		return $has;
	}

	/** The box-office clerk: sees payments and refunds them, nothing else of wp-admin. */
	public static function add_clerk_role(): void {
		add_role(
			self::CLERK,
			_x( 'Box office clerk', 'User role', 'pay-bridge' ),
			array(
				'read'       => true,
				self::VIEW   => true,
				self::REFUND => true,
			)
		);
	}
}
