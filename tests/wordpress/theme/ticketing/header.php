<?php
/**
 * The head of every page.
 */

defined( 'ABSPATH' ) || exit;
?><!doctype html>
<html <?php language_attributes(); ?>>
<head>
	<meta charset="<?php bloginfo( 'charset' ); ?>">
	<meta name="viewport" content="width=device-width, initial-scale=1">
	<meta name="theme-color" content="#15143a">
	<link rel="icon" href="<?php echo esc_url( get_theme_file_uri( 'assets/star.svg' ) ); ?>" type="image/svg+xml">
	<?php wp_head(); ?>
</head>
<body <?php body_class(); ?>>
<?php wp_body_open(); ?>
<a class="skip" href="#main">본문으로 건너뛰기</a>
<header class="masthead">
	<div class="wide">
		<a class="brand" href="<?php echo esc_url( home_url( '/' ) ); ?>"><svg viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d="m12 1.8 2.9 6.5 7 .7-5.3 4.7 1.6 6.9L12 17.1 5.8 20.6l1.6-6.9L2.1 9l7-.7z" fill="currentColor"/></svg><?php bloginfo( 'name' ); ?></a>
		<nav aria-label="주 메뉴">
			<a href="<?php echo esc_url( home_url( '/#shows' ) ); ?>">공연</a>
			<?php if ( is_user_logged_in() ) : ?>
				<?php if ( shortcode_exists( 'pay_bridge_billing_keys' ) ) : ?>
				<a href="<?php echo esc_url( home_url( '/cards/' ) ); ?>">내 결제 수단</a>
				<?php endif; ?>
				<a href="<?php echo esc_url( wp_logout_url( home_url( '/' ) ) ); ?>">로그아웃</a>
			<?php else : ?>
				<a href="<?php echo esc_url( wp_login_url( home_url( '/' ) ) ); ?>">로그인</a>
			<?php endif; ?>
		</nav>
	</div>
</header>
<main id="main" tabindex="-1">
