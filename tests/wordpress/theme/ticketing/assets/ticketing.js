// Makes the order and detail pages livelier; everything but cancelling at once works without it.
(function () {
	'use strict';

	function one(selector, root) {
		return (root || document).querySelector(selector);
	}

	function won(amount) {
		return amount.toLocaleString('ko-KR') + '원';
	}

	// Dialogs: links and buttons that open one, buttons that close the one they are in.
	document.addEventListener('click', function (event) {
		var opener = event.target.closest('[data-dialog]');
		if (opener) {
			event.preventDefault();
			var dialog = document.getElementById(opener.dataset.dialog);
			dialog.close();
			dialog.showModal();
			return;
		}
		var closer = event.target.closest('dialog [data-close]');
		if (closer) {
			event.preventDefault();
			closer.closest('dialog').close();
		}
	});

	// The seat page: the sum of what is chosen.
	var total = one('[data-total]');
	if (total) {
		var sum = function () {
			var kind = one('input[name="category"]:checked');
			total.hidden = !kind;
			total.textContent = kind ? '합계 ' + won(kind.dataset.price * one('#count').value) : '';
		};
		total.form = total.closest('form');
		total.form.addEventListener('change', sum);
		sum();
	}
	var errors = one('#errors');
	if (errors) {
		errors.focus();
	}

	// The hold: time left, said aloud at the minutes that matter; at the end the page tells what happened.
	var hold = one('[data-hold]');
	if (hold) {
		var end = Date.now() + hold.dataset.hold * 1000;
		var left = one('[data-left]', hold);
		var said = one('[data-hold-said]', hold);
		var longer = one('[data-helps]', hold);
		var tick = function () {
			var seconds = Math.max(0, Math.ceil((end - Date.now()) / 1000));
			left.textContent = Math.floor(seconds / 60) + ':' + String(seconds % 60).padStart(2, '0') + ' 남음';
			hold.classList.toggle('soon', seconds <= 120);
			if (longer) {
				longer.hidden = seconds > longer.dataset.helps;
			}
			if (seconds === 120 || seconds === 60) {
				said.textContent = seconds / 60 + '분 남았어요.';
			}
			if (seconds === 0) {
				said.textContent = '시간이 지났어요.';
				clearInterval(timer);
				location.reload();
			}
		};
		var timer = setInterval(tick, 1000);
		tick();
		// A page brought back from history shows the time of then; ask for today's.
		window.addEventListener('pageshow', function (event) {
			if (event.persisted) {
				location.reload();
			}
		});
	}

	// Letting the seats go asks first.
	var release = document.getElementById('release');
	var asking = document.getElementById('release-dialog');
	if (release && asking) {
		release.addEventListener('submit', function (event) {
			event.preventDefault();
			asking.showModal();
		});
		one('[data-submit]', asking).addEventListener('click', function () {
			release.submit();
		});
	}

	// Cancelling the payment at once.
	var cancel = one('[data-cancel]');
	if (cancel) {
		cancel.addEventListener('submit', function (event) {
			event.preventDefault();
			var says = one('[data-cancel-said]');
			var button = one('button[type="submit"]', cancel);
			button.disabled = true;
			fetch(window.ticketing.ajax, {
				method: 'POST',
				credentials: 'same-origin',
				headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
				body: new URLSearchParams(new FormData(cancel))
			}).then(function (response) {
				return response.json();
			}).then(function (answer) {
				says.textContent = answer.data && answer.data.message ? answer.data.message : '취소했어요.';
				says.classList.toggle('error', !answer.success);
				if (answer.success) {
					setTimeout(function () { location.reload(); }, 1500);
				} else {
					button.disabled = false;
				}
			}).catch(function () {
				says.textContent = '취소 결과를 아직 몰라요. 잠시 뒤에 이 화면을 새로고침해 주세요.';
				button.disabled = false;
			}).then(function () {
				cancel.closest('dialog').close();
			});
		});
	}

	// Copying the account number.
	var copy = one('[data-copy]');
	if (copy) {
		copy.addEventListener('click', function () {
			var copied = one('[data-copied]');
			navigator.clipboard.writeText(copy.dataset.copy).then(function () {
				copied.textContent = '복사했어요.';
			}, function () {
				copied.textContent = '복사하지 못했어요. 번호를 길게 눌러 주세요.';
			});
		});
	}

	// A payment window of its own may be closed when it has nothing more to ask.
	if (window.opener || window.name === 'payment') {
		var popup = one('[data-popup]');
		if (popup) {
			popup.hidden = false;
			one('[data-close-window]').addEventListener('click', function () {
				window.close();
			});
		}
	}

	// While the result is unknown or a deposit is awaited: look again, less and less often, and at once when the buyer comes back.
	var detail = one('[data-standing]');
	var wait = { confirming: 2000, awaiting: 10000 }[detail && detail.dataset.standing];
	if (wait) {
		var again;
		var look = function () {
			clearTimeout(again);
			fetch(location.href, { credentials: 'same-origin', cache: 'no-store' }).then(function (response) {
				return response.text();
			}).then(function (html) {
				var fresh = one('[data-standing]', new DOMParser().parseFromString(html, 'text/html'));
				if (fresh && fresh.dataset.standing !== detail.dataset.standing) {
					location.reload();
				}
			}).catch(function () {}).then(function () {
				wait = Math.min(wait * 1.5, 30000);
				again = setTimeout(look, wait);
			});
		};
		again = setTimeout(look, wait);
		document.addEventListener('visibilitychange', function () {
			if (document.visibilityState === 'visible') {
				look();
			}
		});
		var refresh = one('[data-refresh]');
		if (refresh) {
			refresh.addEventListener('click', function (event) {
				event.preventDefault();
				look();
			});
		}
	}
}());
