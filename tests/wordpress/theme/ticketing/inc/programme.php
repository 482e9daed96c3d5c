<?php
/**
 * Shows: their kind of post, and the season a fresh site opens with.
 */

defined( 'ABSPATH' ) || exit;

add_action(
	'init',
	static function () {
		register_post_type(
			'ticketing_show',
			array(
				'labels'       => array(
					'name'          => '공연',
					'singular_name' => '공연',
				),
				'public'       => true,
				'has_archive'  => false,
				'menu_icon'    => 'dashicons-tickets-alt',
				'rewrite'      => array( 'slug' => 'shows' ),
				'supports'     => array( 'title', 'editor', 'excerpt', 'custom-fields' ),
				'show_in_rest' => true,
			)
		);
	}
);

/** Kinds of seats: price in KRW and how many a house has. */
function ticketing_categories() {
	return array(
		'R석'   => array( 77000, 2, 10 ),
		'S석'   => array( 55000, 4, 12 ),
		'청소년석' => array( 12000, 2, 10 ),
	);
}

/** The season: title, kind, venue, minutes, from what age, what it is about, begins in how many days at what hour. */
function ticketing_season() {
	return array(
		array( '겨울밤의 첼로', '클래식', '별빛극장 대극장', 100, 8, '바흐 무반주 모음곡 세 편을 촛불 조명 아래에서 듣는 밤이에요.', 14, 19 ),
		array( '소년과 등대', '뮤지컬', '별빛극장 대극장', 140, 8, '등대지기 소년이 사라진 불빛을 찾아 떠나는 창작 뮤지컬.', 12, 15 ),
		array( '늦은 오후의 재즈', '재즈', '달빛홀', 90, 13, '피아노 트리오와 함께 보내는 느긋한 일요일 오후.', 16, 17 ),
		array( '파도가 지나간 자리', '연극', '별빛극장 소극장', 95, 13, '섬마을 자매의 삼십 년을 두 배우가 이어 가는 이인극.', 18, 20 ),
		array( '판소리 심청, 다시', '국악', '별빛극장 대극장', 130, 8, '젊은 소리꾼 넷이 새로 짠 완창 무대예요.', 20, 15 ),
		array( '종이 고양이', '어린이극', '달빛홀', 55, 3, '종이 한 장이 고양이가 되는 마법, 온 가족이 함께 봐요.', 15, 11 ),
		array( '도시의 몸짓', '무용', '별빛극장 대극장', 70, 8, '열두 무용수가 그리는 출근길 아침의 풍경.', 22, 19 ),
		array( '베토벤 교향곡 7번', '클래식', '별빛극장 대극장', 80, 8, '별빛필하모닉의 정기 연주회. 춤추는 리듬의 절정.', 25, 19 ),
		array( '두 번째 편지', '연극', '별빛극장 소극장', 100, 15, '보내지 못한 편지 두 통에서 시작되는 이야기.', 24, 20 ),
		array( '한밤의 록 클럽', '콘서트', '달빛홀', 120, 15, '인디 밴드 세 팀의 릴레이 공연. 모두 서서 즐겨요.', 27, 20 ),
		array( '달을 훔친 여우', '어린이극', '달빛홀', 60, 4, '그림자와 노래로 만나는 여우의 모험.', 29, 11 ),
		array( '가야금, 물의 노래', '국악', '달빛홀', 75, 8, '스물다섯 줄 가야금과 전자음악의 만남.', 30, 19 ),
		array( '오래된 극장의 유령', '뮤지컬', '별빛극장 대극장', 150, 8, '문 닫은 극장에서 벌어지는 하룻밤의 소동극.', 33, 14 ),
		array( '흑백 영화와 피아노', '영화음악', '별빛극장 소극장', 85, 8, '무성 영화에 맞춰 그 자리에서 연주해요.', 35, 17 ),
		array( '봄을 기다리는 합창', '합창', '별빛극장 대극장', 90, 8, '시민 합창단 백 명이 부르는 새봄의 노래.', 38, 17 ),
		array( '마지막 정거장', '연극', '별빛극장 소극장', 110, 13, '첫차를 기다리는 네 사람의 새벽.', 40, 20 ),
		array( '탱고, 다섯 개의 계절', '무용', '달빛홀', 80, 13, '반도네온 라이브와 탱고 무용단.', 42, 19 ),
		array( '우주를 듣는 밤', '크로스오버', '별빛극장 대극장', 95, 8, '천문학자의 이야기와 현악 사중주.', 45, 19 ),
		array( '골목의 시인', '낭독극', '별빛극장 소극장', 70, 13, '시인이 살던 골목을 소리로 걸어요.', 47, 15 ),
		array( '새해맞이 갈라', '갈라', '별빛극장 대극장', 120, 8, '올해의 무대를 한자리에서 다시 만나요.', 50, 18 ),
	);
}

