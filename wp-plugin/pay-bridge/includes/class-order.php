<?php
/**
 * An order of the shop, as the theme hands it over.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Asks the theme for an order and checks the answer's form. Prices are the theme's; none is computed here. */
final class Order {

	const METHODS    = array( 'card', 'account', 'virtual_account', 'phone', 'gift', 'kakaopay', 'naverpay', 'payco', 'smilepay', 'applepay', 'wechat' );
	const AMOUNT_MAX = 9999999999;

	/** What the bridge takes at most; a name or title that is longer is cut rather than making the sale impossible. */
	const CHARACTERS = array(
		'id'    => 100,
		'name'  => 100,
		'email' => 254,
		'phone' => 20,
		'title' => 200,
	);

	/** @var array Everything the theme said, with the types the contract wants. */
	private $data;

	private function __construct( array $data ) {
		$this->data = $data;
	}

	/**
	 * The order a person may see, or the site itself for its own purposes.
	 *
	 * @param string $ref     The order's reference; may be empty where the theme knows the order from its session.
	 * @param string $purpose checkout, cancel, news or result.
	 * @param int    $user_id Who asks; 0 for a visitor, and for news, where the bridge asks.
	 */
	public static function find( string $ref, string $purpose, int $user_id ): ?self {
		$request = array(
			'order'   => $ref,
			'purpose' => $purpose,
		);
		/**
		 * Hands over an order: ref, version, title, amount, tax_free, items, buyer, owner, result_url, retry_url,
		 * hold_expires_at, show_at, state. Return null where the person may not see it.
		 */
		$data = apply_filters( 'pay_bridge_order', null, $request, $user_id );
		if ( null === $data && 'news' === $purpose && '' !== $ref ) {
			$data = Own_Orders::find( $ref );
		}
		if ( ! is_array( $data ) || ! self::fits( $data ) || ( '' !== $ref && (string) $data['ref'] !== $ref ) ) {
			return null;
		}
		return new self( $data );
	}

	/** The same, and the person is its owner; an order of a guest belongs to whoever knows its unguessable reference. */
	public static function of_buyer( string $ref, string $purpose, int $user_id ): ?self {
		$order = self::find( $ref, $purpose, $user_id );
		return null !== $order && in_array( $order->owner(), array( 0, $user_id ), true ) ? $order : null;
	}

	public function ref(): string {
		return (string) $this->data['ref'];
	}

	public function title(): string {
		return (string) $this->data['title'];
	}

	/** KRW. */
	public function amount(): int {
		return (int) $this->data['amount'];
	}

	/** WordPress user id; 0 for a guest. */
	public function owner(): int {
		return (int) ( $this->data['owner'] ?? 0 );
	}

	public function result_url(): string {
		return (string) $this->data['result_url'];
	}

	/** What the theme said, for its own filters. */
	public function data(): array {
		return $this->data;
	}

	/** Unix time at which the seats are let go; null if never. */
	public function hold_expires_at(): ?int {
		return isset( $this->data['hold_expires_at'] ) ? (int) $this->data['hold_expires_at'] : null;
	}

	public function show_has_begun( int $now ): bool {
		return isset( $this->data['show_at'] ) && $now >= (int) $this->data['show_at'];
	}

	/** Why it cannot be paid now: paid, closed or hold_expired; empty if it can. */
	public function obstacle( int $now ): string {
		$state = (string) ( $this->data['state'] ?? 'open' );
		if ( 'open' !== $state ) {
			return 'paid' === $state ? 'order_paid' : 'order_closed';
		}
		return null !== $this->hold_expires_at() && $this->hold_expires_at() <= $now ? 'hold_expired' : '';
	}

	/**
	 * Seal it for the buyer's browser.
	 *
	 * @param Keys   $keys   Whose order.
	 * @param int    $now    Unix time in the bridge's clock.
	 * @param string $method The payment method chosen, or empty.
	 * @return array{token:string,expires_at:int,id:string}
	 */
	public function seal( Keys $keys, int $now, string $method = '' ): array {
		$hold    = $this->hold_expires_at();
		$expires = $now + Order_Token::LIFETIME_SECONDS;
		$payload = array(
			'order' => $this->for_bridge(),
			'iat'   => $now,
			'exp'   => null === $hold ? $expires : min( $hold, $expires ),
			'jti'   => bin2hex( random_bytes( 16 ) ),
		);
		if ( in_array( $method, self::METHODS, true ) ) {
			$payload['method'] = $method;
		}
		return array(
			'token'      => Order_Token::seal( $payload, $keys ),
			'expires_at' => $payload['exp'],
			'id'         => $payload['jti'],
		);
	}

