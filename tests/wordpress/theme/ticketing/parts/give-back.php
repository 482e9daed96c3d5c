<?php
/**
 * Cancelling the payment at once, and asking the box office for a refund of some seats.
 */

defined( 'ABSPATH' ) || exit;
$order     = $args['order'];
$payment   = $args['payment'];
$user_id   = get_current_user_id();
$may       = ticketing_buyer_may_cancel( false, array( 'owner' => $order->owner, 'show_at' => $order->show_at ), $user_id );
$left      = (int) ( $payment['amount'] ?? $order->amount ) - (int) ( $payment['refunded'] ?? 0 );
$seats     = array_filter( $order->items, static fn( $item ) => empty( $item['refunded'] ) );
$errors    = ticketing_errors();
$asking    = isset( $_GET['ask'] ) || isset( $errors['seats'] );
$here      = ticketing_url( 'payment-detail', $order->ref );
?>
<section class="payment-actions" aria-labelledby="give-back-title">
	<h2 id="give-back-title">취소와 환불</h2>
	<p class="quiet"><?php echo $order->show_at ? esc_html( ticketing_when( $order->show_at ) . ' 공연 시작 전까지 취소할 수 있어요.' ) : ''; ?></p>
	<div class="buttons">
		<?php if ( $may && $left > 0 ) : ?>
		<button class="button plain" type="button" id="cancel-payment" data-dialog="cancel-dialog">결제 취소</button>
		<?php endif; ?>
		<a class="button plain" id="refund-payment" href="<?php echo esc_url( add_query_arg( 'ask', 'refund', $here ) ); ?>" data-dialog="refund-dialog">환불 요청</a>
	</div>
	<p class="said" role="status" data-cancel-said></p>
</section>
<?php if ( $may && $left > 0 ) : ?>
<dialog id="cancel-dialog" aria-labelledby="cancel-title">
	<form data-cancel>
		<h2 id="cancel-title">결제를 취소할까요?</h2>
		<p><strong><?php echo esc_html( ticketing_won( $left ) ); ?></strong>을 돌려드리고 좌석을 놓아요. 되돌릴 수 없어요.</p>
		<input type="hidden" name="action" value="mainpay_payment_cancel">
		<input type="hidden" name="ref_no" value="<?php echo esc_attr( (string) ( $payment['id'] ?? '' ) ); ?>">
		<input type="hidden" name="mbr_ref_no" value="<?php echo esc_attr( $order->ref ); ?>">
		<input type="hidden" name="amount" value="<?php echo esc_attr( $left ); ?>">
		<input type="hidden" name="cancel_reason" value="고객 요청">
		<div class="buttons">
			<button class="button plain" type="button" data-close>그대로 두기</button>
			<button class="button danger" type="submit"><?php echo esc_html( ticketing_won( $left ) ); ?> 취소하기</button>
		</div>
	</form>
</dialog>
<?php endif; ?>
<dialog id="refund-dialog" aria-labelledby="refund-title"<?php echo $asking ? ' open' : ''; ?>>
	<form method="post" action="<?php echo esc_url( $here ); ?>">
		<h2 id="refund-title">환불 요청</h2>
		<p class="quiet">매표소가 확인하고 돌려드려요.</p>
		<input type="hidden" name="ticketing" value="refund">
		<input type="hidden" name="order_id" value="<?php echo esc_attr( $order->ref ); ?>">
		<fieldset id="seats"<?php echo isset( $errors['seats'] ) ? ' aria-describedby="error-seats"' : ''; ?>>
			<legend>환불할 좌석</legend>
			<?php if ( isset( $errors['seats'] ) ) : ?>
			<p class="error" id="error-seats" role="alert"><?php echo esc_html( $errors['seats'] ); ?></p>
			<?php endif; ?>
			<?php foreach ( $seats as $item ) : ?>
			<label class="choice"><input type="checkbox" name="seats[]" value="<?php echo esc_attr( $item['ref'] ); ?>"<?php checked( 1, count( $seats ) ); ?>><span class="choice-name"><?php echo esc_html( $item['title'] ); ?></span><strong><?php echo esc_html( ticketing_won( $item['amount'] ) ); ?></strong></label>
			<?php endforeach; ?>
		</fieldset>
		<div class="field"><label for="reason">사유</label><input id="reason" name="reason" type="text" maxlength="200" placeholder="적지 않아도 돼요"></div>
		<div class="buttons">
			<a class="button plain" href="<?php echo esc_url( $here ); ?>" data-close>닫기</a>
			<button class="button" type="submit">환불 요청하기</button>
		</div>
	</form>
</dialog>
