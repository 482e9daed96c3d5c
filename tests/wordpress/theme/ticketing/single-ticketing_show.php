<?php
/**
 * One show, with its prices and free seats.
 */

defined( 'ABSPATH' ) || exit;
the_post();
$ticketing_show = ticketing_show( get_the_ID() );
get_header();
?>
<div class="wide show">
	<div class="show-poster"><?php ticketing_poster( $ticketing_show ); ?></div>
	<div class="show-text">
		<p class="kind"><?php echo esc_html( $ticketing_show->kind ); ?></p>
		<h1><?php the_title(); ?></h1>
		<dl class="facts">
			<div><dt>일시</dt><dd><?php echo esc_html( ticketing_when( $ticketing_show->starts_at ) ); ?></dd></div>
			<div><dt>장소</dt><dd><?php echo esc_html( $ticketing_show->venue ); ?></dd></div>
			<div><dt>시간</dt><dd><?php echo esc_html( $ticketing_show->minutes ); ?>분</dd></div>
			<div><dt>관람</dt><dd><?php echo esc_html( $ticketing_show->age ); ?>세 이상</dd></div>
		</dl>
		<?php the_content(); ?>
		<h2>좌석과 가격</h2>
		<ul class="prices">
			<?php foreach ( ticketing_offer( $ticketing_show->id ) as $ticketing_kind ) : ?>
			<li>
				<span><?php echo esc_html( $ticketing_kind->category ); ?></span>
				<span class="quiet"><?php echo esc_html( $ticketing_kind->free > 0 ? $ticketing_kind->free . '석 남음' : '매진' ); ?></span>
				<strong><?php echo esc_html( ticketing_won( $ticketing_kind->price ) ); ?></strong>
			</li>
			<?php endforeach; ?>
		</ul>
		<a class="button wide-button" href="<?php echo esc_url( add_query_arg( 'show_id', $ticketing_show->id, home_url( '/order/' ) ) ); ?>">예매하기</a>
	</div>
</div>
<?php
get_footer();
