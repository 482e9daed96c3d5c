<?php
/**
 * Template Name: 옛 결제 주소
 *
 * /payment-approval and /payment-close once handled payments in the theme. Pay Bridge does that now; whoever still comes here is told.
 */

defined( 'ABSPATH' ) || exit;
nocache_headers();
status_header( 410 );
get_header();
?>
<div class="wide narrow">
	<h1>이 주소는 더 이상 쓰지 않아요</h1>
	<p role="status">여기서는 아무것도 결제하거나 취소하지 않았어요. 결제 결과는 예매하고 받은 이메일이나 예매 내역에서 확인해 주세요.</p>
	<p class="buttons"><a class="button" href="<?php echo esc_url( home_url( '/' ) ); ?>">공연 보러 가기</a></p>
</div>
<?php
get_footer();
