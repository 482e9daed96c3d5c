<?php
/**
 * The payment methods to choose from; one that cannot be chosen says why.
 */

defined( 'ABSPATH' ) || exit;
$choices = $args['choices'];
$first   = ticketing_first_choice( $choices );
?>
<?php if ( '' === $first ) : ?>
<p class="notice bad" role="status">지금은 쓸 수 있는 결제 수단이 없어요. 돈은 빠져나가지 않았어요. 잠시 뒤에 이 페이지를 다시 열어 주세요.</p>
<?php endif; ?>
<div class="methods">
<?php foreach ( $choices as $value => $choice ) : ?>
	<label class="choice method">
		<input type="radio" name="<?php echo esc_attr( $args['name'] ); ?>" value="<?php echo esc_attr( $value ); ?>"<?php checked( $value, $first ); ?><?php disabled( '' !== $choice['why'] ); ?>>
		<span class="choice-name"><?php echo esc_html( $choice['name'] ); ?></span>
		<?php if ( '' !== $choice['why'] ) : ?>
		<span class="quiet"><?php echo esc_html( $choice['why'] ); ?></span>
		<?php endif; ?>
	</label>
<?php endforeach; ?>
</div>
