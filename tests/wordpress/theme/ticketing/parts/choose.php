<?php
/**
 * Choosing seats and saying who buys.
 */

defined( 'ABSPATH' ) || exit;
$show   = ticketing_show( isset( $_REQUEST['show_id'] ) ? (int) $_REQUEST['show_id'] : 0 );
$errors = ticketing_errors();
$user   = wp_get_current_user();
if ( ! $show ) :
	?>
<div class="wide narrow">
	<h1>어떤 공연을 볼까요?</h1>
	<p>예매할 공연을 먼저 골라 주세요.</p>
	<p><a class="button" href="<?php echo esc_url( home_url( '/#shows' ) ); ?>">공연 보러 가기</a></p>
</div>
	<?php
	return;
endif;
$was      = static fn( $name, $else ) => isset( $_POST[ $name ] ) ? ticketing_field( $name ) : $else;
$describe = static function ( $name ) use ( $errors ) {
	if ( isset( $errors[ $name ] ) ) {
		echo ' aria-invalid="true" aria-describedby="error-' . esc_attr( $name ) . '"';
	}
};
$complain = static function ( $name ) use ( $errors ) {
	if ( isset( $errors[ $name ] ) ) {
		echo '<p class="error" id="error-' . esc_attr( $name ) . '">' . esc_html( $errors[ $name ] ) . '</p>';
	}
};
$fields = array(
	'buyer_name'  => array( '이름', 'text', 'name', $was( 'buyer_name', $user->exists() ? $user->display_name : '' ), '' ),
	'buyer_tel'   => array( '휴대폰 번호', 'tel', 'tel', $was( 'buyer_tel', '' ), '010-0000-0000' ),
	'buyer_email' => array( '이메일', 'email', 'email', $was( 'buyer_email', $user->exists() ? $user->user_email : '' ), 'name@example.com' ),
);
?>
<div class="wide narrow">
	<ol class="steps" aria-label="예매 순서"><li aria-current="step">좌석 고르기</li><li>결제</li><li>완료</li></ol>
	<h1>좌석 고르기</h1>
	<div class="show-line">
		<?php ticketing_poster( $show, 'poster thumb' ); ?>
		<div><strong><?php echo esc_html( $show->title ); ?></strong><br><span class="quiet"><?php echo esc_html( ticketing_when( $show->starts_at ) ); ?><br><?php echo esc_html( $show->venue ); ?></span></div>
	</div>
	<?php if ( $errors ) : ?>
	<div class="notice bad" role="alert" id="errors" tabindex="-1">
		<p><strong>다시 확인해 주세요</strong></p>
		<ul>
		<?php foreach ( $errors as $name => $message ) : ?>
			<li><a href="#<?php echo esc_attr( $name ); ?>"><?php echo esc_html( $message ); ?></a></li>
		<?php endforeach; ?>
		</ul>
	</div>
	<?php endif; ?>
	<form method="post" action="<?php echo esc_url( add_query_arg( 'show_id', $show->id, home_url( '/order/' ) ) ); ?>" class="stack" novalidate>
		<input type="hidden" name="ticketing" value="hold">
		<input type="hidden" name="show_id" value="<?php echo esc_attr( $show->id ); ?>">
		<fieldset id="category"<?php $describe( 'category' ); ?>>
			<legend>좌석</legend>
			<?php $complain( 'category' ); ?>
			<div class="choices">
			<?php foreach ( ticketing_offer( $show->id ) as $kind ) : ?>
				<label class="choice">
					<input type="radio" name="category" value="<?php echo esc_attr( $kind->category ); ?>" data-price="<?php echo esc_attr( $kind->price ); ?>" required<?php checked( $was( 'category', '' ), $kind->category ); ?><?php disabled( $kind->free < 1 ); ?>>
					<span class="choice-name"><?php echo esc_html( $kind->category ); ?></span>
					<span class="quiet"><?php echo esc_html( $kind->free > 0 ? $kind->free . '석 남음' : '매진' ); ?></span>
					<strong><?php echo esc_html( ticketing_won( $kind->price ) ); ?></strong>
				</label>
			<?php endforeach; ?>
			</div>
		</fieldset>
		<div class="field">
			<label for="count">매수</label>
			<select id="count" name="count">
			<?php for ( $n = 1; $n <= TICKETING_TICKETS_MAX; $n++ ) : ?>
				<option value="<?php echo (int) $n; ?>"<?php selected( (int) $was( 'count', '1' ), $n ); ?>><?php echo (int) $n; ?>매</option>
			<?php endfor; ?>
			</select>
		</div>
		<fieldset>
			<legend>예매자</legend>
			<?php foreach ( $fields as $name => list( $label, $type, $autocomplete, $value, $example ) ) : ?>
			<div class="field">
				<label for="<?php echo esc_attr( $name ); ?>"><?php echo esc_html( $label ); ?></label>
				<input id="<?php echo esc_attr( $name ); ?>" name="<?php echo esc_attr( $name ); ?>" type="<?php echo esc_attr( $type ); ?>" autocomplete="<?php echo esc_attr( $autocomplete ); ?>" value="<?php echo esc_attr( $value ); ?>" placeholder="<?php echo esc_attr( $example ); ?>" required<?php $describe( $name ); ?>>
				<?php $complain( $name ); ?>
			</div>
			<?php endforeach; ?>
		</fieldset>
		<p class="total" role="status" data-total hidden></p>
		<button class="button wide-button" type="submit">좌석 잡고 결제하러 가기</button>
		<p class="quiet">좌석은 10분 동안 잡아 두고, 결제하는 동안 더 늘릴 수 있어요.</p>
	</form>
</div>
