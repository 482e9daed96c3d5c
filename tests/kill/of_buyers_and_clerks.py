"""What a buyer and a clerk do while the server dies: open a window, come back from it, give money back."""

import secrets
from typing import Any, ClassVar

import httpx2

from bridge.domain.machine import State

from .lab import Lab
from .people import AMOUNT, NO_TLS, Order, Refund, ask

PART = 12_000
REPEATS = 3


class Scenario:
    """One request and what follows from it. A new one is made for every kill."""

    commits_and_sends_min: ClassVar[int] = 4
    """Fewer commits and messages than this in a run that survives would mean that the counting does not work."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def prepare(self) -> None:
        """Bring about what was before; nothing dies here."""

    def act(self) -> None:
        """Send the request over which the server may die."""
        raise NotImplementedError

    def repeat(self) -> None:
        """Do what the client does who got no answer."""

    def check(self, died: bool) -> None:
        """Assert how it must have ended."""
        raise NotImplementedError


class Ready(Scenario):
    """The buyer presses the pay button; afterwards again, and then pays."""

    def prepare(self) -> None:
        self.order = Order(self.lab)

    def act(self) -> None:
        self.order.check_out()

    def repeat(self) -> None:
        answer = self.order.check_out()
        assert answer is not None
        assert answer.status_code == 201, answer.text

    def check(self, died: bool) -> None:
        *left, payment = self.order.payments
        assert all(one["state"] == State.SUPERSEDED for one in left)
        assert died or not left
        self._old_windows_are_dead([one["merchant_ref"] for one in left])
        self.order.pay_in_window()
        self.order.come_back()
        self.lab.settle()
        assert self.order.payment["id"] == payment["id"]
        assert self.order.payment["state"] == State.PAID

    def _old_windows_are_dead(self, merchant_refs: list[str]) -> None:
        """A window whose address was lost may still be paid in: its return must not be approved."""
        for ref in merchant_refs:
            for session in self.lab.gateway.windows(ref):
                location = self.lab.gateway.buyer_pays(session)
                before = self.lab.gateway.books()[ref]["calls"].get("pay", 0)
                with httpx2.Client(verify=NO_TLS, trust_env=False, timeout=20) as http:
                    assert http.get(location).status_code == 303
                assert self.lab.gateway.books()[ref]["calls"].get("pay", 0) == before == 0


class SignedReady(Ready):
    """WordPress opens the payment itself; afterwards with the same key."""

    commits_and_sends_min = 5

    def prepare(self) -> None:
        super().prepare()
        self.key = secrets.token_hex(16)

    def act(self) -> None:
        self._open(self.key)

    def repeat(self) -> None:
        answer = self._open(self.key)
        assert answer is not None
        assert answer.status_code == 201, answer.text
        self.order.window_url = answer.json()["window_url"]

    def check(self, died: bool) -> None:
        if not died:
            self.repeat()
        super().check(died)

    def _open(self, key: str) -> httpx2.Response | None:
        return ask(self.lab, "POST", "/v1/payments", {"order": self.order.json()}, key)


class Approve(Scenario):
    """The buyer comes back from the window; afterwards reloads the page."""

    commits_and_sends_min = 5

    def prepare(self) -> None:
        self.order = Order(self.lab)
        self.order.check_out()
        self.order.pay_in_window()

    def act(self) -> None:
        self.order.come_back()

    def repeat(self) -> None:
        for _ in range(REPEATS):
            answer = self.order.come_back()
            assert answer is not None
            assert answer.status_code in (200, 303), answer.text

    def check(self, died: bool) -> None:
        state, ref = State(self.order.payment["state"]), self.order.payment["merchant_ref"]
        book = self.lab.gateway.books()[ref]
        if state is State.VOIDING and not self.lab.moments.counted:
            assert died
            assert book["net"] == 0
            return
        assert state in ((State.PAID, State.VOIDED) if died else (State.PAID,))
        assert book["net"] == (AMOUNT if state is State.PAID else 0)
        self._check_cases(state)
        answer = self.order.come_back()
        assert answer is not None
        assert answer.status_code == 303
        page = "/result" if state is State.PAID else "/order"
        assert answer.headers["location"].startswith(self.lab.wordpress.url + page)
        assert self.lab.gateway.books()[ref]["calls"] == book["calls"], "a reload spoke to the gateway"

    def _check_cases(self, state: State) -> None:
        assert self.lab.open_cases(self.order.payment["id"]) == [], "nothing is left that a person must decide"


class ApproveTold(Approve):
    """The same where the gateway also sends notices of approvals and cancels, and repeats them."""

    def prepare(self) -> None:
        self.lab.gateway.set(card_notices=True)
        super().prepare()

    def _check_cases(self, state: State) -> None:
        # A notice of the approval may come after it was taken back: unsigned as it is, it makes a person look.
        allowed = {"money_on_ended_payment"} if state is State.VOIDED else set()
        assert set(self.lab.open_cases(self.order.payment["id"])) <= allowed


class FullRefund(Scenario):
    """A clerk gives everything back; afterwards clicks again."""

    commits_and_sends_min = 5
    amount: int | None = None

    def prepare(self) -> None:
        self.order = Order(self.lab)
        self.order.buy()
        self.refund = Refund(self.order, self.amount)

    def act(self) -> None:
        self.refund.click()

    def repeat(self) -> None:
        seen = {self._click() for _ in range(REPEATS)}
        assert len(seen) == 1, "the second click made another refund"

    def _click(self) -> str:
        answer = self.refund.click()
        assert answer is not None
        assert answer.status_code in (200, 202), answer.text
        return str(answer.json()["id"])

    def check(self, died: bool) -> None:
        operations = self.lab.rows(
            "SELECT * FROM operations WHERE payment = ? AND kind = 'refund'", self.order.payment["id"]
        )
        assert len(operations) == 1
        book = self.lab.gateway.books()[self.order.payment["merchant_ref"]]
        self._ended(operations[0], book, died)
        self._click()

    def _ended(self, operation: Any, book: dict[str, Any], died: bool) -> None:
        assert operation["state"] == "ok"
        assert self.order.payment["state"] == State.REFUNDED
        assert book["net"] == 0


class PartRefund(FullRefund):
    """A clerk gives a part back; the gateway tells of it by a notice, the only thing that can prove it later."""

    amount = PART

    def prepare(self) -> None:
        super().prepare()
        self.lab.gateway.set(card_notices=True)

    def _ended(self, operation: Any, book: dict[str, Any], died: bool) -> None:
        assert book["net"] in (AMOUNT, AMOUNT - PART)
        if book["net"] == AMOUNT - PART:
            assert operation["state"] == "ok"
            assert self.order.payment["state"] == State.PART_REFUNDED
            return
        # Nobody can prove that it was not done: a person is asked, and no second refund is possible meanwhile.
        assert died
        assert operation["state"] == "needs_human"
        answer = Refund(self.order, 1_000).click()
        assert answer is not None
        assert (answer.status_code, answer.json()["code"]) == (409, "pending_outcome")


class UntoldPartRefund(PartRefund):
    """The same where no notice comes: whatever was done and not heard of is a person's case."""

    def prepare(self) -> None:
        FullRefund.prepare(self)
        self.lab.gateway.set(card_notices=False)

    def _ended(self, operation: Any, book: dict[str, Any], died: bool) -> None:
        if operation["state"] == "needs_human":
            assert died
            assert self.lab.open_cases(self.order.payment["id"]) == ["refund_unknown"]
            return
        assert operation["state"] == "ok"
        assert book["net"] == AMOUNT - PART