/** Writes the shows and their seats, once; a show whose day has passed is given a new one. */
function ticketing_make_programme() {
	foreach ( ticketing_season() as $number => $row ) {
		list( $title, $kind, $venue, $minutes, $age, $about, $days, $hour ) = $row;
		$starts_at = strtotime( "+$days days $hour:30 Asia/Seoul" );
		$slug      = 'show-' . ( $number + 1 );
		$known     = get_page_by_path( $slug, OBJECT, 'ticketing_show' );
		if ( $known ) {
			if ( (int) get_post_meta( $known->ID, 'starts_at', true ) < time() + DAY_IN_SECONDS ) {
				update_post_meta( $known->ID, 'starts_at', $starts_at );
			}
			continue;
		}
		$show_id = wp_insert_post(
			array(
				'post_type'    => 'ticketing_show',
				'post_status'  => 'publish',
				'post_name'    => $slug,
				'post_title'   => $title,
				'post_excerpt' => $about,
				'menu_order'   => $number,
				'post_content' => "<!-- wp:paragraph --><p>$about</p><!-- /wp:paragraph -->\n<!-- wp:paragraph --><p>공연이 시작되면 들어올 수 없으니 10분 전까지 와 주세요. 로비는 한 시간 전에 열어요.</p><!-- /wp:paragraph -->",
				'meta_input'   => compact( 'kind', 'venue', 'minutes', 'age', 'starts_at' ),
			)
		);
		foreach ( ticketing_categories() as $category => list( $price, $rows, $width ) ) {
			ticketing_add_seats( $show_id, $category, $price, ticketing_labels( $rows, $width ) );
		}
	}
}

/** "1열 1번" and so on. */
function ticketing_labels( $rows, $width ) {
	$labels = array();
	for ( $row = 1; $row <= $rows; $row++ ) {
		for ( $seat = 1; $seat <= $width; $seat++ ) {
			$labels[] = "{$row}열 {$seat}번";
		}
	}
	return $labels;
}

/** One show with what the pages need, or null. */
function ticketing_show( $show_id ) {
	$post = $show_id ? get_post( (int) $show_id ) : null;
	if ( ! $post || 'ticketing_show' !== $post->post_type || 'publish' !== $post->post_status ) {
		return null;
	}
	return (object) array(
		'id'        => $post->ID,
		'number'    => (int) $post->menu_order,
		'title'     => $post->post_title,
		'about'     => $post->post_excerpt,
		'kind'      => (string) get_post_meta( $post->ID, 'kind', true ),
		'venue'     => (string) get_post_meta( $post->ID, 'venue', true ),
		'minutes'   => (int) get_post_meta( $post->ID, 'minutes', true ),
		'age'       => (int) get_post_meta( $post->ID, 'age', true ),
		'starts_at' => (int) get_post_meta( $post->ID, 'starts_at', true ),
		'url'       => get_permalink( $post ),
	);
}

/** All shows in the season's order. */
function ticketing_shows() {
	$posts = get_posts(
		array(
			'post_type'      => 'ticketing_show',
			'posts_per_page' => 20,
			'orderby'        => 'menu_order',
			'order'          => 'ASC',
			'no_found_rows'  => true,
		)
	);
	return array_filter( array_map( static fn( $post ) => ticketing_show( $post->ID ), $posts ) );
}

/** The theme's own pages: address, title, template, content. */
function ticketing_make_pages() {
	$pages = array(
		'order'            => array( '주문·결제', 'pages/page-order.php' ),
		'payment-detail'   => array( '예매 내역', 'pages/page-payment-detail.php' ),
		'test-pay'         => array( '시험 결제', 'pages/page-test-pay.php' ),
		'payment-approval' => array( '결제 승인', 'pages/page-payment-approval.php' ),
		'payment-close'    => array( '결제 닫기', 'pages/page-payment-approval.php' ),
		'cards'            => array( '내 결제 수단', 'default', '[pay_bridge_billing_keys]' ),
	);
	foreach ( $pages as $slug => $page ) {
		if ( get_page_by_path( $slug ) ) {
			continue;
		}
		wp_insert_post(
			array(
				'post_type'    => 'page',
				'post_status'  => 'publish',
				'post_name'    => $slug,
				'post_title'   => $page[0],
				'post_content' => $page[2] ?? '',
				'meta_input'   => array( '_wp_page_template' => $page[1] ),
			)
		);
	}
	wp_delete_post( 1, true ); // WordPress' own first post, page and comment.
	wp_delete_post( 2, true );
}
