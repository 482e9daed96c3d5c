<?php
/**
 * Paying a held order: what, who, how, how much.
 */

defined( 'ABSPATH' ) || exit;
$order   = $args['order'];
$open    = false;
$choices = ticketing_choices( $order->amount );
$payable = '' !== ticketing_first_choice( $choices );
?>
<div class="wide">
	<ol class="steps" aria-label="예매 순서"><li>좌석 고르기</li><li aria-current="step">결제</li><li>완료</li></ol>
	<h1>주문·결제</h1>
	<?php get_template_part( 'parts/returned', null, $args ); ?>
	<?php get_template_part( 'parts/hold', null, $args ); ?>
	<?php
	if ( function_exists( 'pay_bridge_form_begin' ) ) {
		$open = pay_bridge_form_begin( $order->ref );
	} else {
		echo '<p class="notice bad" role="status">지금은 결제를 받을 수 없어요. 잠시 뒤에 다시 해 주세요.</p>';
	}
	?>
	<div class="checkout">
		<div class="stack">
			<?php get_template_part( 'parts/order-facts', null, array( 'order' => $order ) ); ?>
			<?php get_template_part( 'parts/buyer-facts', null, array( 'order' => $order ) ); ?>
			<?php if ( $open ) : ?>
			<section class="panel" aria-labelledby="method-title">
				<fieldset>
					<legend id="method-title"><h2>결제 수단</h2></legend>
					<?php get_template_part( 'parts/methods', null, array( 'choices' => $choices, 'name' => 'method' ) ); ?>
				</fieldset>
			</section>
			<?php endif; ?>
		</div>
		<aside class="sticky-payment-box panel" aria-labelledby="sum-title">
			<h2 id="sum-title">결제 금액</h2>
			<dl class="sums">
				<div><dt>티켓 <?php echo count( $order->items ); ?>매</dt><dd><?php echo esc_html( ticketing_won( $order->amount ) ); ?></dd></div>
				<div><dt>수수료</dt><dd>0원</dd></div>
				<div class="grand"><dt>합계</dt><dd><?php echo esc_html( ticketing_won( $order->amount ) ); ?></dd></div>
			</dl>
			<p class="quiet">취소는 공연이 시작되기 전까지 할 수 있어요.</p>
			<?php if ( $open && $payable ) : ?>
			<button class="button wide-button" type="submit"><?php echo esc_html( ticketing_won( $order->amount ) ); ?> 결제하기</button>
			<?php endif; ?>
			<button class="button plain wide-button" type="submit" form="release">취소하기</button>
		</aside>
	</div>
	<div class="mobile-buttons">
		<button class="button plain" type="submit" form="release">취소하기</button>
		<?php if ( $open && $payable ) : ?>
		<button class="button" type="submit"><?php echo esc_html( ticketing_won( $order->amount ) ); ?> 결제하기</button>
		<?php endif; ?>
	</div>
	<?php
	if ( $open ) {
		pay_bridge_form_end();
	}
	?>
	<form id="release" method="post" action="<?php echo esc_url( ticketing_url( 'order', $order->ref ) ); ?>">
		<input type="hidden" name="ticketing" value="release">
		<input type="hidden" name="order_id" value="<?php echo esc_attr( $order->ref ); ?>">
	</form>
	<dialog id="release-dialog" aria-labelledby="release-title">
		<h2 id="release-title">예매를 그만둘까요?</h2>
		<p>잡아 둔 좌석을 놓아요. 결제하지 않았으니 돈은 빠져나가지 않아요.</p>
		<div class="buttons">
			<button class="button plain" type="button" data-close>계속 예매하기</button>
			<button class="button danger" type="button" data-submit="release">취소하기</button>
		</div>
	</dialog>
</div>
