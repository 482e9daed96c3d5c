/* Makes .pay-bridge-form comfortable: a popup on desktops, a renewed token, the result without reloading by hand. GPL-2.0-or-later. */
( function () {
	'use strict';
	var NAME = 'pay_bridge_window';
	var FAILED = [ 'declined', 'voided', 'expired', 'failed_ready', 'superseded' ];
	var EARLY = [ 'new', 'readying', 'open' ];
	var IN_APP = /KAKAOTALK|NAVER\(inapp|Instagram|FBAN|FBAV|FB_IAB|Line\/|DaumApps|; wv\)/i;
	var touch = window.matchMedia( '(pointer: coarse)' ).matches;
	var popups = ! touch && ! IN_APP.test( navigator.userAgent );

	function enhance( form ) {
		var data = JSON.parse( form.dataset.payBridge );
		var say = data.say;
		var region = form.querySelector( '.pay-bridge-status' );
		var renewAt = Date.now() + ( data.seconds - 60 ) * 1000;
		var busy = false;
		var watch = null; // {payment, url, wait, timer} while a popup is open.

		function tell( text ) { region.textContent = text || ''; }
		function work( on ) {
			busy = on;
			form.querySelectorAll( 'button, [type=submit]' ).forEach( function ( button ) { button.disabled = on; } );
			form.setAttribute( 'aria-busy', String( on ) );
		}
		function field( name ) { return form.querySelector( 'input[type=hidden][name=' + name + ']' ); }

		function renew() {
			var body = new URLSearchParams( { action: 'pay_bridge_token', order: form.dataset.payBridgeOrder } );
			return fetch( data.ajax, { method: 'POST', body: body, credentials: 'same-origin' } )
				.then( function ( answer ) { return answer.json(); } )
				.then( function ( answer ) {
					if ( ! answer.success ) { throw new Refused( answer.data && answer.data.message ); }
					field( 'token' ).value = answer.data.token;
					renewAt = Date.now() + ( answer.data.expires_seconds - 60 ) * 1000;
				} );
		}
		function fresh() { return Date.now() < renewAt ? Promise.resolve() : renew(); }
		function inThisWindow() { form.target = ''; form.submit(); } // submit() does not call our listener again.

		function ask( popup ) {
			return fetch( form.action, {
				method: 'POST', credentials: 'omit', headers: { Accept: 'application/json' },
				body: new URLSearchParams( new FormData( form ) )
			} ).then( function ( answer ) {
				return answer.json().then( function ( body ) {
					if ( ! answer.ok ) { throw new Refused( body.message_ko || body.detail ); }
					return body;
				} );
			} ).then( function ( body ) {
				if ( ! body.window_url ) { popup.close(); leave( body.result_url ); return; }
				popup.location.replace( body.window_url );
				begin( body.payment && body.payment.id || body.payment, body.status_url );
			} );
		}
		function open() {
			var popup = window.open( 'about:blank', NAME, 'popup=yes,width=500,height=700' );
			work( true );
			if ( ! popup ) { tell( say.blocked ); fresh().then( inThisWindow, failed ); return; }
			tell( say.opening );
			try { popup.document.body.textContent = say.opening; } catch ( e ) { /* An older window of ours, already elsewhere. */ }
			fresh().then( function () { return ask( popup ); } ).catch( function ( error ) {
				if ( error instanceof Refused ) { popup.close(); failed( error ); return; }
				form.target = NAME; // The bridge cannot be read from here, but the plain form may still reach it.
				form.submit();
				begin( '', '' );
			} );
		}
		function failed( error ) {
			work( false );
			tell( error instanceof Refused && error.message || say.trouble );
		}

		function begin( payment, url ) {
			stop();
			work( false );
			tell( say.waiting );
			watch = { payment: payment, url: url, wait: 1000, timer: 0 };
			look();
		}
		function stop() { if ( watch ) { clearTimeout( watch.timer ); watch = null; } }
		function leave( url ) { stop(); tell( say.done ); window.location.assign( url ); }
		function look() {
			var now = watch;
			if ( ! now || ! now.url ) { return; }
			clearTimeout( now.timer );
			now.timer = setTimeout( look, now.wait );
			now.wait = Math.min( 5000, now.wait * 1.3 );
			fetch( now.url, { credentials: 'omit', cache: 'no-store' } ).then( function ( answer ) { return answer.ok ? answer.json() : null; } )
				.then( function ( body ) { if ( body && watch === now ) { judge( body ); } } ).catch( function () {} );
		}
		function judge( body ) {
			if ( EARLY.indexOf( body.state ) >= 0 ) { return; }
			if ( FAILED.indexOf( body.state ) >= 0 ) { stop(); work( false ); tell( body.message_ko || say.failed ); return; }
			if ( [ 'approving', 'unknown', 'voiding', 'needs_human' ].indexOf( body.state ) >= 0 ) { work( true ); tell( say.checking ); return; }
			leave( body.result_url );
		}
		function hear( message ) {
			if ( ! watch || ! message || ! message.payment || ( watch.payment && watch.payment !== message.payment ) ) { return; }
			shout( { seen: message.payment } );
			if ( watch.url ) { watch.wait = 1000; look(); } else if ( new URL( message.url ).origin === location.origin ) { leave( message.url ); }
		}
		function wake() {
			if ( watch ) { watch.wait = 1000; look(); }
			if ( Date.now() >= renewAt && ! busy ) { renew().catch( function () {} ); }
		}

		form.addEventListener( 'submit', function ( event ) {
			if ( busy ) { event.preventDefault(); return; }
			field( 'device' ).value = touch || ! popups ? 'mobile' : 'pc';
			if ( popups ) { event.preventDefault(); open(); return; }
			if ( Date.now() >= renewAt ) { event.preventDefault(); work( true ); renew().then( inThisWindow, failed ); return; }
			setTimeout( function () { work( true ); }, 0 ); // After the browser has taken the form's values.
		} );
		window.addEventListener( 'pageshow', function ( event ) {
			if ( event.persisted ) { work( false ); tell( '' ); renew().catch( function () {} ); }
			wake();
		} );
		window.addEventListener( 'focus', wake );
		document.addEventListener( 'visibilitychange', function () { if ( ! document.hidden ) { wake(); } } );
		setInterval( function () { if ( ! document.hidden ) { wake(); } }, 30000 );
		listen( hear );
	}

	function Refused( message ) { this.message = message; }
	var channel = window.BroadcastChannel ? new BroadcastChannel( 'pay_bridge' ) : null;
	function shout( message ) {
		if ( channel ) { channel.postMessage( message ); }
		try { localStorage.setItem( 'pay_bridge_seen', message.seen + ' ' + Date.now() ); } catch ( e ) { /* Storage may be closed to us. */ }
	}
	function listen( hear ) {
		if ( channel ) { channel.addEventListener( 'message', function ( event ) { hear( event.data ); } ); }
		window.addEventListener( 'storage', function ( event ) {
			if ( event.key === 'pay_bridge' && event.newValue ) { hear( JSON.parse( event.newValue ) ); }
		} );
	}
	document.querySelectorAll( '.pay-bridge-form' ).forEach( enhance );
}() );
