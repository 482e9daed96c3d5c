/* Comfort for .pay-bridge-form, which works without it. GPL-2.0-or-later. */
(() => {
	const NAME = 'pay_bridge_window';
	const EARLY = /^(new|readying|open)$/;
	const TAKEN = /^(paid|awaiting_deposit)$|refunded$/;
	const FAILED = /^(declined|voided|expired|failed_ready|superseded)$/;
	const IN_APP = /KAKAOTALK|NAVER\(inapp|Instagram|FBA[NV]|FB_IAB|Line\/|DaumApps|; wv\)/i;
	const popups = !matchMedia('(pointer: coarse)').matches && !IN_APP.test(navigator.userAgent);
	const channel = window.BroadcastChannel && new BroadcastChannel('pay_bridge');
	class Refusal extends Error {}

	function enhance(form) {
		const { ajax, seconds, say } = JSON.parse(form.dataset.payBridge);
		const { device, token } = form.elements;
		let watch; // {payment, url, back, over}
		let timer;
		let busy;
		let renewAt;
		const due = (life) => { renewAt = Date.now() + life * 1000 - 60000; };
		const region = form.querySelector('.pay-bridge-status');
		const tell = (text) => { if (region.textContent !== text) { region.textContent = text; } };
		const work = (on) => {
			busy = on;
			form.setAttribute('aria-busy', on);
			for (const one of form.elements) { if (one.type === 'submit') { one.disabled = on; } }
		};
		const failed = (error) => {
			work(false);
			tell(error instanceof Refusal && error.message || say.trouble);
		};

		async function fresh() {
			if (Date.now() < renewAt) { return; }
			const body = new URLSearchParams({ action: 'pay_bridge_token', order: form.dataset.payBridgeOrder });
			const { success, data } = await (await fetch(ajax, { method: 'POST', body })).json();
			if (!success) { throw new Refusal(data.message); }
			token.value = data.token;
			due(data.expires_seconds);
		}
		const plain = (target) => { form.target = target; form.submit(); };

		async function ask(popup) {
			const body = new URLSearchParams(new FormData(form));
			const answer = await fetch(form.action, { method: 'POST', body, headers: { Accept: 'application/json' } });
			const opened = await answer.json();
			if (!answer.ok) { throw new Refusal(opened.message_ko); }
			if (!opened.window_url) { // Paid already.
				popup.close();
				return leave(opened.result_url);
			}
			popup.location.replace(opened.window_url);
			begin(opened.payment.id || opened.payment, opened.status_url);
		}
		async function open() {
			const popup = window.open('about:blank', NAME, 'popup,width=500,height=700');
			watch = null;
			work(true);
			tell(popup ? say.opening : say.blocked);
			try {
				await fresh();
				await (popup ? ask(popup) : plain(''));
			} catch (error) {
				if (!popup) { return failed(error); }
				if (error instanceof Refusal) { popup.close(); return failed(error); }
				plain(NAME); // Unreadable here; the form may still arrive.
				begin();
			}
		}

		function begin(payment, url) {
			work(false);
			tell(say.waiting);
			watch = { payment, url };
			look();
		}
		function leave(url) {
			watch = null;
			tell(say.done);
			location.assign(url);
		}
		async function look(wait = 1000) {
			const now = watch;
			clearTimeout(timer);
			if (!now || !now.url || now.over) { return; }
			timer = setTimeout(look, wait, Math.min(5000, wait * 1.3));
			try {
				const answer = await fetch(now.url, { cache: 'no-store' });
				if (answer.ok && watch === now) { judge(await answer.json()); }
			} catch (e) {} // Asked again.
		}
		function judge({ state, result_url, message_ko, gateway_message }) {
			if (TAKEN.test(state)) { return leave(result_url); }
			const early = EARLY.test(state);
			const over = FAILED.test(state); // Else not known yet.
			watch.over = over;
			work(!early && !over);
			const text = message_ko || (over ? say.failed : say.checking);
			tell(early ? watch.back ? say.failed : say.waiting : [text, gateway_message].join('\n'));
		}
		function hear({ payment, url }) {
			if (!watch || !payment || (watch.payment || payment) !== payment) { return; }
			if (channel) { channel.postMessage({ seen: payment }); }
			watch.back = true;
			if (watch.url) { look(); } else if (new URL(url).origin === location.origin) { leave(url); }
		}
		const wake = () => {
			look();
			if (!busy && !document.hidden) { fresh().catch(() => {}); }
		};

		due(seconds);
		form.addEventListener('submit', (event) => {
			if (device.value !== 'app') { device.value = popups ? 'pc' : 'mobile'; }
			const old = Date.now() >= renewAt;
			if (busy || popups || old) { event.preventDefault(); }
			if (busy) { return; }
			if (popups) { return open(); }
			setTimeout(work, 0, true); // After the form is read.
			if (old) { fresh().then(() => plain(''), failed); }
		});
		addEventListener('pageshow', (event) => {
			if (event.persisted) {
				renewAt = 0;
				work(false);
			}
			wake();
		});
		addEventListener('focus', wake);
		document.addEventListener('visibilitychange', wake);
		setInterval(wake, 30000);
		if (channel) { channel.addEventListener('message', ({ data }) => hear(data)); }
		addEventListener('storage', ({ key, newValue }) => key === 'pay_bridge' && newValue && hear(JSON.parse(newValue)));
	}
	document.querySelectorAll('.pay-bridge-form').forEach(enhance);
})();
