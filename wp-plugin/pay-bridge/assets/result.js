/* The way back: tells the waiting page, closes our own popup, watches while the outcome is unknown. GPL-2.0-or-later. */
(() => {
	const region = document.getElementById('pay-bridge-result');
	if (!region) { return; }
	const { payment, status, known, say } = JSON.parse(region.dataset.payBridge);
	const EARLY = /^(new|readying|open)$/;
	const TAKEN = /^(paid|part_refunded|refunded|awaiting_deposit)$/;
	const FAILED = /^(declined|voided|expired|failed_ready|superseded)$/;
	const RETRY = new URLSearchParams(location.search).has('pay_bridge_result'); // Failures are told on this page already.
	const popup = ['pay_bridge_window', 'payment'].includes(window.name) || !window.menubar.visible;
	const channel = window.BroadcastChannel ? new BroadcastChannel('pay_bridge') : null;
	let seen = false;
	let waited = false;
	let timer = 0;

	function close() {
		window.close();
		setTimeout(() => { region.textContent = say.close; }, 500); // Still here: the browser did not let us.
	}
	// No money facts travel here: whoever hears this asks the bridge.
	function shout() {
		const message = { payment, url: location.href };
		if (channel) {
			channel.addEventListener('message', ({ data }) => {
				if (data.seen === payment && !seen) {
					seen = true;
					if (popup) { close(); }
				}
			});
			channel.postMessage(message);
		}
		try {
			localStorage.setItem('pay_bridge', JSON.stringify({ ...message, at: Date.now() }));
			localStorage.removeItem('pay_bridge');
		} catch (e) {} // Storage may be closed to us.
	}
	// An older theme loads its page again when this window is gone, which would end that page's way here.
	function closeBehind(until) {
		let there = true;
		try {
			there = window.opener.location.href === location.href;
		} catch (e) {} // It is elsewhere, or closed.
		if (there || Date.now() > until) { close(); } else { setTimeout(closeBehind, 100, until); }
	}
	// Nobody waits: an older theme opened this window by itself, so its page is taken along.
	function takeOpener() {
		if (seen || !popup || !window.opener) { return; }
		try {
			if (window.opener.location.origin === location.origin) {
				window.opener.location.replace(location.href);
				closeBehind(Date.now() + 10000);
			}
		} catch (e) {} // The opener is elsewhere by now.
	}

	async function look(wait) {
		clearTimeout(timer);
		let body = null;
		try {
			const answer = await fetch(status, { cache: 'no-store' });
			body = answer.ok ? await answer.json() : null;
		} catch (e) {} // Asked again below.
		if (!body || judge(body)) { timer = setTimeout(look, wait, Math.min(5000, wait * 1.3)); }
	}
	/* How often this page was seen again for a state, and so many times more; endless where storage is closed to us. */
	function seenAgain(state, more) {
		const mark = 'pay_bridge_' + payment + '_' + state;
		try {
			const times = Number(sessionStorage.getItem(mark)) + more;
			if (more) { sessionStorage.setItem(mark, times); }
			return times;
		} catch (e) { return Infinity; }
	}
	/* Whether to ask again. */
	function judge({ state, result_url, message_ko }) {
		if (EARLY.test(state)) { return false; } // Nothing was sent to the gateway: the page itself offers another try.
		if (!TAKEN.test(state) && !FAILED.test(state)) {
			waited = true;
			region.textContent = message_ko || say.checking;
			return true;
		}
		// The page was made before this was known, or the shop's copy is late: see it again, a few times for each state.
		const times = seenAgain(state, 0);
		const late = state !== known && (TAKEN.test(state) || !RETRY);
		if (times < (late ? 4 : waited ? 1 : 0)) {
			timer = setTimeout(() => {
				seenAgain(state, 1);
				location.replace(result_url);
			}, times && 1000 * 2 ** times);
		} else if (late) {
			region.textContent = message_ko || ''; // The page above does not say it, and looking again has not helped.
		}
		return false;
	}

	document.addEventListener('visibilitychange', () => { if (waited && !document.hidden) { look(1000); } });
	addEventListener('pageshow', (event) => { if (event.persisted) { look(1000); } });
	shout();
	setTimeout(takeOpener, 1000);
	look(1000);
})();
