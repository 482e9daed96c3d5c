<?php
/**
 * What the buyer is told when the payment window brought no payment.
 */

defined( 'ABSPATH' ) || exit;
$order   = $args['order'];
$payment = $args['payment'];
$result  = isset( $_GET['pay_bridge_result'] ) ? sanitize_key( $_GET['pay_bridge_result'] ) : '';
$until   = ticketing_when( $order->hold_expires_at, 'H:i' );
$texts   = array(
	'closed'   => array( '결제를 취소했어요', "좌석은 {$until}까지 잡아 둘게요. 돈은 빠져나가지 않았어요." ),
	'declined' => array( '결제가 되지 않았어요', '다른 카드나 다른 결제 수단으로 다시 해 주세요. 돈은 빠져나가지 않았어요.' ),
	'expired'  => array( '결제 시간이 지났어요', "좌석은 {$until}까지 잡아 둘게요. 다시 결제해 주세요." ),
	'failed'   => array( '결제가 되지 않았어요', '결제 회사의 답을 받지 못했어요. 돈은 빠져나가지 않았어요. 다시 결제해 주세요.' ),
);
// What the snapshot adds: the approval's answer was lost, and the approval has been taken back.
if ( 'failed' === $result && 'voided' === ( $payment['state'] ?? '' ) ) {
	$texts['failed'] = array( '결제가 되지 않았어요', '카드사의 답을 받지 못해 승인을 취소했어요. 돈은 빠져나가지 않았어요. 다시 결제해 주세요.' );
}
if ( ! isset( $texts[ $result ] ) ) {
	return;
}
?>
<div class="notice<?php echo 'closed' === $result ? '' : ' bad'; ?>" role="status">
	<p><strong><?php echo esc_html( $texts[ $result ][0] ); ?></strong></p>
	<?php if ( 'declined' === $result && ! empty( $payment['message'] ) ) : ?>
	<p class="verbatim"><?php echo esc_html( $payment['message'] ); ?></p>
	<?php endif; ?>
	<p><?php echo esc_html( $texts[ $result ][1] ); ?></p>
</div>
