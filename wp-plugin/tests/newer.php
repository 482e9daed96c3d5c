<?php
/**
 * Finds what PHP 8 has and 7.4 has not, in the tokens of the files given; prints [[file, line, what], ...] as JSON.
 */

const NEW_FUNCTIONS = array(
	'str_contains', 'str_starts_with', 'str_ends_with', 'get_debug_type', 'array_is_list', 'fdiv', 'get_resource_id',
	'array_find', 'array_any', 'array_all', 'json_validate', 'mb_str_pad', 'enum_exists', 'fsync', 'preg_last_error_msg',
);

/** The place before the bracket that closes at a place. */
function before_bracket( array $tokens, int $close ): int {
	$depth = 1;
	for ( $place = $close - 1; $place >= 0 && $depth > 0; $place-- ) {
		$depth += $tokens[ $place ]->is( ')' ) ? 1 : ( $tokens[ $place ]->is( '(' ) ? -1 : 0 );
	}
	return $place;
}

/** Whether the token at a place, or the one before it, is the word function: then a list of parameters follows. */
function is_function( array $tokens, int $place ): bool {
	return ( isset( $tokens[ $place ] ) && $tokens[ $place ]->is( array( T_FUNCTION, T_FN ) ) )
		|| ( isset( $tokens[ $place - 1 ] ) && $tokens[ $place - 1 ]->is( T_FUNCTION ) );
}

/** What is newer at one place; empty if nothing is. */
function newer_at( array $tokens, int $at ): string {
	$here   = $tokens[ $at ];
	$none   = new PhpToken( T_WHITESPACE, ' ' );
	$before = $tokens[ $at - 1 ] ?? $none;
	$after  = $tokens[ $at + 1 ] ?? $none;
	$second = $tokens[ $at + 2 ] ?? $none;
	$word   = strtolower( $here->text );
	if ( $here->is( array( T_MATCH, T_ENUM, T_READONLY, T_NULLSAFE_OBJECT_OPERATOR, T_ATTRIBUTE ) ) ) {
		return $word;
	}
	if ( $here->is( T_STRING ) && in_array( $word, NEW_FUNCTIONS, true ) && $after->is( '(' ) ) {
		return $word;
	}
	$returns = $before->is( ':' ) && ( $tokens[ $at - 2 ] ?? $none )->is( ')' ) && is_function( $tokens, before_bracket( $tokens, $at - 2 ) );
	if ( $returns && in_array( $word, array( 'mixed', 'never', 'false', 'null', 'true', 'static' ), true ) ) {
		return 'return type ' . $word;
	}
	if ( $here->is( '|' ) && $before->is( T_STRING ) && $after->is( array( T_STRING, T_ARRAY ) ) && $second->is( array( T_VARIABLE, '{' ) ) ) {
		return 'union type';
	}
	if ( $here->is( T_STRING ) && $after->is( ':' ) && ! $second->is( ':' ) && $before->is( array( '(', ',' ) ) ) {
		return 'named argument';
	}
	if ( $here->is( array( T_PUBLIC, T_PRIVATE, T_PROTECTED ) ) && $before->is( array( '(', ',' ) ) ) {
		return 'promoted property';
	}
	if ( $here->is( T_CATCH ) && ( $tokens[ $at + 3 ] ?? $none )->is( ')' ) ) {
		return 'catch without a variable';
	}
	if ( $here->is( ',' ) && $after->is( ')' ) && is_function( $tokens, before_bracket( $tokens, $at ) ) ) {
		return 'comma after the last parameter';
	}
	return $here->is( T_ELLIPSIS ) && $after->is( ')' ) ? 'first class callable' : '';
}

$found = array();
foreach ( array_slice( $argv, 1 ) as $file ) {
	$all    = PhpToken::tokenize( file_get_contents( $file ) );
	$tokens = array_values( array_filter( $all, static fn( $token ) => ! $token->isIgnorable() ) );
	foreach ( array_keys( $tokens ) as $at ) {
		$what = newer_at( $tokens, $at );
		if ( '' !== $what ) {
			$found[] = array( $file, $tokens[ $at ]->line, $what );
		}
	}
}
echo json_encode( $found );
