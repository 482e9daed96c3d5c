<?php
/**
 * How it was paid.
 */

defined( 'ABSPATH' ) || exit;
$order    = $args['order'];
$payment  = $args['payment'];
$paid_at  = empty( $payment['paid_at'] ) ? false : strtotime( $payment['paid_at'] );
$refunded = (int) ( $payment['refunded'] ?? 0 );
$rows     = array(
	'결제 수단' => ticketing_method_name( $payment['method'] ?? '' ),
	'카드'    => ticketing_card( $payment ),
	'결제 금액' => ticketing_won( $payment['amount'] ?? $order->amount ),
	'승인 시각' => $paid_at ? ticketing_when( $paid_at, 'Y년 n월 j일 (D) H:i:s' ) : '',
	'환불 금액' => $refunded ? ticketing_won( $refunded ) : '',
	'결제 번호' => (string) ( $payment['id'] ?? '' ),
);
?>
<section class="panel" aria-labelledby="payment-title">
	<h2 id="payment-title">결제 정보</h2>
	<dl class="facts">
	<?php foreach ( array_filter( $rows ) as $name => $value ) : ?>
		<div><dt><?php echo esc_html( $name ); ?></dt><dd><?php echo esc_html( $value ); ?></dd></div>
	<?php endforeach; ?>
	</dl>
	<?php if ( $args['known'] && ! empty( $payment['receipt_url'] ) ) : ?>
	<p><a href="<?php echo esc_url( $payment['receipt_url'] ); ?>" target="_blank" rel="noopener noreferrer">매출전표 보기 (새 창)</a></p>
	<?php endif; ?>
</section>
