<?php
/**
 * The words people read about registered cards and recurring plans.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** States of keys and plans, and what each deed is called, means, and says on its button. */
final class Billing_Words {

	/** A registered card in one line; a phone, or a card that nothing is known of, by its method. */
	public static function key( array $key ): string {
		$card = Words::card( is_array( $key['card'] ?? null ) ? $key['card'] : array() );
		return '' === $card ? Words::method( (string) ( $key['method'] ?? '' ) ) : $card;
	}

	/** A registered card's or phone's state. */
	public static function key_state( string $state ): string {
		$words = array(
			'opening'  => __( 'Being registered', 'pay-bridge' ),
			'open'     => __( 'Waiting for the customer', 'pay-bridge' ),
			'issuing'  => __( 'Being registered', 'pay-bridge' ),
			'active'   => __( 'Can be charged', 'pay-bridge' ),
			'deleting' => __( 'Being deleted; if this stays, delete it again', 'pay-bridge' ),
			'deleted'  => __( 'Deleted', 'pay-bridge' ),
			'refused'  => __( 'Refused', 'pay-bridge' ),
			'expired'  => __( 'Expired', 'pay-bridge' ),
			'lost'     => __( 'The answer was lost; have it registered anew', 'pay-bridge' ),
		);
		return $words[ $state ] ?? $state;
	}

	/**
	 * What a customer reads who comes back from the window, of a key that came of it; the gateway's own words as they are.
	 *
	 * @return array{kind:string,words:string}
	 */
	public static function registered( array $key ): array {
		$state = (string) ( $key['state'] ?? '' );
		$words = array(
			'opening' => array( 'info', __( 'The window was closed, and nothing was registered. You can try again.', 'pay-bridge' ) ),
			'open'    => array( 'info', __( 'The window was closed, and nothing was registered. You can try again.', 'pay-bridge' ) ),
			'issuing' => array( 'info', __( 'We are asking the gateway whether it is registered. Please look again in a moment, and do not register it twice.', 'pay-bridge' ) ),
			'active'  => array( 'success', __( 'It is registered.', 'pay-bridge' ) ),
			'refused' => array( 'error', __( 'It could not be registered.', 'pay-bridge' ) ),
			'expired' => array( 'error', __( 'The time to register it was over. Please begin anew.', 'pay-bridge' ) ),
			'lost'    => array(
				'error',
				'phone' === ( $key['method'] ?? '' )
					? __( 'The gateway\'s answer was lost, so the phone is not registered. It may have been charged: look at your order before you try again.', 'pay-bridge' )
					: __( 'The gateway\'s answer was lost, so it is not registered, and nothing was charged. Please register it anew.', 'pay-bridge' ),
			),
		);
		$said  = array( $words[ $state ][1] ?? self::key_state( $state ) );
		if ( 'active' !== $state ) {
			$said[] = is_string( $key['message'] ?? null ) ? $key['message'] : '';
		}
		return array(
			'kind'  => $words[ $state ][0] ?? 'info',
			'words' => implode( "\n", array_filter( $said, 'strlen' ) ),
		);
	}

	/** A plan's state. */
	public static function plan_state( string $state ): string {
		$words = array(
			'registering' => __( 'Being registered', 'pay-bridge' ),
			'waiting'     => __( 'Waiting for the customer to agree', 'pay-bridge' ),
			'active'      => __( 'Running', 'pay-bridge' ),
			'changing'    => __( 'Being changed; if this stays, ask for the same again', 'pay-bridge' ),
			'resting'     => __( 'Paused', 'pay-bridge' ),
			'ended'       => __( 'Ended', 'pay-bridge' ),
			'refused'     => __( 'Refused', 'pay-bridge' ),
			'lost'        => __( 'The answer was lost; nobody has agreed to it', 'pay-bridge' ),
		);
		return $words[ $state ] ?? $state;
	}

	/** When a plan's round could not be charged last, and what the gateway said of it; empty if none failed. */
	public static function last_failure( array $plan ): string {
		$told = is_array( $plan['last_failure'] ?? null ) ? $plan['last_failure'] : array();
		if ( ! is_string( $told['at'] ?? null ) ) {
			return '';
		}
		/* translators: %s: a time */
		$words = array( sprintf( __( 'A round could not be charged: %s', 'pay-bridge' ), Words::time( $told['at'] ) ) );
		foreach ( array( 'message', 'code' ) as $name ) {
			$words[] = is_string( $told[ $name ] ?? null ) ? $told[ $name ] : '';
		}
		return implode( ' · ', array_filter( $words, 'strlen' ) );
	}

	/** How much a plan charges, how often and until when. */
	public static function rhythm( array $plan ): string {
		$cycles = array(
			'month' => __( 'every month', 'pay-bridge' ),
			'week'  => __( 'every week', 'pay-bridge' ),
			'day'   => __( 'every day', 'pay-bridge' ),
		);
		$cycle = is_string( $plan['cycle'] ?? null ) ? $plan['cycle'] : '';
		$words = array( Words::krw( (int) ( $plan['amount'] ?? 0 ) ), $cycles[ $cycle ] ?? $cycle );
		if ( is_string( $plan['ends'] ?? null ) ) {
			/* translators: %s: a date */
			$words[] = sprintf( __( 'until %s', 'pay-bridge' ), $plan['ends'] );
		}
		return implode( ' · ', array_filter( $words, 'strlen' ) );
	}

	/** What may be done with a key or a plan: what opens it, what it means, and its button. */
	public static function deeds( string $kind ): array {
		$deeds = array(
			'key'  => array(
				'delete' => array( __( 'Delete…', 'pay-bridge' ), __( 'It is deleted at the gateway too and can never be charged again. The customer would have to register it anew.', 'pay-bridge' ), __( 'Delete it', 'pay-bridge' ) ),
			),
			'plan' => array(
				'stop'  => array( __( 'Pause…', 'pay-bridge' ), __( 'No further rounds are charged until you resume it. What was charged stays charged.', 'pay-bridge' ), __( 'Pause it', 'pay-bridge' ) ),
				'start' => array( __( 'Resume…', 'pay-bridge' ), __( 'The gateway charges the next round on its day again.', 'pay-bridge' ), __( 'Resume it', 'pay-bridge' ) ),
				'end'   => array( __( 'End for good…', 'pay-bridge' ), __( 'The plan ends at the gateway and cannot be resumed. What was charged stays charged.', 'pay-bridge' ), __( 'End it', 'pay-bridge' ) ),
			),
		);
		return $deeds[ $kind ] ?? array();
	}

	/** What kind of notice says that a deed came to this state. */
	public static function kind( string $deed, string $state ): string {
		$wanted = array(
			'delete' => 'deleted',
			'stop'   => 'resting',
			'start'  => 'active',
			'end'    => 'ended',
		);
		if ( $wanted[ $deed ] === $state ) {
			return 'success';
		}
		return in_array( $state, array( 'deleting', 'changing', Deed::NO_ANSWER ), true ) ? 'info' : 'error';
	}
}
