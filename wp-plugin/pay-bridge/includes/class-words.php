<?php
/**
 * The words people read.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** States, methods, amounts and times in words. */
final class Words {

	/** An amount of KRW. */
	public static function krw( int $amount ): string {
		/* translators: %s: an amount of Korean won with thousands separators */
		return sprintf( __( '%s KRW', 'pay-bridge' ), number_format( $amount ) );
	}

	/** An RFC 3339 time, in the site's time zone. */
	public static function time( string $rfc3339 ): string {
		$unix = Clock::read( $rfc3339 );
		return null === $unix ? '' : (string) wp_date( 'Y-m-d H:i:s', $unix );
	}

	/** A payment's state. */
	public static function state( string $state ): string {
		$words = array(
			'new'              => __( 'New', 'pay-bridge' ),
			'readying'         => __( 'Opening the payment window', 'pay-bridge' ),
			'open'             => __( 'Waiting for the buyer', 'pay-bridge' ),
			'approving'        => __( 'Being approved', 'pay-bridge' ),
			'unknown'          => __( 'Outcome not known yet', 'pay-bridge' ),
			'voiding'          => __( 'Being undone', 'pay-bridge' ),
			'awaiting_deposit' => __( 'Waiting for the deposit', 'pay-bridge' ),
			'paid'             => __( 'Paid', 'pay-bridge' ),
			'part_refunded'    => __( 'Partly refunded', 'pay-bridge' ),
			'needs_human'      => __( 'Needs a person', 'pay-bridge' ),
			'refunded'         => __( 'Refunded', 'pay-bridge' ),
			'declined'         => __( 'Declined', 'pay-bridge' ),
			'voided'           => __( 'Undone', 'pay-bridge' ),
			'expired'          => __( 'Expired', 'pay-bridge' ),
			'failed_ready'     => __( 'Window could not be opened', 'pay-bridge' ),
			'superseded'       => __( 'Gateway opened no window', 'pay-bridge' ),
		);
		return $words[ $state ] ?? $state;
	}

	/** A payment method. */
	public static function method( string $method ): string {
		$words = array(
			'card'            => __( 'Credit card', 'pay-bridge' ),
			'account'         => __( 'Bank transfer', 'pay-bridge' ),
			'virtual_account' => __( 'Virtual account', 'pay-bridge' ),
			'phone'           => __( 'Mobile phone', 'pay-bridge' ),
			'gift'            => __( 'Gift card', 'pay-bridge' ),
			'kakaopay'        => __( 'KakaoPay', 'pay-bridge' ),
			'naverpay'        => __( 'Naver Pay', 'pay-bridge' ),
			'payco'           => __( 'PAYCO', 'pay-bridge' ),
			'smilepay'        => __( 'Smile Pay', 'pay-bridge' ),
			'applepay'        => __( 'Apple Pay', 'pay-bridge' ),
			'wechat'          => __( 'WeChat Pay', 'pay-bridge' ),
		);
		return $words[ $method ] ?? $method;
	}

	/** How a payment may be refunded; empty if the bridge did not say. */
	public static function ability( array $payment ): string {
		$words = array(
			'full_or_part' => __( 'In full or in part', 'pay-bridge' ),
			'full'         => __( 'In full only', 'pay-bridge' ),
			'by_hand'      => __( 'By hand only', 'pay-bridge' ),
			'never'        => __( 'Not possible', 'pay-bridge' ),
		);
		$ability = $payment['allowed']['refund'] ?? '';
		return is_string( $ability ) ? $words[ $ability ] ?? $ability : '';
	}

	/** That a refund will only be a request, which is known before it is asked for; empty where it is more. */
	public static function by_request( array $payment ): string {
		return true === ( $payment['allowed']['by_request'] ?? null )
			? __( 'The gateway only takes a request now. What it has paid out to you must be wired back by hand, to the account it then names, before the buyer gets the money.', 'pay-bridge' )
			: '';
	}

	/** Why not more of it may be refunded, in the bridge's words for a clerk. */
	public static function why( array $payment ): string {
		foreach ( array( Snapshots::FOR_CLERK, 'why' ) as $name ) {
			if ( is_string( $payment['allowed'][ $name ] ?? null ) && '' !== $payment['allowed'][ $name ] ) {
				return $payment['allowed'][ $name ];
			}
		}
		return '';
	}

	/** What came of a refund, where the gateway said no words of its own. */
	public static function refund( string $state ): string {
		$words = array(
			'sending'         => __( 'The refund is on its way. We are waiting for the gateway.', 'pay-bridge' ),
			'done'            => __( 'The payment has been refunded.', 'pay-bridge' ),
			'refused'         => __( 'The gateway refused the refund.', 'pay-bridge' ),
			'not_sent'        => __( 'The refund could not be sent. No money has moved; you may try again.', 'pay-bridge' ),
			'accepted'        => __( 'The gateway has taken the refund in. No money is back yet; we will say so when it is.', 'pay-bridge' ),
			'unknown'         => __( 'The gateway\'s answer was lost. We are finding out what happened; do not refund again.', 'pay-bridge' ),
			'needs_human'     => __( 'The outcome cannot be found out automatically. A person must look at it; do not refund again.', 'pay-bridge' ),
			Refund::NO_ANSWER => __( 'The payment service did not answer, so the outcome is not known yet. Checking again is safe: it is the same request.', 'pay-bridge' ),
		);
		return $words[ $state ] ?? $state;
	}

