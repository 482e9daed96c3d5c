<?php
/**
 * The story of a payment.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** What happened to a payment, by whom, in words. Whatever has no words yet is shown as it came. */
final class Story {

	/** The payment's story, in the order in which it happened. */
	public static function render( array $events ): void {
		printf( '<h2>%s</h2><ol class="pay-bridge-timeline">', esc_html__( 'What happened', 'pay-bridge' ) );
		foreach ( array_filter( $events, 'is_array' ) as $event ) {
			printf( '<li><time>%s</time> %s</li>', esc_html( Words::time( self::text( $event, 'at' ) ) ), esc_html( self::sentence( $event ) ) );
		}
		echo '</ol>';
	}

	private static function sentence( array $event ): string {
		$name  = self::text( $event, 'event' );
		$words = array( self::events()[ $name ] ?? $name );
		if ( 'escrow.asked' === $name ) {
			$words[]         = self::step( self::text( $event, 'reason' ) );
			$event['reason'] = '';
		}
		if ( is_int( $event['amount'] ?? null ) ) {
			$words[] = Words::krw( $event['amount'] );
		}
		foreach ( self::details( $name ) as $detail ) {
			$words[] = self::text( $event, $detail );
		}
		$words[] = Words::owed( $event );
		$words[] = self::actor( self::text( $event, 'actor' ) );
		return implode( ' · ', array_filter( $words, 'strlen' ) );
	}

	/** Which step of an escrow was asked for. */
	private static function step( string $step ): string {
		$words = array(
			'status'   => __( 'its state', 'pay-bridge' ),
			'delivery' => __( 'report of the delivery', 'pay-bridge' ),
			'confirm'  => __( 'the buyer\'s yes', 'pay-bridge' ),
			'deny'     => __( 'the buyer\'s no', 'pay-bridge' ),
		);
		return $words[ $step ] ?? $step;
	}

	/** What is told beside an event: what the gateway said or a person wrote, never the bridge's own technical words. */
	private static function details( string $name ): array {
		if ( 0 === strpos( $name, 'case.' ) ) {
			return array();
		}
		$technical = array( 'approve.not_sent', 'approve.unknown', 'refund.not_sent', 'refund.unknown', 'refund.needs_human' );
		return in_array( $name, $technical, true ) ? array( 'code' ) : array( 'code', 'message', 'reason' );
	}

	/** Who did it: a person of this site by name, everybody else by what they are. */
	public static function actor( string $actor ): string {
		$words = array(
			'buyer'     => __( 'Buyer', 'pay-bridge' ),
			'gateway'   => __( 'Gateway', 'pay-bridge' ),
			'bridge'    => __( 'Payment service', 'pay-bridge' ),
			'wp:cli'    => __( 'Command line', 'pay-bridge' ),
			'wordpress' => __( 'This site', 'pay-bridge' ),
		);
		if ( isset( $words[ $actor ] ) ) {
			return $words[ $actor ];
		}
		if ( 0 === strpos( $actor, 'operator:' ) ) {
			/* translators: %s: the name of somebody who runs the payment service */
			return sprintf( __( 'Operator %s', 'pay-bridge' ), substr( $actor, 9 ) );
		}
		$user = 0 === strpos( $actor, 'wp:' ) ? get_userdata( (int) substr( $actor, 3 ) ) : false;
		return $user ? $user->display_name : $actor;
	}

	private static function events(): array {
		return self::events_of_payments() + self::events_of_deeds();
	}

