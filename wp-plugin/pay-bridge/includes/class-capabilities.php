<?php
/**
 * Who may see payments, who may refund, and who may do what else a box office does.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Three capabilities and a role. Administrators have all; a site grants or denies them to others as it likes. */
final class Capabilities {

	const VIEW   = 'pay_bridge_view';
	const REFUND = 'pay_bridge_refund';
	const SERVE  = 'pay_bridge_serve';
	const MANAGE = 'manage_options';
	const CLERK  = 'pay_bridge_clerk';

	/** Whoever manages the site may do all, whoever may refund may serve, and whoever may do either may look; an explicit no stays a no. */
	public static function filter_user_has_cap( array $has ): array {
		$manages = ! empty( $has[ self::MANAGE ] );
		$has    += array( self::REFUND => $manages );
		$has    += array( self::SERVE => ! empty( $has[ self::REFUND ] ) );
		$has    += array( self::VIEW => $manages || ! empty( $has[ self::REFUND ] ) || ! empty( $has[ self::SERVE ] ) );
		return $has;
	}

	/** The box-office clerk: sees payments, refunds them and serves their buyers, nothing else of wp-admin. */
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
