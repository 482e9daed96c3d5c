<?php
/**
 * A buyer's own word on an escrow (에스크로): 구매 확정, 구매 거절.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/**
 * What pay_bridge_escrow() prints on an order's page: how its escrow stands, and the buyer's two buttons. Only for the
 * signed-in user whose order it is: who merely knows an order's reference may read it, and decides nothing.
 */
final class Buyer_Escrow {

	const ACTION = 'pay_bridge_buyer_escrow';

	/** Asked for where the gateway has not answered to the buyer's word. */
	const STATUS = 'status';

	/** So often a page whose decision has no answer yet looks by itself; without scripts after so many seconds each time. */
	const LOOKS_MAX       = 20;
	const REFRESH_SECONDS = 10;
	const LOOKS           = 'pay_bridge_escrow_looks';

	/** Where on the page it stands. */
	const HERE = '#pay-bridge-escrow';

	/** So long what came of a press is told: who opens its address later reads how it stands, and nothing old. */
	const TOLD_SECONDS = 10 * MINUTE_IN_SECONDS;

	/** What a word, or one without an answer, would have it come to. */
	const MEANT = array(
		'confirm'    => 'confirmed',
		'confirming' => 'confirmed',
		'deny'       => 'denied',
		'denying'    => 'denied',
	);

	/** Of an order of the user's own, whose payment is in escrow; nothing for any other. */
	public static function render( string $order_ref ): void {
		$known = self::own( $order_ref );
		if ( null === $known || empty( $known['in_escrow'] ) ) {
			return;
		}
		Caches::bar_page();
		wp_enqueue_style( 'pay-bridge', plugins_url( 'assets/checkout.css', PAY_BRIDGE_FILE ), array(), PAY_BRIDGE_VERSION );
		$client  = Client::of_site();
		$payment = null === $client ? null : Reconciliation::pull( $client, $known['id'] );
		if ( null !== $payment && ! is_array( $payment['escrow'] ?? null ) ) {
			return;
		}
		$waits = null !== $payment && in_array( Escrow::buyer( $payment ), Escrow::UNHEARD, true );
		printf( '<section class="pay-bridge-keys pay-bridge-escrow" id="pay-bridge-escrow" data-looks="%2$d" aria-label="%1$s"><h2>%1$s</h2>', esc_attr__( 'Escrow', 'pay-bridge' ), absint( $waits ? self::LOOKS_MAX : 0 ) );
		if ( $waits ) {
			self::look_again();
		}
		$told = self::told_lately( $known['id'], $payment );
		if ( null !== $told ) {
			printf( '<div class="pay-bridge-notice" data-kind="%s" role="status"><p class="pay-bridge-status">%s</p></div>', esc_attr( $told['kind'] ), esc_html( $told['words'] ) );
		}
		if ( null === $payment ) {
			printf( '<p>%s</p>', esc_html__( 'This payment is protected by an escrow. How it stands cannot be shown at the moment: please open this page again in a few minutes.', 'pay-bridge' ) );
		} else {
			self::render_stand( $order_ref, $payment, null !== $told && 'error' === $told['kind'] ? $told['about']['step'] ?? '' : '' );
		}
		echo '</section>';
	}

	/** The page looks for the answer by itself, so many times: by a script, or without one by being loaded again. */
	private static function look_again(): void {
		wp_enqueue_script( 'pay-bridge-escrow', plugins_url( 'assets/escrow.js', PAY_BRIDGE_FILE ), array(), PAY_BRIDGE_VERSION, true );
		add_filter( 'script_loader_tag', array( Checkout::class, 'filter_script_loader_tag' ), 10, 2 );
		$looks = absint( Request::query( self::LOOKS ) );
		if ( $looks < self::LOOKS_MAX ) {
			$again = add_query_arg( self::LOOKS, $looks + 1, Request::here( array( 'deed', self::LOOKS ) ) ) . self::HERE;
			printf( '<noscript><meta http-equiv="refresh" content="%s"></noscript>', esc_attr( self::REFRESH_SECONDS . ';url=' . $again ) );
		}
	}

