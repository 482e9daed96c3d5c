"""A running sandbox on a free port of this machine, and a shop that speaks to it in words of its own."""

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
import uvicorn

from bridge.sandbox import server
from bridge.sandbox.app import build

KEY = "U1FVQVJFLTEwMDAxMTIwMTgwNDA2MDkyNTMyMTA1MjM0"
SHOP = "100011"
STAMP = "202601151230001234"
FORM = {"content-type": "application/x-www-form-urlencoded"}


@dataclass
class Running:
    """A sandbox being served."""

    url: str
    app: Any
    http: httpx2.Client

    def control(self, path: str, values: dict[str, Any]) -> Any:
        """Ask something of the control pages."""
        answer = self.http.post(f"{self.url}/control/{path}", json=values)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, op: str, kind: str, **more: Any) -> None:
        """Arm a fault."""
        self.control("faults", {"gateway": "mainpay", "op": op, "kind": kind, **more})

    def book(self, merchant_ref: str) -> dict[str, Any]:
        """Read the one book of an order number."""
        found = self.http.get(f"{self.url}/books", params={"merchant_ref": merchant_ref}).json()
        assert found["totals"]["payments"] == 1
        return found["payments"][0]


def run_server(app: Any) -> Iterator[str]:
    """Serve an application on a free port until the test is over."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    running = uvicorn.Server(server.config(app, "127.0.0.1", port))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not running.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    running.should_exit = True
    thread.join(10)
    assert not thread.is_alive()
    sock.close()


@pytest.fixture(scope="session")
def served() -> Iterator[Running]:
    """One sandbox for all tests."""
    app = build(seed=1)
    with httpx2.Client(trust_env=False, follow_redirects=False, timeout=20) as http:
        for url in run_server(app):
            app.state.world.public_url = url
            yield Running(url, app, http)


@pytest.fixture
def sandbox(served: Running) -> Iterator[Running]:
    """The sandbox, with nothing in it."""
    served.control("reset", {})
    yield served
    served.control("reset", {})


@dataclass
class Shop:
    """A merchant of the sandbox: signs, asks, and behaves as its buyer in the window."""

    sandbox: Running
    http: httpx2.Client
    key: str = KEY
    api: str = "/mainpay/api"
    relay: str = "/mainpay/relay"
    sent: list[dict[str, str]] = field(default_factory=list)

    def signed(self, form: dict[str, str], shop: str = "mbrNo", amount: str = "amount") -> dict[str, str]:
        """Put the signature on a form."""
        text = "|".join([form[shop], form["mbrRefNo"], form[amount], self.key, form["timestamp"]])
        return {**form, "signature": hashlib.sha256(text.encode()).hexdigest()}

    def post(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        """Send a form, expect JSON."""
        self.sent.append(form)
        answer = self.http.post(self.sandbox.url + path, data=form)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ready_form(self, ref: str = "ORDER00001", amount: int = 55_000, **more: str) -> dict[str, str]:
        """Make the form of a live ready."""
        form = {
            "version": "V001",
            "mbrNo": SHOP,
            "mbrRefNo": ref,
            "paymethod": "CARD",
            "amount": str(amount),
            "goodsName": "늦가을 음악회",
            "goodsCode": "TICKET01",
            "approvalUrl": "http://shop.test/r/token?order=1",
            "closeUrl": "http://shop.test/r/token/close",
            "customerName": "홍길동",
            "customerEmail": "buyer@shop.test",
            "timestamp": STAMP,
            **more,
        }
        return self.signed(form)

    def ready(self, ref: str = "ORDER00001", amount: int = 55_000, **more: str) -> dict[str, Any]:
        """Open a live window."""
        answer = self.post(f"{self.api}/v1/payment/ready", self.ready_form(ref, amount, **more))
        assert answer["resultCode"] == "200", answer
        return answer["data"]

    def press(self, url: str, action: str, **choice: str) -> httpx2.Response:
        """Press a button in a window, filling in its form as a browser without scripts does."""
        address = httpx2.URL(url)
        values = {**dict(address.params), "card": "04", "installment": "00", "bank": "04", "action": action, **choice}
        return self.http.post(address.copy_with(query=None), data=values)

    def returned(self, ref: str = "ORDER00001", amount: int = 55_000, **more: str) -> dict[str, str]:
        """Open a live window and let the buyer pay; gives what the browser brings back."""
        answer = self.press(self.ready(ref, amount, **more)["nextPcUrl"], "pay")
        assert answer.status_code == 303, answer.text
        return dict(httpx2.URL(answer.headers["location"]).params)

    def pay_form(self, ref: str, amount: int, back: dict[str, str], paymethod: str = "CARD") -> dict[str, str]:
        """Make the form of a live pay."""
        passed = {name: back[name] for name in ("aid", "authToken", "payType", "merchantData")}
        return self.signed(
            {
                "version": "V001",
                "mbrNo": SHOP,
                "mbrRefNo": ref,
                "paymethod": paymethod,
                "amount": str(amount),
                "timestamp": STAMP,
                **passed,
            }
        )

    def pay(self, ref: str = "ORDER00001", amount: int = 55_000, **more: str) -> dict[str, Any]:
        """Go the whole live way; gives the answer of pay."""
        back = self.returned(ref, amount, **more)
        form = self.pay_form(ref, amount, back, more.get("paymethod", "CARD"))
        return self.post(f"{self.api}/v1/payment/pay", form)

    def net_cancel(self, form: dict[str, str]) -> dict[str, Any]:
        """Ask for a net-cancel with the parameters of a pay."""
        return self.post(f"{self.api}/v1/payment/net-cancel", form)

    def cancel_form(self, paid: dict[str, Any], amount: int, ref: str = "REFUND00001", **more: str) -> dict[str, str]:
        """Make the form of a cancel or part-cancel on the relay."""
        form = {
            "version": "V001",
            "mbrNo": SHOP,
            "mbrRefNo": ref,
            "orgRefNo": paid["refNo"],
            "orgTranDate": paid["tranDate"],
            "paymethod": "CARD",
            "amount": str(amount),
            "payType": paid["payType"],
            "isNetCancel": "N",
            "timestamp": STAMP,
            **more,
        }
        return self.signed(form)

    def cancel(self, paid: dict[str, Any], amount: int, **more: str) -> dict[str, Any]:
        """Cancel everything."""
        return self.post(f"{self.relay}/v1/api/payments/payment/cancel", self.cancel_form(paid, amount, **more))

    def part_cancel(self, paid: dict[str, Any], amount: int, **more: str) -> dict[str, Any]:
        """Cancel a part."""
        return self.post(f"{self.relay}/v1/api/payments/payment/part-cancel", self.cancel_form(paid, amount, **more))


@pytest.fixture
def shop(sandbox: Running) -> Shop:
    """A merchant."""
    return Shop(sandbox, sandbox.http)
