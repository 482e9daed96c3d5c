<?php
/**
 * The foot of every page.
 */

defined( 'ABSPATH' ) || exit;
?>
</main>
<footer class="colophon">
	<div class="wide">
		<p><strong><?php bloginfo( 'name' ); ?></strong> · <?php bloginfo( 'description' ); ?></p>
		<p>예매와 결제를 시험하려고 만든 극장이에요. 실제 공연도, 실제 결제도 없어요. <a href="<?php echo esc_url( home_url( '/test-pay/' ) ); ?>">시험 결제</a></p>
	</div>
</footer>
<?php wp_footer(); ?>
</body>
</html>