	/** The order in the bridge's words. */
	public function for_bridge(): array {
		$data  = $this->data;
		$buyer = array();
		foreach ( array( 'id', 'name', 'email', 'phone' ) as $name ) {
			$value = trim( (string) ( $data['buyer'][ $name ] ?? '' ) );
			if ( '' !== $value ) {
				$buyer[ $name ] = mb_substr( 'phone' === $name ? self::phone( $value ) : $value, 0, self::CHARACTERS[ $name ] );
			}
		}
		$order = array(
			'ref'        => (string) $data['ref'],
			'version'    => (int) $data['version'],
			'title'      => mb_substr( (string) $data['title'], 0, self::CHARACTERS['title'] ),
			'amount'     => (int) $data['amount'],
			'buyer'      => $buyer + array( 'name' => __( 'Buyer', 'pay-bridge' ) ),
			'result_url' => (string) $data['result_url'],
			'locale'     => determine_locale(),
		);
		if ( isset( $data['tax_free'] ) ) {
			$order['tax_free'] = (int) $data['tax_free'];
		}
		if ( ! empty( $data['items'] ) ) {
			$order['items'] = array_map( array( self::class, 'item' ), array_values( $data['items'] ) );
		}
		if ( ! empty( $data['retry_url'] ) ) {
			$order['retry_url'] = (string) $data['retry_url'];
		}
		foreach ( array( 'hold_expires_at', 'show_at' ) as $name ) {
			if ( isset( $data[ $name ] ) ) {
				$order[ $name ] = Clock::write( (int) $data[ $name ] );
			}
		}
		return $order;
	}

	private static function item( array $item ): array {
		$clean = array(
			'ref'    => (string) $item['ref'],
			'title'  => mb_substr( (string) $item['title'], 0, self::CHARACTERS['title'] ),
			'amount' => (int) $item['amount'],
		);
		return isset( $item['tax_free'] ) ? $clean + array( 'tax_free' => (int) $item['tax_free'] ) : $clean;
	}

	/** A Korean phone number without its hyphens, so that it is found however it is typed; any other text as it is. */
	public static function phone( string $text ): string {
		return 1 === preg_match( '/\A0\d{1,2}[- ]?\d{3,4}[- ]?\d{4}\z/', $text ) ? (string) preg_replace( '/\D/', '', $text ) : $text;
	}

	/** Read an amount a browser sent: ASCII digits only, no sign, no point, no leading zero; null for anything else. */
	public static function amount_of( string $text ): ?int {
		return 1 === preg_match( '/\A[1-9][0-9]{0,9}\z/', $text ) ? (int) $text : null;
	}

	private static function fits( array $data ): bool {
		foreach ( array( 'ref', 'title', 'result_url' ) as $name ) {
			if ( ! isset( $data[ $name ] ) || ! is_string( $data[ $name ] ) || '' === $data[ $name ] ) {
				return false;
			}
		}
		return isset( $data['version'], $data['amount'] ) && is_int( $data['version'] ) && is_int( $data['amount'] )
			&& $data['amount'] >= 1 && $data['amount'] <= self::AMOUNT_MAX
			&& is_array( $data['buyer'] ?? null ) && self::items_fit( $data['items'] ?? array() )
			&& self::at_home( $data['result_url'] ) && self::at_home( (string) ( $data['retry_url'] ?? $data['result_url'] ) );
	}

	/** @param mixed $items What the theme gave. */
	private static function items_fit( $items ): bool {
		if ( ! is_array( $items ) ) {
			return false;
		}
		foreach ( $items as $item ) {
			if ( ! is_array( $item ) || ! isset( $item['ref'], $item['title'], $item['amount'] ) || ! is_int( $item['amount'] ) ) {
				return false;
			}
		}
		return true;
	}

	/** Buyers are sent back to this site only. */
	private static function at_home( string $url ): bool {
		return Settings::origin( $url ) === Settings::origin( home_url() );
	}
}
