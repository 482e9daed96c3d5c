<?php
/**
 * Plugin Name: Mainpay in the theme
 * Description: What sites do today, for comparison: admin-ajax asks the gateway itself, and the PHP worker waits.
 *
 * Behaves as Mainpay's integration guide tells a theme to: the price comes from the browser, the signature is SHA-256
 * of five values, curl posts without a time limit, and the answer is handed on. Never use it for anything but this.
 */

defined( 'ABSPATH' ) || exit;

add_action( 'wp_ajax_mainpay_payment_ready', 'legacy_payment_ready' );
add_action( 'wp_ajax_nopriv_mainpay_payment_ready', 'legacy_payment_ready' );

function legacy_payment_ready() {
	$shop      = '100011';
	$key       = 'U1FVQVJFLTEwMDAxMTIwMTgwNDA2MDkyNTMyMTA1MjM0'; // The guide's own test key.
	$reference = 'L' . strtoupper( substr( md5( uniqid( '', true ) ), 0, 19 ) );
	$amount    = (int) $_POST['amount'];
	$time      = gmdate( 'YmdHis', time() + 9 * 3600 ) . str_pad( (string) wp_rand( 0, 9999 ), 4, '0', STR_PAD_LEFT );
	$fields    = array(
		'mbrNo'       => $shop,
		'mbrRefNo'    => $reference,
		'amount'      => $amount,
		'timestamp'   => $time,
		'signature'   => hash( 'sha256', implode( '|', array( $shop, $reference, $amount, $key, $time ) ) ),
		'goodsName'   => sanitize_text_field( $_POST['goods_name'] ),
		'buyerName'   => sanitize_text_field( $_POST['buyer_name'] ),
		'buyerEmail'  => sanitize_email( $_POST['buyer_email'] ),
		'buyerTel'    => sanitize_text_field( $_POST['buyer_tel'] ),
		'approvalUrl' => home_url( '/payment-approval' ),
		'closeUrl'    => home_url( '/payment-close' ),
	);

	$curl = curl_init( get_option( 'legacy_gateway_url' ) . '/v1/payment/ready' );
	curl_setopt( $curl, CURLOPT_POST, true );
	curl_setopt( $curl, CURLOPT_POSTFIELDS, http_build_query( $fields ) );
	curl_setopt( $curl, CURLOPT_RETURNTRANSFER, true );
	$answer = json_decode( (string) curl_exec( $curl ) );
	curl_close( $curl );

	if ( $answer && '200' === (string) $answer->resultCode ) {
		wp_send_json_success(
			array(
				'payUrl'   => $answer->data->payUrl,
				'refNo'    => $answer->data->refNo,
				'mbrRefNo' => $reference,
			)
		);
	}
	wp_send_json_error( array( 'message' => $answer ? $answer->resultMessage : '' ) );
}
