<?php
/**
 * The gateway's window in which a card or phone is registered.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/**
 * Offers the gateways that can register, and opens the window of the one that is chosen: by leading the browser there,
 * which needs no script. A card is charged nothing by it; a phone is charged at once, for an order.
 */
final class Key_Window {

	/** The bridge's services, by what they register. */
	const SERVICES = array(
		'card'  => 'card_keys',
		'phone' => 'phone_keys',
	);

	/** So many windows a customer may have opened within an hour; each is a row in the bridge's books. */
	const WINDOWS_MAX     = 10;
	const WINDOWS_SECONDS = HOUR_IN_SECONDS;

	/** So many pages of a customer's list are read: more rows than WINDOWS_MAX can make in a week. */
	const PAGES_MAX = 20;

	/**
	 * The gateways that register a card, or a phone for that amount.
	 *
	 * @return array<string,string> Titles by the gateway's name.
	 */
	public static function gateways( Client $client, string $method, int $amount = 0 ): array {
		$able = array();
		foreach ( Services::gateways( $client, self::SERVICES[ $method ] ) as $name => $gateway ) {
			if ( 'phone' !== $method || $amount >= $gateway['minimum'] ) {
				$able[ $name ] = $gateway['title'];
			}
		}
		return $able;
	}

	/** All cards and phones of a customer, newest first, whose `items` are arrays; the bridge's own answer where a page of them could not be had. */
	public static function listed( Client $client, string $customer ): Answer {
		$items  = array();
		$cursor = '';
		for ( $page = 0; $page < self::PAGES_MAX && ( 0 === $page || '' !== $cursor ); $page++ ) {
			$answer = $client->get( '/v1/billing-keys', array( 'customer' => $customer ) + ( '' === $cursor ? array() : array( 'cursor' => $cursor ) ) );
			if ( ! $answer->ok() ) {
				return $answer;
			}
			$items  = array_merge( $items, array_values( $answer->items() ) );
			$cursor = $answer->next_cursor();
		}
		return new Answer( 200, array( 'items' => $items ) );
	}

	/** What registering means, and one button; other gateways' are folded beneath it. The form around them is the caller's. */
	public static function render_buttons( string $method, array $gateways, int $amount = 0 ): void {
		/* translators: %s: an amount such as 12,000 KRW */
		$words = 'phone' === $method ? sprintf( __( 'Register a phone and pay %s', 'pay-bridge' ), Words::krw( $amount ) ) : __( 'Register a card', 'pay-bridge' );
		$first = (string) array_key_first( $gateways );
		printf( '<p>%s</p><p class="pay-bridge-buttons">', esc_html( self::meaning( $method, $amount ) ) );
		self::render_button( $method . ':' . $first, $words );
		echo '</p>';
		unset( $gateways[ $first ] );
		if ( ! $gateways ) {
			return;
		}
		printf( '<details><summary>%s</summary><p class="pay-bridge-buttons">', esc_html__( 'Register with another payment company…', 'pay-bridge' ) );
		foreach ( $gateways as $name => $title ) {
			self::render_button( $method . ':' . $name, $words . ' (' . $title . ')' );
		}
		echo '</p></details>';
	}

	private static function render_button( string $choice, string $words ): void {
		printf( '<button type="submit" name="choice" value="%s" class="pay-bridge-button button wp-element-button">%s</button> ', esc_attr( $choice ), esc_html( $words ) );
	}

	private static function meaning( string $method, int $amount ): string {
		return 'phone' === $method
			/* translators: %s: an amount such as 12,000 KRW */
			? sprintf( __( 'The gateway opens its window and asks for the phone. Registering it charges %s at once; the shop may charge the same amount again each month.', 'pay-bridge' ), Words::krw( $amount ) )
			: __( 'A page of the gateway or of the payment service asks for the card. Its full number never comes to this shop, and nothing is charged now.', 'pay-bridge' );
	}

	/**
	 * A choice as a button sent it: method and gateway.
	 *
	 * @return array{method:string,gateway:string}|null
	 */
	public static function chosen(): ?array {
		$fits = 1 === preg_match( '/\A(card|phone):([A-Za-z]{1,32})\z/', Request::post( 'choice' ), $found );
		return $fits ? array(
			'method'  => $found[1],
			'gateway' => $found[2],
		) : null;
	}

	/**
	 * Open the window and lead the browser there; gives the reason why not.
	 *
	 * @param Client $client   The bridge.
	 * @param string $customer Whose card or phone it will be.
	 * @param array  $wish     The choice, `title`, `actor`, `result_url`, of a phone the `order` that it pays, and the
	 *                         `invitation` that it is by, if any.
	 * @param string $key      The form's key: the same choice pressed twice is one window.
	 */
	public static function open( Client $client, string $customer, array $wish, string $key ): string {
		$listed = self::listed( $client, $customer );
		if ( ! $listed->ok() ) {
			return self::not_opened( $listed->message() );
		}
		if ( self::opened_lately( $listed ) >= self::WINDOWS_MAX ) {
			return self::not_opened( __( 'It was tried too often. Please try again in an hour.', 'pay-bridge' ) );
		}
		$choice = $wish['method'] . ':' . $wish['gateway'];
		$body   = $wish + array(
			'customer' => $customer,
			'buyer'    => Customer::buyer( $customer ),
			'device'   => Checkout::device(),
			'locale'   => substr( determine_locale(), 0, 10 ),
		);
		$answer = $client->post( '/v1/billing-keys', $body, substr( $key, 0, 8 ) . substr( hash( 'sha256', $key . $choice ), 0, 24 ) );
		if ( ! $answer->ok() ) {
			return self::not_opened( Deed::said( $answer ) );
		}
		$id = (string) ( $answer->body['id'] ?? '' );
		Caches::bar();
		$url = is_string( $answer->body['window_url'] ?? null ) ? esc_url_raw( $answer->body['window_url'], array( 'https', 'http' ) ) : '';
		if ( '' === $url ) { // Pressed again on a page from before: its window is over, and what came of it is told.
			wp_safe_redirect( add_query_arg( 'pay_bridge_key', rawurlencode( $id ), $wish['result_url'] ), 303 );
			exit;
		}
		wp_redirect( $url, 303 ); // phpcs:ignore WordPress.Security.SafeRedirect -- the window is the bridge's or the gateway's, on another host.
		exit;
	}

	/** What is sure where no window opened, and what was said of it. */
	private static function not_opened( string $said ): string {
		return __( 'The window could not be opened. Nothing was registered and nothing was charged; please try again.', 'pay-bridge' ) . "\n" . $said;
	}

	private static function opened_lately( Answer $listed ): int {
		$since = Clock::now() - self::WINDOWS_SECONDS;
		$count = 0;
		foreach ( $listed->body['items'] as $key ) {
			$count += (int) Clock::read( (string) ( $key['created_at'] ?? '' ) ) > $since ? 1 : 0;
		}
		return $count;
	}
}
