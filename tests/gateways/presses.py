"""A buyer who presses in the window that PayApp's script opens: each press makes a request of its own."""

import re
from urllib.parse import urlencode

from bridge.sandbox.local import ask
from tests.gateways.house import hidden
from tests.gateways.payapp import KEYS
from tests.support.world import SANDBOX, Opened


async def opened(house, **fields):
    """A window for a buyer who told no phone number, and its payment; the seller's office knows our address."""
    house.set(common_feedback_url=house.notice_url("feedback"))
    checkout = await house.checkout(house.order(buyer={"name": "홍길동"}), **fields)
    payment = await house.payment(checkout.payment)
    assert payment.window_url.startswith("http"), payment
    return checkout, payment


async def press(house, checkout, **changes):
    """Let the script ask PayApp, as it does at each press; gives PayApp's answer."""
    async with house.client() as client:
        fields = hidden((await client.get(checkout.window_url)).text)
    body = urlencode(fields | changes).encode()
    answer = await ask(house.sandbox_app, "POST", f"{SANDBOX}/payapp/lite/payrequest", body)
    await house.quiet()
    return answer


async def page_of(house, checkout, **changes):
    """Press, and come to the page of the request that it made."""
    answer = await press(house, checkout, **changes)
    (sent,) = set(re.findall(r"/payapp/p/[\w-]+", answer.body.decode()))  # what PayApp's text to the phone names
    return Opened(checkout.payment, f"{SANDBOX}{sent}", checkout.status_url, checkout.token)


async def withdraw(house, number):
    """Withdraw a request by hand, with the seller's own program."""
    form = {"cmd": "paycancel", "userid": "payapptest", "linkkey": KEYS["linkkey"], "mul_no": number}
    body = urlencode(form | {"cancelmemo": "x", "cancelmode": "ready"}).encode()
    answer = await ask(house.sandbox_app, "POST", f"{SANDBOX}/payapp/oapi/apiLoad.html", body)
    assert b"state=1" in answer.body
    await house.quiet()


def withdrawals(house):
    return [one for one in house.sandbox.requests if one["op"] == "paycancel"]