	/** What came of the buyer's last press, while that is new and the purchase stands as it did then. */
	private static function told_lately( string $payment_id, ?array $payment ): ?array {
		$told = Deed::result( $payment_id );
		if ( null === $told || time() - $told['at'] > self::TOLD_SECONDS ) {
			return null;
		}
		$then  = $told['about']['stands'] ?? '';
		$stays = '' === $then || null === $payment || Escrow::buyer( $payment ) === $then;
		return $stays ? $told : null;
	}

	/** How it stands and what may be done; what was just tried in vain is open, to be tried again. */
	private static function render_stand( string $order_ref, array $payment, string $tried ): void {
		$buyer = Escrow::buyer( $payment );
		$waits = in_array( $buyer, Escrow::UNHEARD, true );
		printf( '<p data-escrow="%s" aria-live="%s">%s</p><div data-steps>', esc_attr( $buyer ), esc_attr( $waits ? 'polite' : 'off' ), esc_html( self::stand( $buyer ) ) );
		$steps = self::steps( $payment );
		if ( ! $steps && 'kept' === $buyer && is_string( $payment['escrow']['why'] ?? null ) ) {
			printf( '<p><strong>%s</strong></p>', esc_html( $payment['escrow']['why'] ) );
		}
		foreach ( $steps as $step => $fields ) {
			if ( self::STATUS === $step ) {
				self::open_form( $order_ref, $payment['id'], $step );
				self::close_form( __( 'Look what became of it', 'pay-bridge' ) );
			} else {
				$words = self::words( $step );
				/* translators: %s: what was tried before, such as "Confirm the purchase…" */
				$opens = $step === $tried ? sprintf( __( 'Try again: %s', 'pay-bridge' ), $words[0] ) : $words[0];
				printf( '<details data-step="%s"%s><summary>%s</summary>', esc_attr( $step ), esc_attr( $step === $tried ? ' open' : '' ), esc_html( $opens ) );
				self::open_form( $order_ref, $payment['id'], $step );
				printf( '<p><strong>%s</strong></p>', esc_html( $words[2] ) );
				Escrow::render_fields( self::asked_for( $fields ) );
				self::close_form( $words[1] );
				echo '</details>';
			}
		}
		echo '</div>';
	}

	/** How it stands, for the buyer. */
	private static function stand( string $buyer ): string {
		$unheard = __( 'Your decision was passed on and the gateway has not answered yet. Do not send it again: this page changes by itself when there is an answer. If it does not, look in a minute what became of it.', 'pay-bridge' );
		$words   = array(
			'confirming' => $unheard,
			'denying'    => $unheard,
			'confirmed'  => __( 'You have confirmed the purchase, and the shop receives the money. If something is wrong after all, please ask the shop.', 'pay-bridge' ),
			'denied'     => __( 'You have refused the purchase. The shop confirms that at the gateway, and then the money goes back. If you hear nothing, please ask the shop.', 'pay-bridge' ),
		);
		return $words[ $buyer ] ?? __( 'The gateway keeps your money until you have received what you bought. Then confirm the purchase, or refuse it if something is wrong. After some days the gateway may count it as confirmed by itself.', 'pay-bridge' );
	}

	/** What the buyer may do now: decide; or, while a decision has no answer, look what became of it. */
	private static function steps( array $payment ): array {
		$steps   = Escrow::steps( $payment );
		$is_open = in_array( Escrow::buyer( $payment ), Escrow::UNHEARD, true );
		return array_intersect_key( $steps, array_flip( $is_open ? array( self::STATUS ) : Escrow::BUYERS ) );
	}

	/** Who decides is known: it is not asked for. */
	private static function asked_for( array $fields ): array {
		return array_filter(
			$fields,
			static function ( array $field ): bool {
				return ! $field['is_buyer'];
			}
		);
	}

