<?php
/**
 * Template Name: 시험 결제
 *
 * Pays the way the theme always has: its own script asks admin-ajax for the payment window and opens it.
 * Only the order's field is new; the amount the script sends is not what is paid, the order's is.
 */

defined( 'ABSPATH' ) || exit;
$ticketing_order = ticketing_current_order();
$ticketing_chosen = ticketing_errors();
if ( $ticketing_order && function_exists( 'pay_bridge_prepare' ) ) {
	pay_bridge_prepare( $ticketing_order->ref );
}
nocache_headers();
get_header();
?>
<div class="wide narrow">
	<h1>시험 결제</h1>
	<p>시험용 결제 회사는 금액의 끝 두 자리를 보고 무슨 일이 일어날지 정해요. 이야기를 하나 골라 보세요.</p>
	<form method="post" action="<?php echo esc_url( home_url( '/test-pay/' ) ); ?>" class="stack panel">
		<input type="hidden" name="ticketing" value="story">
		<div class="field">
			<label for="story">이야기</label>
			<select id="story" name="story">
			<?php foreach ( ticketing_stories() as $ticketing_key => list( $ticketing_amount, $ticketing_title ) ) : ?>
				<option value="<?php echo esc_attr( $ticketing_key ); ?>"<?php selected( $ticketing_order && $ticketing_order->items[0]['ref'] === 'story-' . $ticketing_key ); ?>><?php echo esc_html( ticketing_won( $ticketing_amount ) . ' · ' . $ticketing_title ); ?></option>
			<?php endforeach; ?>
			</select>
			<?php foreach ( $ticketing_chosen as $ticketing_message ) : ?>
			<p class="error" role="alert"><?php echo esc_html( $ticketing_message ); ?></p>
			<?php endforeach; ?>
		</div>
		<button class="button plain" type="submit">주문 만들기</button>
	</form>
	<?php if ( $ticketing_order ) : ?>
		<?php get_template_part( 'parts/test-order', null, array( 'order' => $ticketing_order ) ); ?>
	<?php endif; ?>
</div>
<?php
if ( $ticketing_order ) {
	wp_print_script_tag( array( 'src' => get_theme_file_uri( 'assets/test-pay.js' ) . '?' . filemtime( get_theme_file_path( 'assets/test-pay.js' ) ) ) );
}
get_footer();
