<?php
/**
 * An order nobody knows.
 */

defined( 'ABSPATH' ) || exit;
?>
<div class="wide narrow">
	<h1>예매를 찾을 수 없어요</h1>
	<p>주소가 잘렸거나 바뀐 것 같아요. 예매하고 받은 이메일의 주소로 다시 열어 주세요.</p>
	<p><a class="button" href="<?php echo esc_url( home_url( '/' ) ); ?>">공연 보러 가기</a></p>
</div>
