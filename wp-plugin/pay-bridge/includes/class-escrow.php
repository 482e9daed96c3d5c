<?php
/**
 * wp-admin: a payment in escrow (에스크로).
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** Asks for an escrow's state, reports a delivery and passes on what the buyer said, with the fields that the gateway names. None of them is kept here. */
final class Escrow {

	const ACTION     = 'pay_bridge_escrow';
	const CHARACTERS = 100;

	/** What only the buyer decides, and nobody takes back: asked in a dialog. */
	const BUYERS = array( 'confirm', 'deny' );

	/** What the bridge calls the buyer's word while the gateway has not answered to it. */
	const UNHEARD = array( 'confirming', 'denying' );

	/** In the page's address: the dialog that is open, for those without a script. */
	const ASKS = 'escrow';

	/** The steps that the shop may take; nothing for a payment that is in no escrow. */
	public static function render( array $payment ): void {
		$steps = self::steps( $payment );
		if ( ! $steps ) {
			return;
		}
		printf( '<h2>%s</h2>', esc_html__( 'Escrow', 'pay-bridge' ) );
		printf( '<p data-escrow="%s">%s</p>', esc_attr( self::buyer( $payment ) ), esc_html( self::stand( $payment ) ) );
		if ( ! current_user_can( Capabilities::SERVE ) ) {
			printf( '<p>%s</p>', esc_html__( 'You may see this payment, but not report its delivery.', 'pay-bridge' ) );
			return;
		}
		echo '<div class="pay-bridge-deeds">';
		foreach ( $steps as $step => $fields ) {
			if ( in_array( $step, self::BUYERS, true ) ) {
				self::render_dialog( $payment['id'], $step, $fields );
			} else {
				self::render_step( $payment['id'], $step, $fields );
			}
		}
		echo '</div>';
	}

	/** What the buyer is known to have said: kept while nothing, then confirmed or denied; confirming or denying in between. */
	public static function buyer( array $payment ): string {
		return is_string( $payment['escrow']['buyer'] ?? null ) ? $payment['escrow']['buyer'] : '';
	}

	private static function stand( array $payment ): string {
		$unheard = __( 'The buyer\'s decision was passed on and the gateway has not answered yet. Ask for the state before anything else is done.', 'pay-bridge' );
		$words   = array(
			'confirming' => $unheard,
			'denying'    => $unheard,
			'confirmed'  => __( 'The buyer has confirmed the purchase. A refund is made in the gateway\'s own console.', 'pay-bridge' ),
			'denied'     => __( 'The buyer has refused the purchase. That is confirmed in the gateway\'s own console, which may pay the money back.', 'pay-bridge' ),
		);
		return $words[ self::buyer( $payment ) ] ?? __( 'The gateway keeps this money until the buyer has received what was bought.', 'pay-bridge' );
	}

	/** The buyer's yes or no: a dialog that says what cannot be undone; without a script it is a form on the page. */
	private static function render_dialog( string $payment_id, string $step, array $fields ): void {
		$words = self::words( $step );
		$id    = 'pay-bridge-escrow-' . $step;
		$url   = Admin::payment_url( $payment_id, array( self::ASKS => $step ) ) . '#' . $id;
		printf( '<a class="button" data-opens="%s" href="%s">%s</a>', esc_attr( $id ), esc_url( $url ), esc_html( $words[0] ) );
		printf( '<dialog id="%1$s" class="pay-bridge-dialog" aria-labelledby="%1$s-title"%2$s><h2 id="%1$s-title">%3$s</h2>', esc_attr( $id ), esc_attr( Request::query( self::ASKS ) === $step ? ' open' : '' ), esc_html( $words[2] ) );
		Deed::open_form( self::ACTION, $payment_id, compact( 'step' ) );
		printf( '<p><strong>%s</strong></p>', esc_html( $words[3] ) );
		printf( '<p>%s</p>', esc_html__( 'Pass on only what the buyer has told you: in an escrow this is for nobody else to decide.', 'pay-bridge' ) );
		self::render_fields( $fields );
		Deed::close_form( $words[1], Admin::payment_url( $payment_id ) );
		echo '</dialog>';
	}

	private static function render_step( string $payment_id, string $step, array $fields ): void {
		$words = self::words( $step );
		if ( $fields ) {
			printf( '<details><summary class="button">%s</summary>', esc_html( $words[0] ) );
		}
		Deed::open_form( self::ACTION, $payment_id, array( 'step' => $step ) );
		self::render_fields( $fields );
		Deed::close_form( $words[1] );
		if ( $fields ) {
			echo '</details>';
		}
	}

	/** What a step asks for. */
	public static function render_fields( array $fields ): void {
		foreach ( $fields as $field ) {
			self::render_field( $field );
		}
	}

	private static function render_field( array $field ): void {
		$name = 'field_' . $field['name'];
		$label = 0 === strpos( determine_locale(), 'ko' ) ? $field['label_ko'] : $field['label'];
		/* translators: %s: what a field of a form is called */
		printf( '<p><label>%s<br>', esc_html( $field['needed'] ? $label : sprintf( __( '%s (optional)', 'pay-bridge' ), $label ) ) );
		$required = $field['needed'] ? ' required' : '';
		if ( ! $field['choices'] ) {
			printf( '<input type="text" name="%s"%s maxlength="%d" size="30" autocomplete="off"></label></p>', esc_attr( $name ), esc_attr( $required ), absint( self::CHARACTERS ) );
			return;
		}
		printf( '<select name="%s"%s><option value="">%s</option>', esc_attr( $name ), esc_attr( $required ), esc_html__( 'Please choose', 'pay-bridge' ) );
		foreach ( $field['choices'] as $value => $label ) {
			printf( '<option value="%s">%s</option>', esc_attr( (string) $value ), esc_html( $label ) );
		}
		echo '</select></label></p>';
	}

