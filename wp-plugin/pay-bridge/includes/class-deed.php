<?php
/**
 * What a clerk does besides refunding: forms, their checks, and what came of it.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/** One press of one button: bound to its subject by a nonce, and to one wish by a key, so that two clicks are one deed. */
final class Deed {

	const KEEP_SECONDS = DAY_IN_SECONDS;
	const NO_ANSWER    = 'no_answer';

	/** Begin a form. `$subject` is what it is about, such as a payment's id. */
	public static function open_form( string $action, string $subject, array $fields = array() ): void {
		printf( '<form method="post" action="%s" data-once>', esc_url( admin_url( 'admin-post.php' ) ) );
		$own = array(
			'action'  => $action,
			'subject' => $subject,
			'key'     => Client::idempotency_key(),
		);
		foreach ( $own + $fields as $name => $value ) {
			printf( '<input type="hidden" name="%s" value="%s">', esc_attr( $name ), esc_attr( (string) $value ) );
		}
		wp_nonce_field( $action . '_' . $subject, '_wpnonce', false );
	}

	/** End a form with its button; in a dialog `$leave` is the address of the page without it. */
	public static function close_form( string $button, string $leave = '' ): void {
		printf( '<p class="pay-bridge-buttons"><button type="submit" class="button button-primary">%s</button>', esc_html( $button ) );
		if ( '' !== $leave ) {
			printf( ' <a class="button" data-close href="%s">%s</a>', esc_url( $leave ), esc_html__( 'Not now', 'pay-bridge' ) );
		}
		echo '</p>';
		printf( '<p role="status" data-busy="%s"></p></form>', esc_attr__( 'Asking the gateway…', 'pay-bridge' ) );
	}

	/** Authority, then intent; gives the bridge's client, or stops with a sentence. */
	public static function check( string $action, string $subject ): Client {
		if ( ! current_user_can( Capabilities::SERVE ) ) {
			Admin::refuse( __( 'You may not do this.', 'pay-bridge' ), 403 );
		}
		if ( '' === $subject || false === wp_verify_nonce( Request::post( '_wpnonce' ), $action . '_' . $subject ) ) {
			Admin::refuse( __( 'This form is too old. Please open it again.', 'pay-bridge' ), 403 );
		}
		if ( ! self::is_key( Request::post( 'key' ) ) ) {
			Admin::refuse( __( 'This form is too old. Please open it again.', 'pay-bridge' ), 400 );
		}
		$client = Client::of_site();
		if ( null === $client ) {
			Admin::refuse( Payments_Page::why_not_paired(), 503 );
		}
		return $client;
	}

	/** The state of an answer, no_answer, or the code of a refusal. */
	public static function state( Answer $answer ): string {
		if ( $answer->is_unknown() ) {
			return self::NO_ANSWER;
		}
		return $answer->ok() && is_string( $answer->body['state'] ?? null ) ? $answer->body['state'] : $answer->code();
	}

	/** The gateway's own words, if it said any; else the bridge's. */
	public static function said( Answer $answer ): string {
		foreach ( array( 'gateway_message', 'message' ) as $name ) {
			if ( is_string( $answer->body[ $name ] ?? null ) && '' !== $answer->body[ $name ] ) {
				return $answer->body[ $name ];
			}
		}
		return $answer->ok() ? '' : $answer->message();
	}

	/** Whether a text may be the key of a form. */
	public static function is_key( string $key ): bool {
		return 1 === preg_match( '/\A[0-9a-f]{32}\z/', $key );
	}

	/**
	 * Keep what came of it for the person who asked, and show the page again; a payment that came of it is linked to.
	 *
	 * @param array<string,string> $about What else a page is to know of it when it is shown.
	 */
	public static function finish( string $subject, string $url, string $kind, string $words, string $payment_id = '', array $about = array() ): void {
		$key = Request::post( 'key' );
		set_transient( 'pay_bridge_deed_' . $key, array( get_current_user_id(), $subject, $kind, $words, $payment_id, time(), $about ), self::KEEP_SECONDS );
		wp_safe_redirect( add_query_arg( 'deed', $key, $url ) );
		exit;
	}

	/** What the last deed was about, if it was this person's; empty if there is none. */
	public static function subject(): string {
		$kept = self::kept();
		return null === $kept ? '' : $kept[1];
	}

	/**
	 * What came of the last deed, if it was this person's and about this.
	 *
	 * @return array{kind:string,words:string,payment:string,at:int,about:array<string,string>}|null The id of the payment that came of it, or empty; `at` in unix seconds.
	 */
	public static function result( string $subject ): ?array {
		$kept = self::kept();
		return null === $kept || $subject !== $kept[1] ? null : array(
			'kind'    => $kept[2],
			'words'   => $kept[3],
			'payment' => Snapshots::is_id( $kept[4] ?? '' ) ? $kept[4] : '',
			'at'      => (int) ( $kept[5] ?? 0 ),
			'about'   => is_array( $kept[6] ?? null ) ? $kept[6] : array(),
		);
	}

	/**
	 * Say what came of the last deed, if it was this person's and about this.
	 *
	 * @param callable|null $retell Given the id of a payment that was still under way, says how it stands now; null if nobody knows.
	 */
	public static function render_result( string $subject, ?callable $retell = null ): void {
		$told = self::result( $subject );
		if ( null === $told ) {
			return;
		}
		$is_open = '' !== $told['payment'] && in_array( $told['kind'], array( 'info', 'warning' ), true );
		$now     = $is_open && null !== $retell ? $retell( $told['payment'] ) : null;
		list( $kind, $words ) = null === $now ? array( $told['kind'], $told['words'] ) : $now;
		printf( '<div id="pay-bridge-deed-result" class="notice notice-%s inline" role="status"><p>%s</p>', esc_attr( $kind ), esc_html( $words ) );
		if ( '' !== $told['payment'] ) {
			printf( '<p><a href="%s">%s</a>', esc_url( Admin::payment_url( $told['payment'] ) ), esc_html__( 'See the payment', 'pay-bridge' ) );
			if ( 'info' === $kind ) {
				printf( ' · <a href="%s">%s</a>', esc_url( Request::here( array() ) ), esc_html__( 'Look again', 'pay-bridge' ) );
			}
			echo '</p>';
		}
		echo '</div>';
	}

	private static function kept(): ?array {
		$key  = Request::query( 'deed' );
		$kept = self::is_key( $key ) ? get_transient( 'pay_bridge_deed_' . $key ) : null;
		return is_array( $kept ) && get_current_user_id() === $kept[0] ? $kept : null;
	}

	/** What to say where no answer came: the same sentence for whatever was asked. */
	public static function unanswered(): string {
		return __( 'The payment service did not answer, so the outcome is not known yet. Look at the list first, and ask again only if nothing has changed there.', 'pay-bridge' );
	}
}
