<?php
/**
 * How long the seats are held, and how to keep them longer.
 */

defined( 'ABSPATH' ) || exit;
$order = $args['order'];
$left  = max( 0, $order->hold_expires_at - time() );
$kept  = isset( $_GET['kept'] ) ? sanitize_key( $_GET['kept'] ) : '';
?>
<div class="hold" data-hold="<?php echo esc_attr( $left ); ?>">
	<p><?php echo esc_html( ticketing_when( $order->hold_expires_at, 'H:i' ) ); ?>까지 좌석을 잡아 두었어요. <strong data-left></strong></p>
	<?php if ( $order->extensions < TICKETING_EXTENSIONS_MAX ) : ?>
	<form method="post" action="<?php echo esc_url( ticketing_url( 'order', $order->ref ) ); ?>" data-helps="<?php echo esc_attr( TICKETING_EXTENSION_HELPS ); ?>"<?php echo $left > TICKETING_EXTENSION_HELPS ? ' hidden' : ''; ?>>
		<input type="hidden" name="ticketing" value="extend">
		<input type="hidden" name="order_id" value="<?php echo esc_attr( $order->ref ); ?>">
		<button class="button small plain" type="submit">10분으로 늘리기</button>
	</form>
	<?php endif; ?>
	<p class="said" role="status" data-hold-said><?php echo 'yes' === $kept ? '시간을 늘렸어요.' : ( 'no' === $kept ? '더 늘릴 수 없어요.' : '' ); ?></p>
</div>