	private static function events_of_payments(): array {
		return array(
			'payment.created'         => __( 'Payment begun', 'pay-bridge' ),
			'payment.paid'            => __( 'Paid', 'pay-bridge' ),
			'payment.declined'        => __( 'Declined', 'pay-bridge' ),
			'payment.amount_mismatch' => __( 'Stopped: another amount', 'pay-bridge' ),
			'payment.erased'          => __( 'Personal data of the buyer erased', 'pay-bridge' ),
			'payment.voided'          => __( 'Undone', 'pay-bridge' ),
			'payment.expired'         => __( 'Expired', 'pay-bridge' ),
			'payment.needs_human'     => __( 'Needs a person', 'pay-bridge' ),
			'payment.deposited'       => __( 'Deposited', 'pay-bridge' ),
			'payment.told'            => __( 'The gateway told more of the payment', 'pay-bridge' ),
			'payment.superseded'      => __( 'Gateway opened no window', 'pay-bridge' ),
			'payment.orphaned'        => __( 'Money found on an ended payment', 'pay-bridge' ),
			'payment.orphan_returned' => __( 'Money found was given back', 'pay-bridge' ),
			'payment.adopted'         => __( 'Money found pays for the order', 'pay-bridge' ),
			'payment.order_paid'      => __( 'Given back: the order was paid already', 'pay-bridge' ),
			'payment.order_changed'   => __( 'Given back: the order had changed', 'pay-bridge' ),
			'payment.seat_lost'       => __( 'Given back: the seats were gone', 'pay-bridge' ),
			'window.opened'           => __( 'Payment window opened', 'pay-bridge' ),
			'window.not_vouched'      => __( 'The gateway did not let its window open', 'pay-bridge' ),
			'window.not_loaded'       => __( 'The buyer\'s browser did not load the payment window', 'pay-bridge' ),
			'window.vouched'          => __( 'The gateway knows this site', 'pay-bridge' ),
			'window.requested'        => __( 'The buyer asked the gateway for the payment', 'pay-bridge' ),
			'window.not_its_own'      => __( "A request turned out to be another payment's", 'pay-bridge' ),
			'window.withdrawn'        => __( 'A request for the payment was withdrawn', 'pay-bridge' ),
			'window.not_withdrawn'    => __( 'A request left over was not withdrawn', 'pay-bridge' ),
			'window.closed'           => __( 'Buyer closed the payment window', 'pay-bridge' ),
			'window.refused'          => __( 'Gateway refused the payment window', 'pay-bridge' ),
			'window.not_opened'       => __( 'Window could not be opened', 'pay-bridge' ),
			'window.end_moved'        => __( 'End of the payment window follows the clock', 'pay-bridge' ),
			'window.perhaps_paid'     => __( 'Finding out whether the window was paid', 'pay-bridge' ),
			'key.window'              => __( 'Back from the window of a billing key', 'pay-bridge' ),
			'account.void_sent'       => __( 'Virtual account asked to be closed', 'pay-bridge' ),
			'account.not_voided'      => __( 'Virtual account stays open', 'pay-bridge' ),
			'escrow.asked'            => __( 'Escrow step asked for', 'pay-bridge' ),
			'escrow.shown'            => __( 'Escrow state heard', 'pay-bridge' ),
			'escrow.not_shown'        => __( 'Escrow answer refused or lost', 'pay-bridge' ),
			'receipt.sent'            => __( 'Cash receipt asked for', 'pay-bridge' ),
			'receipt.issued'          => __( 'Cash receipt issued', 'pay-bridge' ),
			'receipt.refused'         => __( 'Cash receipt refused', 'pay-bridge' ),
			'receipt.unknown'         => __( 'Cash receipt\'s answer lost', 'pay-bridge' ),
			'receipt.cancel_sent'     => __( 'Cancel of the cash receipt asked for', 'pay-bridge' ),
			'receipt.cancelled'       => __( 'Cash receipt cancelled', 'pay-bridge' ),
			'receipt.not_cancelled'   => __( 'Cash receipt stays', 'pay-bridge' ),
			'account.issued'          => __( 'Virtual account issued', 'pay-bridge' ),
		);
	}

	private static function events_of_deeds(): array {
		return array(
			'approve.sent'            => __( 'Approval asked for', 'pay-bridge' ),
			'approve.not_sent'        => __( 'Approval could not be sent', 'pay-bridge' ),
			'approve.unknown'         => __( 'Approval\'s answer lost', 'pay-bridge' ),
			'approve.barred'          => __( 'Approval barred', 'pay-bridge' ),
			'undo.sent'               => __( 'Undoing asked for', 'pay-bridge' ),
			'undo.seen'               => __( 'Found given back at the gateway', 'pay-bridge' ),
			'refund.sent'             => __( 'Refund asked for', 'pay-bridge' ),
			'refund.done'             => __( 'Refunded', 'pay-bridge' ),
			'refund.refused'          => __( 'Refund refused', 'pay-bridge' ),
			'refund.not_sent'         => __( 'Refund could not be sent', 'pay-bridge' ),
			'refund.unknown'          => __( 'Refund\'s answer lost', 'pay-bridge' ),
			'refund.accepted'         => __( 'Refund accepted', 'pay-bridge' ),
			'transfer.cancel_sent'    => __( 'Cancel of the refund\'s transfer asked for', 'pay-bridge' ),
			'refund.needs_human'      => __( 'Whether it was refunded must be looked up by a person', 'pay-bridge' ),
			'plan.round_failed'       => __( 'A later round of the plan was not charged', 'pay-bridge' ),
			'refund.external'         => __( 'Refunded at the gateway itself', 'pay-bridge' ),
		) + self::cases();
	}

	private static function cases(): array {
		return array(
			'case.opened'             => __( 'The operator must look at this', 'pay-bridge' ),
			'case.extended'           => __( 'More was found for the operator', 'pay-bridge' ),
			'case.proposed'           => __( 'An operator proposed a decision', 'pay-bridge' ),
			'case.confirmed'          => __( 'The decision was confirmed', 'pay-bridge' ),
			'case.rejected'           => __( 'The proposed decision was rejected', 'pay-bridge' ),
			'case.closed'             => __( 'The operator need not look any more', 'pay-bridge' ),
		);
	}

	private static function text( array $event, string $name ): string {
		return is_scalar( $event[ $name ] ?? null ) ? (string) $event[ $name ] : '';
	}
}
