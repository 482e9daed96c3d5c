<?php
/**
 * An order that was let go, by the buyer or by time.
 */

defined( 'ABSPATH' ) || exit;
$order     = $args['order'];
$cancelled = 'cancelled' === $order->state;
$again     = $order->show_id ? add_query_arg( 'show_id', $order->show_id, home_url( '/order/' ) ) : ticketing_url( 'test-pay' );
?>
<div class="wide narrow">
	<h1><?php echo $cancelled ? '예매를 그만뒀어요' : '좌석을 잡아 둔 시간이 지났어요'; ?></h1>
	<p role="status"><?php echo esc_html( $order->title ); ?> 좌석을 놓았어요. 결제를 마치지 않았다면 돈은 빠져나가지 않아요.</p>
	<p class="buttons">
		<a class="button" href="<?php echo esc_url( $again ); ?>">다시 예매하기</a>
		<a class="button plain" href="<?php echo esc_url( home_url( '/' ) ); ?>">다른 공연 보기</a>
	</p>
</div>
