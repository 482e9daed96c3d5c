/* The way back: tells the waiting page, closes our own popup, and watches while the outcome is not known. GPL-2.0-or-later. */
(function () {
	'use strict';
	var region = document.getElementById('pay-bridge-result');
	if (!region) { return; }
	var data = JSON.parse(region.dataset.payBridge);
	var OPEN = ['new', 'readying', 'open', 'approving', 'unknown', 'voiding', 'needs_human'];
	var popup = ['pay_bridge_window', 'payment'].indexOf(window.name) >= 0 || !window.menubar.visible;
	var channel = window.BroadcastChannel ? new BroadcastChannel('pay_bridge') : null;
	var seen = false;
	var wait = 1000;
	var timer = 0;

	function close() {
		window.close();
		setTimeout(function () { region.textContent = data.say.close; }, 500); // Still here: the browser did not let us.
	}
	function heard(payment) {
		if (payment !== data.payment || seen) { return; }
		seen = true;
		if (popup) { close(); }
	}
	// No money facts travel here: whoever hears this asks the bridge.
	function shout() {
		var message = { payment: data.payment, url: location.href };
		if (channel) { channel.postMessage(message); }
		try {
			localStorage.setItem('pay_bridge', JSON.stringify({ payment: message.payment, url: message.url, at: Date.now() }));
			localStorage.removeItem('pay_bridge');
		} catch (e) { /* Storage may be closed to us. */ }
	}
	// Nobody waits: an older theme opened this window by itself, so its page is taken along.
	function takeOpener() {
		if (seen || !popup || !window.opener) { return; }
		try {
			if (window.opener.location.origin === location.origin) {
				window.opener.location.replace(location.href);
				close();
			}
		} catch (e) { /* The opener is elsewhere by now. */ }
	}

	function look() {
		clearTimeout(timer);
		fetch(data.status, { credentials: 'omit', cache: 'no-store' }).then(function (answer) { return answer.ok ? answer.json() : null; })
			.then(judge).catch(again);
	}
	function again() {
		timer = setTimeout(look, wait);
		wait = Math.min(5000, wait * 1.3);
	}
	function judge(body) {
		if (!body || OPEN.indexOf(body.state) >= 0) {
			if (body && body.state !== 'open') { region.textContent = body.message_ko || data.say.checking; }
			again();
			return;
		}
		region.textContent = '';
		var mark = 'pay_bridge_' + data.payment;
		if (body.state !== data.known && sessionStorage.getItem(mark) !== body.state) {
			sessionStorage.setItem(mark, body.state); // Once for each state: the shop's own copy may be late.
			location.reload();
		}
	}

	if (channel) { channel.addEventListener('message', function (event) { if (event.data && event.data.seen) { heard(event.data.seen); } }); }
	['focus', 'pageshow'].forEach(function (name) { window.addEventListener(name, function () { wait = 1000; }); });
	document.addEventListener('visibilitychange', function () { if (!document.hidden) { wait = 1000; look(); } });
	shout();
	setTimeout(takeOpener, 1000);
	look();
}());
