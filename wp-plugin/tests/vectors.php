<?php
/**
 * Runs the plugin's signing classes over the shared vectors, without WordPress. Reads {"vectors": folder} as JSON from its
 * input and prints {"name": [passed, "what was seen"]}; the test that calls it says which names there must be.
 */

define( 'ABSPATH', __DIR__ );
define( 'PLUGIN', dirname( __DIR__ ) . '/pay-bridge/includes/' );

/** The few functions of WordPress that these classes call. */
function wp_json_encode( $value, $flags = 0 ) {
	return json_encode( $value, $flags );
}

/** WordPress' carrier of errors. */
class WP_Error {
	public $code;
	public function __construct( $code ) {
		$this->code = $code;
	}
}

foreach ( array( 'keys', 'signature', 'order-token', 'clock', 'webhook' ) as $name ) {
	require PLUGIN . 'class-' . $name . '.php';
}

$wanted  = json_decode( stream_get_contents( STDIN ), true );
$results = array();

function vectors( $name ) {
	global $wanted;
	return json_decode( file_get_contents( $wanted['vectors'] . '/' . $name . '.json' ), true );
}

function keys_of( $secret, $key_id ) {
	$pairing = json_encode( array( 'url' => 'https://pay.example/bridge', 'site' => 'shop', 'key_id' => $key_id, 'secret' => $secret ) );
	return PayBridge\Keys::from_pairing_code( PayBridge\Keys::encode( $pairing ) );
}

function check( $group, $name, $expected, $seen ) {
	global $results;
	$results[ $group . ': ' . $name ] = array( $expected === $seen, $seen );
}

foreach ( vectors( 'keys' )['cases'] as $case ) {
	$keys = keys_of( $case['secret'], $case['key_id'] );
	foreach ( array( 'request', 'order', 'news' ) as $purpose ) {
		check( 'key', $case['key_id'] . ' ' . $purpose, $case[ $purpose . '_key_hex' ], bin2hex( $keys->$purpose ) );
	}
}
foreach ( vectors( 'pairing' )['cases'] as $case ) {
	$keys = PayBridge\Keys::from_pairing_code( $case['code'] );
	check( 'pairing', $case['key_id'], array( $case['url'], $case['site'], $case['key_id'] ), array( $keys->url, $keys->site, $keys->key_id ) );
}
foreach ( vectors( 'requests' )['cases'] as $case ) {
	if ( ! in_array( $case['method'], array( 'GET', 'POST' ), true ) ) {
		continue; // The plugin sends nothing else.
	}
	$headers = PayBridge\Signature::headers( keys_of( $case['secret'], $case['key_id'] ), $case['method'], $case['target_uri'], $case['body'], $case['idempotency_key'], $case['created'], $case['nonce'] );
	check( 'request', $case['name'], $case['headers'], array_intersect_key( $headers, $case['headers'] ) === $headers ? $headers : array() );
}
foreach ( vectors( 'order_token' )['cases'] as $case ) {
	$keys = keys_of( $case['secret'], $case['key_id'] );
	check( 'seal', $case['name'], $case['token'], PayBridge\Order_Token::seal( $case['payload'], $keys, hex2bin( $case['nonce_hex'] ) ) );
	check( 'open', $case['name'], $case['payload'], PayBridge\Order_Token::open( $case['token'], $keys ) );
}
$published = vectors( 'published' );
$rfc9421   = $published['rfc9421_b_2_5'];
$base      = PayBridge\Signature::base( array_column( $rfc9421['components'], 1, 0 ), $rfc9421['params'] );
$hmac      = base64_encode( hash_hmac( 'sha256', $base, base64_decode( $rfc9421['shared_secret_base64'] ), true ) );
check( 'published', 'RFC 9421 B.2.5', $rfc9421['signature'], ':' . $hmac . ':' );
check( 'published', 'RFC 9530 B.1', $published['rfc9530_content_digest']['content_digest'], PayBridge\Signature::digest( $published['rfc9530_content_digest']['body'] ) );
$hooks = $published['standard_webhooks'];
check( 'published', 'Standard Webhooks', $hooks['signature'], PayBridge\Webhook::sign( base64_decode( $hooks['key_base64'] ), $hooks['message_id'], (string) $hooks['at'], $hooks['body'] ) );

function judged( $case, $key ) {
	$headers = array();
	foreach ( array( 'id', 'timestamp', 'signature' ) as $name ) {
		$headers[ $name ] = $case['headers'][ 'webhook-' . $name ] ?? '';
	}
	$verdict = PayBridge\Webhook::verify( $key, $headers, $case['body'], $case['now'] );
	return true === $verdict ? 'genuine' : $verdict->code;
}
foreach ( vectors( 'news' )['cases'] as $case ) {
	foreach ( $case['news_keys_hex'] as $number => $key ) {
		check( 'news', $case['name'] . ', key ' . $number, 'genuine', judged( $case, hex2bin( $key ) ) );
	}
}
$refusals = vectors( 'refusals' );
$k1       = keys_of( $refusals['known_keys']['k1']['secret'], 'k1' );
foreach ( $refusals['news'] as $case ) {
	check( 'refused news', $case['name'], $case['code'], judged( $case, $k1->news ) );
}
foreach ( $refusals['pairing_codes'] as $case ) {
	check( 'refused pairing code', $case['name'], null, PayBridge\Keys::from_pairing_code( $case['pairing_code'] ) );
}
foreach ( $refusals['order_tokens'] as $case ) {
	// A token's times, life and fields are the bridge's to judge; whether it is ours and unchanged is judged here too.
	if ( in_array( $case['name'], array( 'nothing', 'no parts', 'another version', 'another key id', 'cut short', 'lengthened', 'padded', 'another ending', "the bridge's own kind of token", 'a key nobody has', 'sealed with the request key', 'other associated data', 'not JSON' ), true ) ) {
		check( 'refused order token', $case['name'], null, PayBridge\Order_Token::open( $case['token'], $k1 ) );
	}
}
echo json_encode( $results, JSON_UNESCAPED_UNICODE );

/** The bridge's clock is not asked here. */
function get_option( $name, $otherwise ) {
	return $otherwise;
}
