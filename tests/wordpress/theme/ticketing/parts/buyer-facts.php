<?php
/**
 * Who buys.
 */

defined( 'ABSPATH' ) || exit;
$order = $args['order'];
?>
<section class="panel" aria-labelledby="buyer-title">
	<h2 id="buyer-title">예매자 정보</h2>
	<dl class="facts">
		<div><dt>이름</dt><dd><?php echo esc_html( $order->buyer_name ); ?></dd></div>
		<div><dt>휴대폰</dt><dd><?php echo esc_html( $order->buyer_phone ); ?></dd></div>
		<div><dt>이메일</dt><dd><?php echo esc_html( $order->buyer_email ); ?></dd></div>
	</dl>
</section>