	/** What came of one of a payment's refunds, for the shop: a refusal in the gateway's own words, where it said any. */
	public static function refund_outcome( array $refund ): string {
		$state   = is_string( $refund['state'] ?? null ) ? $refund['state'] : '';
		$message = is_string( $refund['message'] ?? null ) ? $refund['message'] : '';
		if ( 'refused' !== $state || '' === $message ) {
			return self::refund( $state );
		}
		/* translators: %s: the gateway's own words */
		return sprintf( __( 'The gateway refused the refund: %s', 'pay-bridge' ), $message );
	}

	/** A note for an order of which a refund was not made. */
	public static function refund_note( array $refund ): string {
		/* translators: 1: an amount such as 12,000 KRW, 2: what came of it, in a sentence */
		return sprintf( __( 'Refund of %1$s not made. %2$s', 'pay-bridge' ), self::krw( (int) $refund['amount'] ), self::refund_outcome( $refund ) );
	}

	/** What must be wired to the gateway before it gives a refund to the buyer; empty where nothing must. For the shop only. */
	public static function owed( array $refund ): string {
		$told = is_array( $refund['pay_back'] ?? null ) ? $refund['pay_back'] : array();
		if ( ! is_int( $told['amount'] ?? null ) || ! is_string( $told['account'] ?? null ) ) {
			return '';
		}
		/* translators: 1: an amount such as 12,000 KRW, 2: a bank account of the gateway's */
		return sprintf( __( 'Wire %1$s to the gateway by hand: only then does the buyer get the money back. Account: %2$s', 'pay-bridge' ), self::krw( $told['amount'] ), $told['account'] );
	}

	/** Why an order cannot be paid now. */
	public static function obstacle( string $code ): string {
		$words = array(
			'no_order'     => __( 'This order cannot be found.', 'pay-bridge' ),
			'order_paid'   => __( 'This order is paid already.', 'pay-bridge' ),
			'order_closed' => __( 'This order can no longer be paid.', 'pay-bridge' ),
			'hold_expired' => __( 'The time for this order is over. Please choose your seats again.', 'pay-bridge' ),
			'not_paired'   => __( 'Payment is not possible right now. Please try again later.', 'pay-bridge' ),
		);
		return $words[ $code ] ?? $code;
	}

	/** What else the gateway says of a payment: points and cash in its amount, its plan; whatever has no words as it came. */
	public static function details( array $payment ): string {
		$names  = array(
			'usePointAmt'          => __( 'Card points', 'pay-bridge' ),
			'naverpoint'           => __( 'Naver points', 'pay-bridge' ),
			'naverpay'             => __( 'Naver Pay by', 'pay-bridge' ),
			'smilepay_smilecash'   => __( 'Smile cash', 'pay-bridge' ),
			'smilepay_discountamt' => __( 'Smile Pay discount', 'pay-bridge' ),
			'rebill_no'            => __( 'Recurring plan no.', 'pay-bridge' ),
			'qrurl'                => __( 'QR code of the payment page', 'pay-bridge' ),
		);
		$values = array(
			'naverpay.card'      => __( 'card', 'pay-bridge' ),
			'naverpay.bank'      => __( 'bank account', 'pay-bridge' ),
			'paymethod_group.35' => __( 'PAYCO', 'pay-bridge' ),
		);
		$words  = array();
		foreach ( is_array( $payment['gateway_details'] ?? null ) ? $payment['gateway_details'] : array() as $name => $value ) {
			if ( ! is_string( $value ) || '' === $value ) {
				continue;
			}
			$said    = in_array( $name, array( 'usePointAmt', 'naverpoint', 'smilepay_smilecash', 'smilepay_discountamt' ), true ) && ctype_digit( $value )
				? self::krw( (int) $value ) : $values[ $name . '.' . $value ] ?? $value;
			$words[] = 'paymethod_group.35' === $name . '.' . $value ? $said : ( $names[ $name ] ?? $name ) . ' ' . $said;
		}
		return implode( ' · ', $words );
	}

	/** A card number with nothing but its first six and last four digits, whatever was sent to us. */
	public static function masked( string $number ): string {
		$digits = (string) preg_replace( '/[^0-9*]/', '', $number );
		if ( strlen( $digits ) <= 10 ) {
			return str_repeat( '*', max( 0, strlen( $digits ) - 4 ) ) . substr( $digits, -4 );
		}
		return substr( $digits, 0, 6 ) . str_repeat( '*', strlen( $digits ) - 10 ) . substr( $digits, -4 );
	}

	/** The account to deposit into, in one line: bank, number, holder, and until when. */
	public static function account( array $account ): string {
		$account = array_filter( $account, 'is_string' );
		$bank    = $account['bank'] ?? '';
		$number  = array( '' === $bank ? $account['bank_code'] ?? '' : $bank, $account['number'] ?? '' );
		$words   = array( implode( ' ', array_filter( $number, 'strlen' ) ), $account['holder'] ?? '' );
		$due     = self::time( $account['due'] ?? '' );
		if ( '' !== $due ) {
			/* translators: %s: a date */
			$words[] = sprintf( __( 'until %s', 'pay-bridge' ), $due );
		}
		return implode( ' · ', array_filter( $words, 'strlen' ) );
	}

	/** A card in one line: issuer and masked number. */
	public static function card( array $card ): string {
		$words = array();
		foreach ( array( 'issuer', 'name', 'company' ) as $name ) {
			if ( ! $words && is_string( $card[ $name ] ?? null ) && '' !== $card[ $name ] ) {
				$words[] = $card[ $name ];
			}
		}
		if ( is_string( $card['number'] ?? null ) && '' !== $card['number'] ) {
			$words[] = self::masked( $card['number'] );
		}
		return implode( ' ', $words );
	}
}
