// The theme's old way to pay, kept as it was: ask admin-ajax, open the address it gives, watch the window until it is closed.
// The order's field in the form is the one thing Pay Bridge needs that the old script did not send.
(function () {
	'use strict';
	var form = document.getElementById('test-pay');
	var button = document.getElementById('payment-button');
	if (!form || !button) {
		return;
	}

	function watch(payWindow) {
		var timer = setInterval(function () {
			if (payWindow.closed) {
				clearInterval(timer);
				location.reload();
			}
		}, 1000);
	}

	button.addEventListener('click', function (event) {
		event.preventDefault();
		var method = form.querySelector('input[name="payment_method"]:checked');
		if (!method) {
			alert('결제 수단을 골라 주세요.');
			return;
		}
		var order = form.querySelector('input[name="pay_bridge_order"]');
		var facts = new URLSearchParams({
			action: 'mainpay_payment_ready',
			amount: form.dataset.amount,
			goods_name: form.dataset.title,
			buyer_name: form.dataset.name,
			buyer_email: form.dataset.email,
			buyer_tel: form.dataset.phone,
			payment_method: method.value
		});
		if (order) {
			facts.set('pay_bridge_order', order.value);
		}
		fetch(form.dataset.ajax, {
			method: 'POST',
			headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
			body: facts
		}).then(function (response) {
			return response.json();
		}).then(function (answer) {
			if (!answer.success) {
				alert('결제를 준비하지 못했어요: ' + answer.data.message);
				return;
			}
			watch(window.open(answer.data.payUrl, 'payment', 'width=500,height=700,scrollbars=yes,resizable=yes'));
		}).catch(function () {
			alert('결제하는 중에 문제가 생겼어요.');
		});
	});
}());
