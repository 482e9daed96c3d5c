<?php
/**
 * WP-CLI: wp pay-bridge.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

/**
 * Looks after this site's payments.
 */
final class Command {

	public static function action_cli_init(): void {
		\WP_CLI::add_command( 'pay-bridge', self::class );
		\WP_CLI::add_command( 'pay-bridge payments', Payments_Command::class );
	}

	/**
	 * Shows the payment service's verdict. Exit code 0: healthy, 2: with a warning, 1: not healthy or no answer.
	 *
	 * ## OPTIONS
	 *
	 * [--format=<format>]
	 * : text or json.
	 * ---
	 * default: text
	 * options:
	 *   - text
	 *   - json
	 * ---
	 */
	public function status( array $args, array $options ): void {
		$answer = self::client()->get( '/v1/health' );
		if ( ! $answer->ok() ) {
			\WP_CLI::error( $answer->message() . ' ' . $answer->error );
		}
		$verdict = (string) ( $answer->body['verdict'] ?? 'fail' );
		if ( 'json' === $options['format'] ) {
			\WP_CLI::line( (string) wp_json_encode( $answer->body, JSON_UNESCAPED_UNICODE ) );
		} else {
			\WP_CLI::line( $verdict . ': ' . ( $answer->body['headline'][ 0 === strpos( determine_locale(), 'ko' ) ? 'ko' : 'en' ] ?? '' ) );
		}
		\WP_CLI::halt( self::exit_code( $verdict ) );
	}

	/**
	 * Examines this site's side: pairing, connection, news, https. Exit code 0: all well, 2: a warning, 1: something is broken.
	 *
	 * ## OPTIONS
	 *
	 * [--format=<format>]
	 * : table, json, csv or yaml.
	 * ---
	 * default: table
	 * ---
	 */
	public function doctor( array $args, array $options ): void {
		$findings = Doctor::examine();
		\WP_CLI\Utils\format_items( $options['format'], $findings, array( 'name', 'status', 'words' ) );
		\WP_CLI::halt( self::exit_code( Doctor::worst( $findings ) ) );
	}

	/**
	 * Asks the payment service for everything that is not settled and all that it told since the last time, as the hourly
	 * event does, and until all is heard. Type it after this site's database was restored from a backup. After the service's
	 * records were: hands over, without a pause, all that this site knows. Exit code 1: something is left to do.
	 */
	public function reconcile(): void {
		$handed = Handover::go_on( self::client(), PHP_INT_MAX );
		if ( Handover::NOT_ASKED !== $handed['state'] ) {
			\WP_CLI::line( sprintf( '%s: %d payments', $handed['state'], $handed['payments'] ) );
		}
		if ( Handover::MORE === $handed['state'] ) {
			\WP_CLI::error( 'The payment service did not take everything; try again.' );
		}
		if ( ! Reconciliation::run( PHP_INT_MAX ) ) {
			\WP_CLI::error( 'The payment service did not tell everything; try again.' );
		}
		\WP_CLI::success( 'done' );
	}

	/** The client, or an end with exit code 1. */
	public static function client(): Client {
		$client = Client::of_site();
		if ( null === $client ) {
			\WP_CLI::error( Payments_Page::why_not_paired() );
		}
		return $client;
	}

	private static function exit_code( string $status ): int {
		$codes = array(
			'pass' => 0,
			'warn' => 2,
		);
		return $codes[ $status ] ?? 1;
	}
}