	private static function open_form( string $order_ref, string $payment_id, string $step ): void {
		$back = Request::here( array( 'deed', self::LOOKS ) );
		printf( '<form method="post" action="%s">', esc_url( admin_url( 'admin-post.php' ) ) );
		$fields = array(
			'action'   => self::ACTION,
			'order'    => $order_ref,
			'subject'  => $payment_id,
			'step'     => $step,
			'back'     => $back,
			'key'      => Client::idempotency_key(),
			'_wpnonce' => wp_create_nonce( self::intent( $order_ref, $payment_id, $step, $back ) ),
		);
		foreach ( $fields as $name => $value ) {
			printf( '<input type="hidden" name="%s" value="%s">', esc_attr( $name ), esc_attr( $value ) );
		}
	}

	private static function close_form( string $button ): void {
		printf( '<p><button type="submit" class="pay-bridge-button button wp-element-button">%s</button></p></form>', esc_html( $button ) );
	}

	/** What a form's nonce vouches for: this user, this payment, this step, and a way back that we wrote. */
	private static function intent( string $order_ref, string $payment_id, string $step, string $back ): string {
		return implode( '|', array( self::ACTION, $order_ref, $payment_id, $step, $back ) );
	}

	/** The payment of an order of the user's own that holds money, as it was last told; null if there is none. */
	private static function own( string $order_ref ): ?array {
		$user_id = get_current_user_id();
		$order   = 0 === $user_id || '' === $order_ref ? null : Order::find( $order_ref, 'result', $user_id );
		$known   = null === $order || $order->owner() !== $user_id ? null : Payments::snapshot_of_order( $order_ref );
		return null !== $known && in_array( $known['state'], Payments::HOLDING, true ) ? $known : null;
	}

	/** Authority, then intent, then act; and show the page again. Two presses are one: they have one key, and say the same. */
	public static function action_submit(): void {
		$order_ref  = Request::post( 'order' );
		$payment_id = Request::post( 'subject' );
		$step       = Request::post( 'step' );
		$back       = Request::posted_url( 'back' );
		$known      = self::own( $order_ref );
		if ( null === $known || $known['id'] !== $payment_id ) {
			Admin::refuse( __( 'This order cannot be found.', 'pay-bridge' ), 403 );
		}
		$meant = false !== wp_verify_nonce( Request::post( '_wpnonce' ), self::intent( $order_ref, $payment_id, $step, $back ) );
		if ( ! $meant || ! Deed::is_key( Request::post( 'key' ) ) ) {
			Admin::refuse( __( 'This form is too old. Please open it again.', 'pay-bridge' ), 403 );
		}
		$client  = Client::of_site();
		$payment = null === $client ? null : Reconciliation::pull( $client, $payment_id );
		if ( null === $payment ) {
			Deed::finish( $payment_id, $back . self::HERE, 'error', __( 'The payment service did not answer, and nothing was sent. Please try again in a few minutes.', 'pay-bridge' ) );
		}
		$fields = self::steps( $payment )[ $step ] ?? null;
		if ( null === $fields ) { // Pressed before, or decided elsewhere meanwhile: the page says how it stands.
			$about = array( 'stands' => Escrow::buyer( $payment ) );
			Deed::finish( $payment_id, $back . self::HERE, 'info', __( 'Nothing was sent: below is how it stands now.', 'pay-bridge' ), '', $about );
		}
		$body   = array(
			'step'   => $step,
			'actor'  => 'buyer',
			'fields' => (object) self::typed( $fields, $order_ref ),
		);
		$answer = $client->post( '/v1/payments/' . rawurlencode( $payment_id ) . '/escrow', $body, Request::post( 'key' ) );
		$meant  = self::MEANT[ self::STATUS === $step ? Escrow::buyer( $payment ) : $step ] ?? '';
		$now    = Reconciliation::pull( $client, $payment_id );
		list( $kind, $words ) = self::told( $meant, self::STATUS === $step, $answer, $now );
		$about = array(
			'step'   => $step,
			'stands' => Escrow::buyer( $now ?? $payment ),
		);
		Deed::finish( $payment_id, $back . self::HERE, $kind, $words, '', $about );
	}

