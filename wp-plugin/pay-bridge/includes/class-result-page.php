<?php
/**
 * The page to which the bridge sends the buyer back.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Recognises the way back by its query, tells the waiting page in the other window, and watches until the outcome is known. */
final class Result_Page {

	const REFRESH_SECONDS = 5;
	const LOOKS_MAX       = 60;
	const LOOKS           = 'pay_bridge_looks';

	/** @var array<string,string> States that the page above was made with, by the payment's id. */
	private static $shown = array();

	/** Remember what a template tag gives to the theme, and give as much of it as themes are given. What the theme was not told of yet is looked at again. */
	public static function show( ?array $payment ): ?array {
		if ( null === $payment ) {
			return null;
		}
		self::$shown[ $payment['id'] ] = empty( $payment['untold'] ) ? $payment['state'] : '';
		return Snapshots::for_themes( $payment );
	}

	/** Ordinary pages leave at the first line. */
	public static function action_template_redirect(): void {
		$payment = Request::query( 'pay_bridge' );
		$status  = Request::query( 'pay_bridge_status' );
		if ( ! Snapshots::is_id( $payment ) || 1 !== preg_match( '/\A[A-Za-z0-9_.~-]{1,512}\z/', $status ) || null === Settings::keys() ) {
			return;
		}
		$row                     = Payments::row( $payment );
		self::$shown[ $payment ] = null === $row ? '' : $row['state'];
		Caches::bar_page();
		header( 'Referrer-Policy: no-referrer' ); // The status token is in this page's address.
		add_filter( 'wp_robots', 'wp_robots_no_robots' );
		add_action( 'wp_enqueue_scripts', array( self::class, 'action_wp_enqueue_scripts' ) );
		add_action( 'wp_head', array( self::class, 'action_wp_head' ) );
		add_action( 'wp_footer', array( self::class, 'action_wp_footer' ), 5 );
	}

	/** Without scripts the page asks again by itself for five minutes, until the theme was given an outcome. Where the buyer tries again it stays. */
	public static function action_wp_head(): void {
		$looks   = absint( Request::query( self::LOOKS ) );
		$waiting = '' === Request::query( 'pay_bridge_result' ) && ! in_array( self::known(), Payments::WORTH_SHOWING, true );
		if ( $waiting && $looks < self::LOOKS_MAX ) {
			$again = self::REFRESH_SECONDS . ';url=' . esc_url_raw( add_query_arg( self::LOOKS, $looks + 1 ) );
			printf( '<noscript><meta http-equiv="refresh" content="%s"></noscript>' . "\n", esc_attr( $again ) );
		}
	}

	public static function action_wp_enqueue_scripts(): void {
		wp_enqueue_script( 'pay-bridge-result', plugins_url( 'assets/result.js', PAY_BRIDGE_FILE ), array(), PAY_BRIDGE_VERSION, true );
		wp_enqueue_style( 'pay-bridge', plugins_url( 'assets/checkout.css', PAY_BRIDGE_FILE ), array(), PAY_BRIDGE_VERSION );
		add_filter( 'script_loader_tag', array( Checkout::class, 'filter_script_loader_tag' ), 10, 2 );
	}

	/** The region the script speaks in. `known` is the state the page above was made with. */
	public static function action_wp_footer(): void {
		$keys = Settings::keys();
		$data = array(
			'payment' => Request::query( 'pay_bridge' ),
			'status'  => $keys->url . '/s/' . rawurlencode( Request::query( 'pay_bridge_status' ) ),
			'known'   => self::known(),
			'say'     => array(
				'checking' => __( 'We are checking the result. Please do not pay again.', 'pay-bridge' ),
				'close'    => __( 'You may close this window.', 'pay-bridge' ),
			),
		);
		printf( '<p id="pay-bridge-result" class="pay-bridge-status" role="status" aria-live="polite" data-pay-bridge="%s"></p>', esc_attr( (string) wp_json_encode( $data, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES ) ) );
	}

	private static function known(): string {
		return self::$shown[ Request::query( 'pay_bridge' ) ];
	}
}
