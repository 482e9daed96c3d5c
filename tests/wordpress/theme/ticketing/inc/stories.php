<?php
/**
 * The stories of the test-payment page: the sandbox gateway lets an amount's last two digits decide what happens.
 */

defined( 'ABSPATH' ) || exit;

/** Each story: amount in KRW and what will happen. */
function ticketing_stories() {
	return array(
		'paid' => array( 1000, '결제가 돼요' ),
	);
}

/** Makes the server-side order of a story, without seats. */
function ticketing_make_story_order( $story, $owner ) {
	$stories = ticketing_stories();
	if ( ! isset( $stories[ $story ] ) ) {
		return new WP_Error( 'no_story', '이야기를 골라 주세요.' );
	}
	list( $amount, $title ) = $stories[ $story ];
	$items = array(
		array(
			'ref'    => 'story-' . $story,
			'title'  => $title,
			'amount' => $amount,
		),
	);
	$buyer = array(
		'name'  => '홍길동',
		'email' => 'buyer@shop.example',
		'phone' => '010-0000-0000',
	);
	return ticketing_save_order( bin2hex( random_bytes( 16 ) ), 0, '시험 결제: ' . $title, $items, $buyer, $owner, time() + TICKETING_HOLD_SECONDS, 0 );
}