	/** What was typed, and who decides. */
	private static function typed( array $fields, string $order_ref ): array {
		$typed = Escrow::typed( self::asked_for( $fields ) );
		$order = Order::find( $order_ref, 'result', get_current_user_id() );
		$name  = null === $order ? '' : trim( (string) ( $order->data()['buyer']['name'] ?? '' ) );
		foreach ( $fields as $field ) {
			if ( $field['is_buyer'] ) {
				$typed[ $field['name'] ] = mb_substr( '' === $name ? wp_get_current_user()->display_name : $name, 0, Escrow::CHARACTERS );
			}
		}
		return $typed;
	}

	/**
	 * What came of it: how the payment stands afterwards decides, for an answer may be lost.
	 *
	 * @param string     $meant   What it should come to.
	 * @param bool       $is_look Whether only the state was asked for.
	 * @param Answer     $answer  The bridge's.
	 * @param array|null $now     The payment; null where the bridge did not say.
	 * @return array{0:string,1:string} Kind and words.
	 */
	private static function told( string $meant, bool $is_look, Answer $answer, ?array $now ): array {
		$buyer = null === $now ? '' : Escrow::buyer( $now );
		if ( in_array( $buyer, self::MEANT, true ) && $buyer !== $meant ) {
			return array( 'info', __( 'The purchase had been decided otherwise, so your decision was not taken: below is how it stands.', 'pay-bridge' ) );
		}
		if ( '' !== $meant && $buyer === $meant ) {
			return array( 'success', __( 'Your decision has reached the gateway.', 'pay-bridge' ) );
		}
		if ( null === $now || $answer->is_unknown() || in_array( $buyer, Escrow::UNHEARD, true ) ) {
			return array( 'info', __( 'The gateway has not answered yet, so it is not known what became of your decision.', 'pay-bridge' ) );
		}
		if ( $is_look && $answer->ok() ) {
			return array( 'info', __( 'Your decision did not reach the gateway. Please decide again.', 'pay-bridge' ) );
		}
		if ( ! $answer->ok() && 'gateway_unavailable' !== $answer->code() ) { // The bridge's own no: a refund is under way, it is busy.
			return array( 'error', __( 'Nothing was sent to the gateway.', 'pay-bridge' ) . "\n" . $answer->message() );
		}
		$said   = is_string( $answer->body['gateway_message'] ?? null ) ? $answer->body['gateway_message'] : '';
		$advice = __( 'If the shop has not sent what you bought yet, try again once you have it; if it still fails, please ask the shop.', 'pay-bridge' );
		return array( 'error', __( 'The gateway did not take your decision.', 'pay-bridge' ) . ( '' === $said ? '' : ' “' . $said . '”' ) . "\n" . $advice );
	}

	/** What opens a step, its button, and what cannot be undone. */
	private static function words( string $step ): array {
		$words = array(
			'confirm' => array(
				__( 'Confirm the purchase…', 'pay-bridge' ),
				__( 'Confirm the purchase', 'pay-bridge' ),
				__( 'This cannot be taken back. The gateway then pays your money to the shop, and a refund is only possible through the shop.', 'pay-bridge' ),
			),
			'deny'    => array(
				__( 'Refuse the purchase…', 'pay-bridge' ),
				__( 'Refuse the purchase', 'pay-bridge' ),
				__( 'This cannot be taken back. The money does not come back at once: the shop first confirms your refusal at the gateway.', 'pay-bridge' ),
			),
		);
		return $words[ $step ];
	}
}
