<?php
/**
 * What the theme's own forms do: hold seats, let them go, keep them longer, ask for a refund, begin a test payment.
 */

defined( 'ABSPATH' ) || exit;

add_action( 'template_redirect', 'ticketing_act' );

/** Answers a form of the theme, then sends the browser on with 303. */
function ticketing_act() {
	$action = isset( $_POST['ticketing'] ) ? sanitize_key( wp_unslash( $_POST['ticketing'] ) ) : '';
	$doers  = array(
		'hold'    => 'ticketing_act_hold',
		'release' => 'ticketing_act_release',
		'extend'  => 'ticketing_act_extend',
		'refund'  => 'ticketing_act_refund',
		'story'   => 'ticketing_act_story',
	);
	if ( ! is_page() || ! isset( $doers[ $action ] ) ) {
		return;
	}
	nocache_headers();
	// Pages may be cached, so no nonce of theirs can be relied on; where the form was sent from can.
	if ( ! ticketing_from_here() ) {
		wp_die( '이 요청은 다른 사이트에서 온 것 같아요. 처음부터 다시 해 주세요.', '', array( 'response' => 403 ) );
	}
	$target = $doers[ $action ]();
	if ( is_string( $target ) ) {
		wp_safe_redirect( $target, 303 );
		exit;
	}
}

/** Whether the browser says that one of our own pages sent this form. */
function ticketing_from_here() {
	$site = isset( $_SERVER['HTTP_SEC_FETCH_SITE'] ) ? sanitize_key( $_SERVER['HTTP_SEC_FETCH_SITE'] ) : '';
	if ( '' !== $site ) {
		return in_array( $site, array( 'same-origin', 'none' ), true );
	}
	$origin = isset( $_SERVER['HTTP_ORIGIN'] ) ? esc_url_raw( wp_unslash( $_SERVER['HTTP_ORIGIN'] ) ) : '';
	return '' === $origin || 0 === strpos( home_url( '/' ), $origin . '/' );
}

/** A field of the form as one trimmed line. */
function ticketing_field( $name ) {
	return isset( $_POST[ $name ] ) && is_string( $_POST[ $name ] ) ? trim( sanitize_text_field( wp_unslash( $_POST[ $name ] ) ) ) : '';
}

/** The order the form or the address names, if the person may act on it. */
function ticketing_current_order() {
	$ref   = isset( $_REQUEST['order_id'] ) && is_string( $_REQUEST['order_id'] ) ? sanitize_text_field( wp_unslash( $_REQUEST['order_id'] ) ) : '';
	$order = ticketing_order( $ref );
	return $order && ticketing_may_see( $order, get_current_user_id() ) ? $order : null;
}

/** What was wrong with the form: field => Korean sentence. Kept for this request, so that the page can show it. */
function ticketing_errors( ?array $errors = null ) {
	static $kept = array();
	if ( null !== $errors ) {
		$kept = $errors;
	}
	return $kept;
}

function ticketing_act_hold() {
	$buyer  = array(
		'name'  => ticketing_field( 'buyer_name' ),
		'email' => sanitize_email( ticketing_field( 'buyer_email' ) ),
		'phone' => ticketing_phone( ticketing_field( 'buyer_tel' ) ),
	);
	$errors = array();
	if ( '' === ticketing_field( 'category' ) ) {
		$errors['category'] = '좌석을 골라 주세요.';
	}
	if ( '' === $buyer['name'] || mb_strlen( $buyer['name'] ) > 50 ) {
		$errors['buyer_name'] = '예매하는 분의 이름을 적어 주세요.';
	}
	if ( ! preg_match( '/\A01[0-9]-[0-9]{3,4}-[0-9]{4}\z/', $buyer['phone'] ) ) {
		$errors['buyer_tel'] = '휴대폰 번호를 010-0000-0000처럼 적어 주세요.';
	}
	if ( ! is_email( $buyer['email'] ) ) {
		$errors['buyer_email'] = '예매 내역을 받을 이메일을 name@example.com처럼 적어 주세요.';
	}
	$order = $errors ? null : ticketing_make_order( (int) ticketing_field( 'show_id' ), ticketing_field( 'category' ), (int) ticketing_field( 'count' ), $buyer, get_current_user_id() );
	if ( is_wp_error( $order ) ) {
		$errors['category'] = $order->get_error_message();
	}
	ticketing_errors( $errors );
	return $errors ? null : ticketing_url( 'order', $order->ref );
}

function ticketing_act_release() {
	$order = ticketing_current_order();
	if ( ! $order ) {
		return home_url( '/' );
	}
	ticketing_cancel_order( $order );
	return ticketing_url( $order->show_id ? 'order' : 'test-pay', $order->ref );
}

function ticketing_act_extend() {
	$order = ticketing_current_order();
	if ( ! $order ) {
		return home_url( '/' );
	}
	$kept = 'open' === $order->state && $order->extensions < TICKETING_EXTENSIONS_MAX
		&& ticketing_extend_order( $order, time() + TICKETING_HOLD_SECONDS );
	if ( $kept ) {
		ticketing_update_order( $order->ref, array( 'extensions' => $order->extensions + 1 ) );
	}
	return add_query_arg( 'kept', $kept ? 'yes' : 'no', ticketing_url( 'order', $order->ref ) );
}

function ticketing_act_refund() {
	$order = ticketing_current_order();
	if ( ! $order ) {
		return home_url( '/' );
	}
	$posted = isset( $_POST['seats'] ) && is_array( $_POST['seats'] ) ? array_map( 'sanitize_text_field', wp_unslash( $_POST['seats'] ) ) : array();
	$asked  = array();
	foreach ( $order->items as $item ) {
		if ( empty( $item['refunded'] ) && in_array( $item['ref'], $posted, true ) ) {
			$asked[] = $item['ref'];
		}
	}
	if ( ! $asked || ! in_array( $order->state, array( 'paid', 'part_refunded' ), true ) ) {
		ticketing_errors( array( 'seats' => '환불할 좌석을 하나 이상 골라 주세요.' ) );
		return null;
	}
	ticketing_ask_refund( $order, $asked, mb_substr( ticketing_field( 'reason' ), 0, 200 ) );
	return add_query_arg( 'asked', 'yes', ticketing_url( 'payment-detail', $order->ref ) );
}

function ticketing_act_story() {
	$order = ticketing_make_story_order( ticketing_field( 'story' ), get_current_user_id() );
	if ( is_wp_error( $order ) ) {
		ticketing_errors( array( 'story' => $order->get_error_message() ) );
		return null;
	}
	return ticketing_url( 'test-pay', $order->ref );
}
