<?php
/**
 * The order of a story and the button that pays it.
 */

defined( 'ABSPATH' ) || exit;
$order    = $args['order'];
$payment  = function_exists( 'pay_bridge_refresh' ) ? pay_bridge_refresh( $order->ref ) : null;
$order    = ticketing_order( $order->ref );
$standing = ticketing_standing( $order, $payment );
$names    = array(
	'paid'          => '결제했어요',
	'confirming'    => '결제 결과를 확인하고 있어요',
	'awaiting'      => '입금을 기다리고 있어요',
	'refunded'      => '환불했어요',
	'part_refunded' => '일부를 환불했어요',
	'unpaid'        => '아직 결제하지 않았어요',
);
?>
<section class="panel" aria-labelledby="test-title">
	<h2 id="test-title"><?php echo esc_html( $order->title ); ?></h2>
	<p role="status" data-standing="<?php echo esc_attr( $standing ); ?>"><?php echo esc_html( $names[ $standing ] ); ?> · <a href="<?php echo esc_url( ticketing_url( 'payment-detail', $order->ref ) ); ?>">예매 내역</a></p>
	<?php
	if ( 'unpaid' === $standing ) {
		get_template_part(
			'parts/returned',
			null,
			array(
				'order'   => $order,
				'payment' => $payment,
			)
		);
	}
	?>
	<?php if ( 'unpaid' === $standing && 'open' === $order->state && $order->hold_expires_at > time() ) : ?>
	<form id="test-pay" class="stack" data-ajax="<?php echo esc_url( admin_url( 'admin-ajax.php' ) ); ?>" data-amount="<?php echo esc_attr( $order->amount ); ?>" data-title="<?php echo esc_attr( $order->title ); ?>" data-name="<?php echo esc_attr( $order->buyer_name ); ?>" data-email="<?php echo esc_attr( $order->buyer_email ); ?>" data-phone="<?php echo esc_attr( $order->buyer_phone ); ?>">
		<?php
		if ( function_exists( 'pay_bridge_order_field' ) ) {
			pay_bridge_order_field( $order->ref );
		}
		?>
		<fieldset>
			<legend>결제 수단</legend>
			<?php get_template_part( 'parts/methods', null, array( 'choices' => ticketing_choices( $order->amount ), 'name' => 'payment_method' ) ); ?>
		</fieldset>
		<button class="button wide-button" type="button" id="payment-button"><?php echo esc_html( ticketing_won( $order->amount ) ); ?> 결제하기</button>
	</form>
	<?php elseif ( 'unpaid' === $standing ) : ?>
	<p class="notice">이 주문은 더 결제할 수 없어요. 새 주문을 만들어 주세요.</p>
	<?php endif; ?>
</section>
