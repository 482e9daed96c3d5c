/* Dialogs, a guard against two clicks, and a result that follows by itself. GPL-2.0-or-later. */
(function () {
	'use strict';
	var dialog = document.getElementById('pay-bridge-refund');
	var opener = document.getElementById('pay-bridge-refund-open');

	function modal(dialog, opener) {
		function show() {
			if (dialog.open) { dialog.removeAttribute('open'); } // Shown inline for those without a script.
			dialog.showModal();
		}
		if (!dialog || !dialog.showModal) { return; }
		opener.addEventListener('click', function (event) { event.preventDefault(); show(); });
		dialog.querySelector('[data-close]').addEventListener('click', function (event) { event.preventDefault(); dialog.close(); opener.focus(); });
		if (dialog.open) { show(); }
	}
	modal(dialog, opener);
	document.querySelectorAll('[data-opens]').forEach(function (button) { modal(document.getElementById(button.dataset.opens), button); });
	if (dialog) {
		var form = dialog.querySelector('form');
		var amount = form.elements.amount;
		var check = function () {
			var part = form.elements.kind.value === 'part';
			if (amount) {
				if (!part) { amount.value = ''; }
				amount.required = part;
				amount.setCustomValidity(part && Number(amount.value) > Number(amount.dataset.max) ? '≤ ' + amount.dataset.max : '');
			}
		};
		form.addEventListener('input', check);
		if (amount) { amount.addEventListener('focus', function () { form.elements.kind.value = 'part'; check(); }); }
		form.addEventListener('submit', function (event) {
			if (form.dataset.sent) { event.preventDefault(); return; }
			form.dataset.sent = '1';
			form.querySelector('[type=submit]').disabled = true;
			var region = form.querySelector('[role=status]');
			region.textContent = region.dataset.busy;
		});
		window.addEventListener('pageshow', function (event) {
			if (event.persisted) { location.reload(); } // The key of this form has been used.
		});
	}

	document.querySelectorAll('form[data-once]').forEach(function (form) {
		form.addEventListener('submit', function (event) {
			if (form.dataset.sent) { event.preventDefault(); return; }
			form.dataset.sent = '1';
			form.querySelector('[type=submit]').disabled = true;
			var region = form.querySelector('[role=status]');
			region.textContent = region.dataset.busy;
		});
		window.addEventListener('pageshow', function (event) {
			if (event.persisted) { location.reload(); }
		});
	});

	document.querySelectorAll('[data-copy]').forEach(function (button) {
		var field = button.parentNode.querySelector('[data-whole]');
		field.addEventListener('focus', function () { field.select(); });
		if (!navigator.clipboard) { return; }
		button.hidden = false;
		button.addEventListener('click', function () {
			navigator.clipboard.writeText(field.value).then(function () { button.textContent = button.dataset.copy; });
		});
	});

	var wait = 1500;
	function follow() {
		var region = document.getElementById('pay-bridge-refund-result');
		if (!region || !region.hasAttribute('data-refresh') || region.querySelector('form')) { return; }
		setTimeout(function () {
			wait = Math.min(10000, wait * 1.5);
			fetch(location.href, { credentials: 'same-origin', cache: 'no-store' })
				.then(function (answer) { return answer.text(); })
				.then(function (html) {
					var now = new DOMParser().parseFromString(html, 'text/html').getElementById('pay-bridge-refund-result');
					if (now && now.dataset.state !== region.dataset.state) {
						region.className = now.className;
						region.dataset.state = now.dataset.state;
						region.toggleAttribute('data-refresh', now.hasAttribute('data-refresh'));
						region.replaceChildren.apply(region, Array.from(now.childNodes));
					}
				}).catch(function () {}).then(follow);
		}, wait);
	}
	follow();
}());