	/** Take the step, then show the payment again. Which steps and fields there are is read again from the bridge. */
	public static function action_submit(): void {
		$payment_id = Request::post( 'subject' );
		$client     = Deed::check( self::ACTION, $payment_id );
		if ( ! Snapshots::is_id( $payment_id ) ) {
			Admin::refuse( __( 'This form is too old. Please open it again.', 'pay-bridge' ), 403 );
		}
		$path  = '/v1/payments/' . rawurlencode( $payment_id );
		$known = $client->get( $path );
		$step  = Request::post( 'step' );
		$steps = self::steps( $known->body );
		if ( ! $known->ok() || ! isset( $steps[ $step ] ) ) {
			Admin::refuse( $known->ok() ? __( 'This is not possible for this payment any more.', 'pay-bridge' ) : $known->message(), $known->ok() ? 409 : 502 );
		}
		$body = array(
			'step'   => $step,
			'actor'  => 'wp:' . get_current_user_id(),
			'fields' => (object) self::typed( $steps[ $step ] ),
		);
		$answer = $client->post( $path . '/escrow', $body, Request::post( 'key' ) );
		Deed::finish( $payment_id, Admin::payment_url( $payment_id ), self::kind( $answer ), self::result( $answer, $step ) );
	}

	/** What was typed into the fields that there are; nothing that is needed is left out, and no choice is made up. */
	public static function typed( array $fields ): array {
		$typed = array();
		foreach ( $fields as $field ) {
			$value = mb_substr( Request::post( 'field_' . $field['name'] ), 0, self::CHARACTERS );
			if ( '' === $value && ! $field['needed'] ) {
				continue;
			}
			if ( '' === $value || ( $field['choices'] && ! isset( $field['choices'][ $value ] ) ) ) {
				/* translators: %s: what a field of a form is called */
				Admin::refuse( sprintf( __( 'Please fill in: %s', 'pay-bridge' ), 0 === strpos( determine_locale(), 'ko' ) ? $field['label_ko'] : $field['label'] ), 400 );
			}
			$typed[ $field['name'] ] = $value;
		}
		return $typed;
	}

	/** The steps of a payment with their fields, read strictly: what is misshapen is left out. */
	public static function steps( array $payment ): array {
		$steps = array();
		foreach ( is_array( $payment['escrow']['steps'] ?? null ) ? $payment['escrow']['steps'] : array() as $told ) {
			if ( ! is_array( $told ) || ! is_string( $told['step'] ?? null ) || ! self::words( $told['step'] ) ) {
				continue;
			}
			$steps[ $told['step'] ] = array();
			foreach ( is_array( $told['fields'] ?? null ) ? $told['fields'] : array() as $field ) {
				if ( is_array( $field ) && is_string( $field['name'] ?? null ) && is_string( $field['label'] ?? null ) && is_string( $field['label_ko'] ?? null ) ) {
					$field['choices'] = is_array( $field['choices'] ?? null ) ? array_filter( $field['choices'], 'is_string' ) : array();
					$field['needed']          = false !== ( $field['needed'] ?? true );
					$field['is_buyer']        = true === ( $field['is_buyer'] ?? false );
					$steps[ $told['step'] ][] = $field;
				}
			}
		}
		return $steps;
	}

	private static function kind( Answer $answer ): string {
		return $answer->ok() ? 'success' : ( $answer->is_unknown() ? 'info' : 'error' );
	}

	private static function result( Answer $answer, string $step ): string {
		if ( $answer->is_unknown() ) {
			return Deed::unanswered();
		}
		if ( ! $answer->ok() ) {
			return Deed::said( $answer );
		}
		$done = array(
			'delivery' => __( 'the delivery has been reported', 'pay-bridge' ),
			'confirm'  => __( 'the gateway has been told that the buyer confirms the purchase', 'pay-bridge' ),
			'deny'     => __( 'the gateway has been told that the buyer refuses the purchase', 'pay-bridge' ),
		);
		return __( 'Escrow', 'pay-bridge' ) . ': ' . ( $done[ $step ] ?? Deed::state( $answer ) );
	}

	/** What opens a step, its button, and of a dialog its title and what cannot be undone; empty for a step that is not known here. */
	private static function words( string $step ): array {
		$words = array(
			'status'   => array( '', __( 'Ask for its state', 'pay-bridge' ) ),
			'delivery' => array( __( 'Report the delivery…', 'pay-bridge' ), __( 'Report it', 'pay-bridge' ) ),
			'confirm'  => array(
				__( 'The buyer confirms the purchase…', 'pay-bridge' ),
				__( 'Yes, the buyer confirms it', 'pay-bridge' ),
				__( 'Pass on that the buyer confirms the purchase', 'pay-bridge' ),
				__( 'This cannot be taken back. The escrow ends and the gateway pays the money to the shop; a refund is then made in the gateway\'s own console and no longer here.', 'pay-bridge' ),
			),
			'deny'     => array(
				__( 'The buyer refuses the purchase…', 'pay-bridge' ),
				__( 'Yes, the buyer refuses it', 'pay-bridge' ),
				__( 'Pass on that the buyer refuses the purchase', 'pay-bridge' ),
				__( 'This cannot be taken back, and it refunds nothing by itself: the refusal is then confirmed in the gateway\'s own console, which may pay the money back. A refund is no longer made here.', 'pay-bridge' ),
			),
		);
		return $words[ $step ] ?? array();
	}
}
