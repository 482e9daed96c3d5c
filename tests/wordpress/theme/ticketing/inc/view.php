<?php
/**
 * How money, times and people are shown, and where the pages are.
 */

defined( 'ABSPATH' ) || exit;

/** 55000 as "55,000원". */
function ticketing_won( $amount ) {
	return number_format( (int) $amount ) . '원';
}

/** A Unix time in Korea, such as "2026년 11월 20일 (금) 19:30". */
function ticketing_when( $time, $format = 'Y년 n월 j일 (D) H:i' ) {
	$days = array( '일', '월', '화', '수', '목', '금', '토' );
	$date = ( new DateTimeImmutable( '@' . (int) $time ) )->setTimezone( new DateTimeZone( 'Asia/Seoul' ) );
	return str_replace( '#', $days[ (int) $date->format( 'w' ) ], $date->format( str_replace( 'D', '#', $format ) ) );
}

/** The address of one of the theme's pages, for an order. */
function ticketing_url( $page, $ref = '' ) {
	$url = home_url( '/' . $page . '/' );
	return $ref ? add_query_arg( 'order_id', $ref, $url ) : $url;
}

/** 01012345678 as "010-1234-5678". */
function ticketing_phone( $phone ) {
	return preg_replace( '/\A(01[0-9])([0-9]{3,4})([0-9]{4})\z/', '$1-$2-$3', preg_replace( '/[^0-9]/', '', $phone ) );
}

/** The payment methods of the order page: value and name. */
function ticketing_methods() {
	return array(
		'kakaopay'        => '카카오페이',
		'payco'           => '페이코',
		'virtual_account' => '가상계좌',
		'card'            => '신용카드',
		'account'         => '계좌이체',
		'naverpay'        => '네이버페이',
		'phone'           => '휴대폰',
	);
}

/** What the order page offers for an amount: value => name, and why it cannot be chosen; all of them until the bridge told. */
function ticketing_choices( $amount ) {
	$names   = ticketing_methods();
	$told    = function_exists( 'pay_bridge_methods' ) ? pay_bridge_methods( (int) $amount ) : null;
	$choices = array();
	foreach ( null === $told ? $names : array_intersect_key( $names, $told ) + wp_list_pluck( $told, 'name' ) as $value => $name ) {
		$choices[ $value ] = array(
			'name' => $name,
			'why'  => $told[ $value ]['why'] ?? '',
		);
	}
	return $choices;
}

/** Which of them is chosen first: the card if it can be; empty if none can. */
function ticketing_first_choice( $choices ) {
	$able = array_keys( wp_list_pluck( $choices, 'why' ), '', true );
	return in_array( 'card', $able, true ) ? 'card' : (string) reset( $able );
}

/** The name of a payment method. */
function ticketing_method_name( $method ) {
	return ticketing_methods()[ $method ] ?? (string) $method;
}

/** When a deposit is due, in Unix seconds: the account's own date, else the payment's end, else a day from now. */
function ticketing_deposit_due( $payment ) {
	$account = is_array( $payment['account'] ?? null ) ? $payment['account'] : array();
	foreach ( array( $account['due'] ?? '', $account['due_at'] ?? '', $account['expires_at'] ?? '', $payment['expires_at'] ?? '' ) as $text ) {
		$time = is_string( $text ) && '' !== $text ? strtotime( $text ) : false;
		if ( $time ) {
			return $time;
		}
	}
	return time() + DAY_IN_SECONDS;
}

/** The first of several fields that is there, as text. */
function ticketing_first( array $from, array $names ) {
	foreach ( $names as $name ) {
		if ( isset( $from[ $name ] ) && is_scalar( $from[ $name ] ) && '' !== (string) $from[ $name ] ) {
			return (string) $from[ $name ];
		}
	}
	return '';
}

/** A card as its company and, on a line of its own, "1234-56**-****-7890". */
function ticketing_card( $payment ) {
	$card = is_array( $payment['card'] ?? null ) ? $payment['card'] : array();
	return trim( ticketing_first( $card, array( 'issuer_name', 'name', 'company', 'issuer' ) ) . "\n" . ticketing_first( $card, array( 'masked', 'number', 'no' ) ) );
}

/** How a payment stands, in the words of the detail page. */
function ticketing_standing( $order, $payment ) {
	$state = (string) ( $payment['state'] ?? '' );
	if ( in_array( $order->state, array( 'paid', 'part_refunded', 'refunded' ), true ) ) {
		return $order->state;
	}
	if ( in_array( $state, array( 'paid', 'part_refunded', 'refunded', 'awaiting_deposit' ), true ) ) {
		// Paid, but the order has not been told yet: say so only when the sums agree.
		return 'paid' === $state && (int) $payment['amount'] !== $order->amount ? 'confirming' : str_replace( 'awaiting_deposit', 'awaiting', $state );
	}
	if ( in_array( $state, array( 'approving', 'unknown', 'voiding', 'needs_human' ), true ) ) {
		return 'confirming';
	}
	if ( 'awaiting' === $order->state ) {
		return 'awaiting';
	}
	return 'unpaid';
}

/** Whether a payment has ended without money; nothing of it can be taken any more. */
function ticketing_over( $payment ) {
	return in_array( $payment['state'] ?? '', array( 'declined', 'voided', 'expired', 'failed_ready', 'superseded' ), true );
}

/** A poster drawn from the show's number: no file, no stranger's picture. */
function ticketing_poster( $show, $class = 'poster' ) {
	$palettes = array(
		array( '#1d1b4b', '#5b4bd6', '#ffc145' ),
		array( '#3b0d2c', '#b3225f', '#ffd9a0' ),
		array( '#06302c', '#0f8a6d', '#f4f1bb' ),
		array( '#2b1a0a', '#c2591b', '#ffe2b8' ),
		array( '#0c2340', '#1f7ac0', '#bfe9ff' ),
		array( '#2d1040', '#8b3fb8', '#f7c8ff' ),
	);
	list( $dark, $middle, $light ) = $palettes[ $show->number % count( $palettes ) ];
	$shapes = array(
		'<circle cx="150" cy="86" r="52" fill="%2$s"/><path d="M0 210 Q60 160 120 205 T240 195 V320 H0Z" fill="%1$s"/>',
		'<path d="M-10 250 L70 90 L130 210 L170 140 L260 270 V330 H-10Z" fill="%1$s"/><circle cx="62" cy="66" r="26" fill="%2$s"/>',
		'<g fill="none" stroke="%2$s" stroke-width="9"><circle cx="120" cy="150" r="32"/><circle cx="120" cy="150" r="66" opacity=".6"/><circle cx="120" cy="150" r="102" opacity=".3"/></g>',
		'<g fill="%1$s"><rect x="26" y="70" width="30" height="250"/><rect x="80" y="120" width="30" height="200"/><rect x="134" y="40" width="30" height="280"/><rect x="188" y="150" width="30" height="170"/></g><circle cx="194" cy="66" r="22" fill="%2$s"/>',
		'<path d="M120 40 L196 190 H44Z" fill="%1$s"/><path d="M120 280 L70 180 H170Z" fill="%2$s"/>',
	);
	printf(
		'<svg class="%s" viewBox="0 0 240 320" preserveAspectRatio="xMidYMid slice" aria-hidden="true" focusable="false"><rect width="240" height="320" fill="%s"/>%s</svg>',
		esc_attr( $class ),
		esc_attr( $dark ),
		sprintf( $shapes[ intdiv( $show->number, 2 ) % count( $shapes ) ], esc_attr( $middle ), esc_attr( $light ) ) // phpcs:ignore WordPress.Security.EscapeOutput
	);
}
