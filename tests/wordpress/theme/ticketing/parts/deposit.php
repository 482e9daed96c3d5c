<?php
/**
 * Where to pay in, until when.
 */

defined( 'ABSPATH' ) || exit;
$account = is_array( $args['payment']['account'] ?? null ) ? $args['payment']['account'] : array();
$number  = ticketing_first( $account, array( 'number', 'account', 'no' ) );
$rows    = array(
	'은행'   => ticketing_first( $account, array( 'bank_name', 'bank' ) ),
	'계좌번호' => $number,
	'예금주'  => ticketing_first( $account, array( 'holder', 'name' ) ),
	'입금액'  => ticketing_won( $args['payment']['amount'] ?? $args['order']->amount ),
	'입금 기한' => ticketing_when( ticketing_deposit_due( $args['payment'] ) ),
);
?>
<section class="panel" aria-labelledby="deposit-title">
	<h2 id="deposit-title">입금할 계좌</h2>
	<dl class="facts">
	<?php foreach ( array_filter( $rows ) as $name => $value ) : ?>
		<div><dt><?php echo esc_html( $name ); ?></dt><dd><?php echo esc_html( $value ); ?></dd></div>
	<?php endforeach; ?>
	</dl>
	<?php if ( $number ) : ?>
	<p class="buttons"><button class="button plain" type="button" data-copy="<?php echo esc_attr( $number ); ?>">계좌번호 복사</button> <span role="status" data-copied></span></p>
	<?php endif; ?>
</section>
