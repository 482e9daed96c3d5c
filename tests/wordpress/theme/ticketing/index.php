<?php
/**
 * Any page without a template of its own.
 */

defined( 'ABSPATH' ) || exit;
get_header();
?>
<div class="wide narrow">
	<?php if ( have_posts() ) : ?>
		<?php
		while ( have_posts() ) :
			the_post();
			?>
			<article>
				<h1><?php the_title(); ?></h1>
				<?php the_content(); ?>
			</article>
		<?php endwhile; ?>
	<?php else : ?>
		<h1>여기에는 아무것도 없어요</h1>
		<p>주소를 다시 확인해 주세요.</p>
		<p><a class="button" href="<?php echo esc_url( home_url( '/' ) ); ?>">공연 보러 가기</a></p>
	<?php endif; ?>
</div>
<?php
get_footer();
