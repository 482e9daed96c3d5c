<?php
/**
 * How an order stands, in words; then its facts and what can be done.
 */

defined( 'ABSPATH' ) || exit;
$order    = $args['order'];
$payment  = $args['payment'];
$standing = $args['standing'];
$amount   = ticketing_won( $order->amount );
$asked    = isset( $_GET['asked'] );
$texts    = array(
	'paid'          => array( 'good', "결제했어요 · $amount", '예매가 끝났어요. 공연장에서 이 화면이나 이메일을 보여 주세요.' ),
	'confirming'    => array( 'wait', '결제 결과를 확인하고 있어요', '다시 결제하지 마세요. 결과가 나오면 이 화면이 바뀌고, 이메일로도 알려 드릴게요.' ),
	'awaiting'      => array( 'wait', '입금을 기다리고 있어요', '아래 계좌로 입금하면 예매가 끝나요. 입금 기한이 지나면 좌석을 놓아요.' ),
	'refunded'      => array( 'calm', '환불했어요', '결제한 돈을 모두 돌려드렸어요. 카드사에 따라 며칠 걸려 보일 수 있어요.' ),
	'part_refunded' => array( 'calm', '일부를 환불했어요', '남은 좌석의 예매는 그대로예요.' ),
	'unpaid'        => array( 'calm', '아직 결제하지 않았어요', '돈은 빠져나가지 않았어요.' ),
);
if ( ticketing_seats_lost( $order ) ) {
	$texts['paid'] = array( 'wait', '좌석을 다시 확인하고 있어요', "{$amount}을 결제했지만 그 사이 좌석이 팔렸어요. 매표소가 돌려드리고 이메일로 알려 드릴게요." );
}
if ( 'voided' === ( $payment['state'] ?? '' ) ) {
	$texts['unpaid'] = array( 'calm', '결제가 되지 않았어요', '카드사의 답을 받지 못해 승인을 취소했어요. 돈은 빠져나가지 않았어요.' );
}
list( $tone, $title, $text ) = $texts[ $standing ];
?>
<div class="wide narrow detail" data-standing="<?php echo esc_attr( $standing ); ?>">
	<div class="standing <?php echo esc_attr( $tone ); ?>" role="status">
		<h1><?php echo esc_html( $title ); ?></h1>
		<p><?php echo esc_html( $text ); ?></p>
		<p class="quiet">주문번호 <span class="ref"><?php echo esc_html( $order->ref ); ?></span></p>
	</div>
	<p class="buttons" data-popup hidden><button class="button wide-button" type="button" data-close-window>이 창 닫기</button></p>
	<?php if ( 'confirming' === $standing ) : ?>
	<p class="buttons"><a class="button" href="<?php echo esc_url( add_query_arg( array_intersect_key( array_map( 'rawurlencode', array_filter( $_GET, 'is_string' ) ), array_flip( array( 'pay_bridge', 'pay_bridge_status' ) ) ), ticketing_url( 'payment-detail', $order->ref ) ) ); ?>" data-refresh>결과 새로고침</a></p>
	<?php elseif ( 'unpaid' === $standing ) : ?>
	<p class="buttons"><a class="button" href="<?php echo esc_url( ticketing_url( $order->show_id ? 'order' : 'test-pay', $order->ref ) ); ?>">결제하러 가기</a></p>
	<?php elseif ( 'awaiting' === $standing ) : ?>
		<?php get_template_part( 'parts/deposit', null, $args ); ?>
	<?php endif; ?>
	<?php if ( $asked && $order->refund_request ) : ?>
	<p class="notice" role="status">환불을 요청했어요. 매표소가 확인하고 이메일로 알려 드릴게요.</p>
	<?php endif; ?>
	<?php
	get_template_part( 'parts/order-facts', null, $args );
	if ( $args['known'] ) {
		get_template_part( 'parts/buyer-facts', null, $args );
	} else {
		echo '<p class="notice">예매자 정보와 취소는 <a href="' . esc_url( wp_login_url( ticketing_url( 'payment-detail', $order->ref ) ) ) . '">로그인</a>하면 볼 수 있어요.</p>';
	}
	if ( 'unpaid' !== $standing && 'confirming' !== $standing ) {
		get_template_part( 'parts/payment-facts', null, $args );
	}
	if ( $args['known'] && in_array( $standing, array( 'paid', 'part_refunded' ), true ) ) {
		if ( function_exists( 'pay_bridge_escrow' ) ) {
			pay_bridge_escrow( $order->ref );
		}
		get_template_part( 'parts/give-back', null, $args );
	}
	?>
</div>
