<?php
/**
 * The table of the list of payments.
 *
 * @package PayBridge
 */

namespace PayBridge;

defined( 'ABSPATH' ) || exit;

if ( ! class_exists( '\WP_List_Table' ) ) {
	require_once ABSPATH . 'wp-admin/includes/class-wp-list-table.php';
}

/** Payments in rows; pages follow the bridge's cursor, so there is a next page but no page number. */
final class Payments_Table extends \WP_List_Table {

	const STATES = array( 'paid', 'part_refunded', 'refunded', 'awaiting_deposit', 'open', 'approving', 'unknown', 'voiding', 'needs_human', 'declined', 'voided', 'expired', 'failed_ready', 'superseded' );

	/** @var array */
	private $payments;

	/** @var string */
	private $next;

	/** @var array */
	private $wanted;

	public function __construct( array $payments, string $next, array $wanted ) {
		parent::__construct(
			array(
				'singular' => 'payment',
				'plural'   => 'payments',
				'screen'   => 'pay-bridge',
			)
		);
		$this->payments = array_values( $payments );
		$this->next     = $next;
		$this->wanted   = $wanted;
	}

	public function prepare_items() {
		$this->items           = $this->payments;
		$this->_column_headers = array( $this->get_columns(), array(), array(), 'order' );
	}

	public function get_columns() {
		return array(
			'order'   => __( 'Order', 'pay-bridge' ),
			'buyer'   => __( 'Buyer', 'pay-bridge' ),
			'state'   => __( 'State', 'pay-bridge' ),
			'amount'  => __( 'Amount', 'pay-bridge' ),
			'method'  => __( 'Method', 'pay-bridge' ),
			'paid_at' => __( 'Paid at', 'pay-bridge' ),
			'ability' => __( 'Refund', 'pay-bridge' ),
		);
	}

	public function no_items() {
		esc_html_e( 'No payments found.', 'pay-bridge' );
	}

	protected function column_order( $payment ) {
		$url   = Admin::payment_url( $payment['id'] );
		$links = array( 'view' => sprintf( '<a href="%s">%s</a>', esc_url( $url ), esc_html__( 'Details', 'pay-bridge' ) ) );
		if ( current_user_can( Capabilities::REFUND ) && Refund::refundable( $payment ) > 0 ) {
			$links['refund'] = sprintf( '<a href="%s">%s</a>', esc_url( Admin::payment_url( $payment['id'], array( 'refund' => 'new' ) ) ), esc_html__( 'Refund', 'pay-bridge' ) );
		}
		$title = is_string( $payment['title'] ?? null ) ? '<br>' . esc_html( $payment['title'] ) : '';
		// On a phone the other columns are folded away.
		$brief = sprintf( '<span class="pay-bridge-brief">%s · %s</span>', esc_html( Words::state( $payment['state'] ) ), esc_html( Words::krw( $payment['amount'] ) ) );
		return sprintf( '<strong><a class="row-title" href="%s">%s</a></strong>', esc_url( $url ), esc_html( $payment['order_ref'] ) ) . $title . $brief . $this->row_actions( $links );
	}

	/** @param array $payment A payment of the bridge. */
	protected function column_default( $payment, $name ) {
		switch ( $name ) {
			case 'buyer':
				return esc_html( is_string( $payment['buyer_name'] ?? null ) ? $payment['buyer_name'] : '' );
			case 'state':
				return sprintf( '<span class="pay-bridge-state pay-bridge-state-%s">%s</span>', esc_attr( $payment['state'] ), esc_html( Words::state( $payment['state'] ) ) );
			case 'amount':
				$refunded = (int) ( $payment['refunded'] ?? 0 );
				/* translators: %s: an amount such as 12,000 KRW */
				$more = $refunded > 0 ? '<br><small>' . esc_html( sprintf( __( '%s refunded', 'pay-bridge' ), Words::krw( $refunded ) ) ) . '</small>' : '';
				return esc_html( Words::krw( $payment['amount'] ) ) . $more;
			case 'method':
				return esc_html( Words::method( (string) ( $payment['method'] ?? '' ) ) );
			case 'paid_at':
				return esc_html( Words::time( (string) ( $payment['paid_at'] ?? '' ) ) );
			case 'ability':
				$why = Words::why( $payment );
				return esc_html( Words::ability( $payment ) ) . ( '' === $why ? '' : '<br><small>' . esc_html( $why ) . '</small>' );
			default:
				return '';
		}
	}

	protected function extra_tablenav( $which ) {
		if ( 'top' !== $which ) {
			return;
		}
		printf( '<div class="alignleft actions"><label class="screen-reader-text" for="pay-bridge-state">%s</label><select id="pay-bridge-state" name="state">', esc_html__( 'State', 'pay-bridge' ) );
		printf( '<option value="">%s</option>', esc_html__( 'All but windows that did not open', 'pay-bridge' ) );
		foreach ( self::STATES as $state ) {
			printf( '<option value="%s" %s>%s</option>', esc_attr( $state ), selected( $this->wanted['state'] ?? '', $state, false ), esc_html( Words::state( $state ) ) ); // phpcs:ignore WordPress.Security.EscapeOutput -- a fixed attribute.
		}
		printf( '</select> <button class="button">%s</button></div>', esc_html__( 'Filter', 'pay-bridge' ) );
	}

	protected function pagination( $which ) {
		echo '<div class="tablenav-pages">';
		if ( isset( $this->wanted['cursor'] ) ) {
			printf( '<button class="button" name="cursor" value="">%s</button> ', esc_html__( 'First page', 'pay-bridge' ) );
		}
		if ( '' !== $this->next ) {
			printf( '<button class="button" name="cursor" value="%s">%s</button>', esc_attr( $this->next ), esc_html__( 'Next page', 'pay-bridge' ) );
		}
		echo '</div>';
	}

	/** The search field keeps what was searched for, which core reads from the address only. */
	public function search_box( $text, $input_id ) {
		printf(
			'<p class="search-box"><label class="screen-reader-text" for="%1$s">%2$s</label><input type="search" id="%1$s" name="s" value="%3$s" placeholder="%4$s"> <button class="button">%2$s</button></p>',
			esc_attr( $input_id ),
			esc_html( $text ),
			esc_attr( $this->wanted['q'] ?? '' ),
			esc_attr__( 'Order, name, phone, reference', 'pay-bridge' )
		);
	}
}
