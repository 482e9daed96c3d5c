<?php
/**
 * The stories of the test-payment page: the sandbox gateway lets an amount's last two digits decide what happens.
 */

defined( 'ABSPATH' ) || exit;

/** Each story: amount in KRW and what will happen. */
function ticketing_stories() {
	return array(
		'paid'             => array( 1000, '결제가 돼요' ),
		'declined'         => array( 1001, '승인이 거절돼요' ),
		'limit'            => array( 1002, '카드 한도를 넘어요' ),
		'stopped'          => array( 1003, '정지된 카드예요' ),
		'nothing-done'     => array( 1011, '승인 요청이 닿자마자 연결이 끊기고, 아무 일도 없었어요' ),
		'lost-answer'      => array( 1012, '승인은 됐는데 답을 잃어버려요' ),
		'slow'             => array( 1013, '승인은 됐는데 답이 10초 늦어요' ),
		'error-before'     => array( 1014, '승인하지 않고 502를 답해요' ),
		'error-after'      => array( 1015, '승인하고 502를 답해요' ),
		'garbage'          => array( 1016, '승인하고 알 수 없는 답을 줘요' ),
		'wrong-amount'     => array( 1017, '다른 금액을 승인해요' ),
		'hang'             => array( 1018, '승인하고 아무 답도 하지 않아요' ),
		'refund-lost'      => array( 1022, '결제는 되고, 환불의 답을 잃어버려요' ),
		'refund-refused'   => array( 1024, '결제는 되고, 환불이 거절돼요' ),
		'no-window'        => array( 1032, '결제창을 열지 못해요' ),
		'notice-thrice'    => array( 1041, '결제되고, 알림이 세 번 와요' ),
		'notice-lost'      => array( 1043, '결제되고, 알림이 오지 않아요' ),
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
