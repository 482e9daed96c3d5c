<?php
/**
 * The season: every show as a card.
 */

defined( 'ABSPATH' ) || exit;
get_header();
$ticketing_shows = array_values( ticketing_shows() );
$ticketing_first = $ticketing_shows[0] ?? null;
?>
<?php if ( $ticketing_first ) : ?>
<section class="hero">
	<div class="wide">
		<div class="hero-text">
			<p class="kicker">이번 시즌의 첫 무대</p>
			<h1><?php echo esc_html( $ticketing_first->title ); ?></h1>
			<p><?php echo esc_html( $ticketing_first->about ); ?></p>
			<p class="hero-when"><?php echo esc_html( ticketing_when( $ticketing_first->starts_at ) . ' · ' . $ticketing_first->venue ); ?></p>
			<a class="button bright" href="<?php echo esc_url( $ticketing_first->url ); ?>">예매하러 가기</a>
		</div>
		<?php ticketing_poster( $ticketing_first, 'poster hero-poster' ); ?>
	</div>
</section>
<?php endif; ?>
<section class="wide" id="shows" aria-labelledby="shows-title">
	<h2 id="shows-title">예매할 수 있는 공연</h2>
	<ul class="cards">
		<?php foreach ( $ticketing_shows as $ticketing_show ) : ?>
		<li class="card">
			<?php ticketing_poster( $ticketing_show ); ?>
			<div class="card-text">
				<p class="kind"><?php echo esc_html( $ticketing_show->kind ); ?></p>
				<h3><a href="<?php echo esc_url( $ticketing_show->url ); ?>"><?php echo esc_html( $ticketing_show->title ); ?></a></h3>
				<p class="quiet"><?php echo esc_html( ticketing_when( $ticketing_show->starts_at, 'n월 j일 (D) H:i' ) ); ?><br><?php echo esc_html( $ticketing_show->venue ); ?></p>
			</div>
		</li>
		<?php endforeach; ?>
	</ul>
</section>
<?php
get_footer();
