<?php
/**
 * What is bought.
 */

defined( 'ABSPATH' ) || exit;
$order = $args['order'];
$show  = ticketing_show( $order->show_id );
?>
<section class="panel" aria-labelledby="order-title">
	<h2 id="order-title">예매 정보</h2>
	<div class="show-line">
		<?php
		if ( $show ) {
			ticketing_poster( $show, 'poster thumb' );
		}
		?>
		<div>
			<strong><?php echo esc_html( $order->title ); ?></strong>
			<?php if ( $show ) : ?>
			<br><span class="quiet"><?php echo esc_html( ticketing_when( $order->show_at ) ); ?><br><?php echo esc_html( $show->venue ); ?></span>
			<?php endif; ?>
		</div>
	</div>
	<ul class="prices">
	<?php foreach ( $order->items as $item ) : ?>
		<li>
			<span><?php echo esc_html( $item['title'] ); ?></span>
			<?php if ( ! empty( $item['refunded'] ) ) : ?>
			<span class="tag">환불함</span>
			<?php endif; ?>
			<strong><?php echo esc_html( ticketing_won( $item['amount'] ) ); ?></strong>
		</li>
	<?php endforeach; ?>
	</ul>
</section>
