<?php
/**
 * Plugin Name: Test shop
 * Description: Orders out of a file, so that tests say what the shop would; and a record of what the plugin told it.
 */

/** The orders: ref => order, with a few switches for tests (`see`: whoever asks, `cancel`, `hold`). */
function test_shop_order( $ref ) {
	$file   = STAND_DIRECTORY . '/orders.json';
	$orders = is_file( $file ) ? json_decode( file_get_contents( $file ), true ) : array();
	return $orders[ $ref ] ?? null;
}

add_filter(
	'pay_bridge_order',
	static function ( $known, $request ) {
		$order = test_shop_order( $request['order'] );
		return null === $order ? $known : $order;
	},
	99,
	2
);
add_filter(
	'pay_bridge_buyer_may_cancel',
	static function ( $may, $order ) {
		return test_shop_order( $order['ref'] )['cancel'] ?? $may;
	},
	99,
	2
);
add_filter(
	'pay_bridge_extend_hold',
	static function ( $answer, $ref ) {
		return test_shop_order( $ref )['hold'] ?? $answer;
	},
	99,
	2
);
add_filter(
	'pay_bridge_device',
	static function ( $device ) {
		preg_match( '~TestShopApp/(\S+)~', $_SERVER['HTTP_USER_AGENT'] ?? '', $said );
		return $said[1] ?? $device;
	}
);

foreach ( array( 'paid', 'refunded', 'failed', 'awaiting_deposit' ) as $test_shop_event ) {
	add_action(
		'pay_bridge_' . $test_shop_event,
		static function ( $ref, $payment, $seq ) use ( $test_shop_event ) {
			$order = test_shop_order( $ref );
			usleep( (int) ( $order['slow_us'] ?? 0 ) );
			$told = array( $test_shop_event, $ref, $payment['id'], $payment['refunded'] ?? 0, $seq );
			file_put_contents( STAND_DIRECTORY . '/told.jsonl', wp_json_encode( $told ) . "\n", FILE_APPEND | LOCK_EX );
			$die = STAND_DIRECTORY . '/die-once';
			if ( is_file( $die ) ) {
				unlink( $die );
				exit( 1 ); // As if PHP had been killed in the middle of the shop's own work.
			}
		},
		10,
		3
	);
}

add_action(
	'pay_bridge_refund_refused',
	static function ( $ref, $payment, $seq, $refund, $note ) {
		$told = array( 'refund_refused', $ref, $payment['id'], array( $refund, $note ), $seq );
		file_put_contents( STAND_DIRECTORY . '/told.jsonl', wp_json_encode( $told ) . "\n", FILE_APPEND | LOCK_EX );
	},
	10,
	5
);

// A right nonce for whoever asks, as if it had leaked: what may be done must not depend on it alone.
foreach ( array( 'wp_ajax_test_shop_nonce', 'wp_ajax_nopriv_test_shop_nonce' ) as $test_shop_hook ) {
	add_action(
		$test_shop_hook,
		static function () {
			exit( esc_html( wp_create_nonce( sanitize_text_field( wp_unslash( $_GET['for'] ) ) ) ) );
		}
	);
}

// A theme of the old kind: its own handlers, one of them open to visitors.
foreach ( array( 'wp_ajax_mainpay_payment_cancel', 'wp_ajax_nopriv_mainpay_payment_cancel', 'wp_ajax_nopriv_mainpay_payment_ready' ) as $test_shop_hook ) {
	add_action(
		$test_shop_hook,
		static function () {
			wp_send_json_success( array( 'message' => 'the old handler ran' ) );
		},
		-5
	);
}

// A page that shows how an order stands, made with what the template tag gave.
add_action(
	'template_redirect',
	static function () {
		if ( isset( $_GET['detail'] ) ) {
			$payment = pay_bridge_refresh( sanitize_text_field( wp_unslash( $_GET['detail'] ) ) );
			add_action(
				'wp_footer',
				static function () use ( $payment ) {
					printf( '<h1>%s</h1>', esc_html( $payment['state'] ?? 'nothing known' ) );
				}
			);
		}
	},
	20
);

// An order's page, with its escrow.
add_action(
	'wp_footer',
	static function () {
		if ( isset( $_GET['escrow_of'] ) ) {
			pay_bridge_escrow( sanitize_text_field( wp_unslash( $_GET['escrow_of'] ) ) );
		}
	}
);

add_action(
	'wp_footer',
	static function () {
		global $wpdb;
		printf( '<!-- queries %d -->', (int) $wpdb->num_queries );
		if ( defined( 'SAVEQUERIES' ) && SAVEQUERIES ) {
			$ours = array_filter(
				$wpdb->queries,
				static function ( $query ) {
					return false !== strpos( $query[0] . $query[2], 'pay_bridge' ) || false !== strpos( $query[2], 'PayBridge' );
				}
			);
			printf( '<!-- ours %d -->', count( $ours ) );
		}
	},
	PHP_INT_MAX
);
