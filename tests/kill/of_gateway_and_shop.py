"""What the gateway tells and the shop hears while the server dies: notices and news."""

from typing import Any

from bridge.domain.machine import State

from .of_buyers_and_clerks import PART, REPEATS, Scenario
from .people import AMOUNT, Order, Refund


class Deposit(Scenario):
    """Money arrives on a virtual account; the gateway repeats its notice until it is acknowledged."""

    def prepare(self) -> None:
        self.order = Order(self.lab, method="virtual_account")
        self.order.buy()
        assert self.order.payment["state"] == State.AWAITING_DEPOSIT

    def act(self) -> None:
        self.ref = self.order.payment["merchant_ref"]
        self.lab.gateway.control("deposit", gateway="mainpay", merchant_ref=self.ref)

    def check(self, died: bool) -> None:
        notice = self.lab.gateway.books()[self.ref]["notices"][-1]
        assert notice["acked"]
        assert died or notice["tries"] == 1
        assert self.order.payment["state"] == State.PAID
        assert self.order.payment["captured"] == AMOUNT


class ConsoleCancel(Scenario):
    """The merchant cancels in the gateway's console; the notice of it is repeated until it is acknowledged."""

    commits_and_sends_min = 2

    def prepare(self) -> None:
        self.lab.gateway.set(card_notices=False)
        self.order = Order(self.lab)
        self.order.buy()
        self.lab.gateway.set(card_notices=True)

    def act(self) -> None:
        self.ref = self.order.payment["merchant_ref"]
        self.lab.gateway.control("refund", gateway="mainpay", merchant_ref=self.ref)

    def check(self, died: bool) -> None:
        assert self.lab.gateway.books()[self.ref]["net"] == 0
        assert self.lab.open_cases(self.order.payment["id"]) == ["external_cancel"]


class CancelNotice(Scenario):
    """A partial refund whose answer was lost waits for a person; then the gateway's notice proves it."""

    commits_and_sends_min = 4

    def prepare(self) -> None:
        gateway = self.lab.gateway
        gateway.set(card_notices=False)
        self.order = Order(self.lab)
        self.order.buy()
        gateway.fault("part_cancel", "drop_after")
        refund = Refund(self.order, PART)
        refund.click()
        self.lab.settle()
        self.payment = self.order.payment
        operation = self._operation()
        assert operation["state"] == "needs_human"
        [asked] = gateway.requests("part_cancel", self.payment["merchant_ref"])
        [done] = gateway.books()[self.payment["merchant_ref"]]["refunds"]
        self.fields = {
            "cmd": "2",
            "mbrNo": "100011",
            "mbrRefNo": asked["fields"]["mbrRefNo"],
            "refNo": done["ref_no"],
            "orgRefNo": asked["fields"]["orgRefNo"],
            "tranDate": "261120",
            "tranTime": "120000",
            "amount": str(PART),
        }
        self.url = str(gateway.requests("ready", self.payment["merchant_ref"])[0]["fields"]["notiUrl"])

    def act(self) -> None:
        self._notify()

    def repeat(self) -> None:
        for _ in range(REPEATS):
            assert self._notify()["acked"]

    def check(self, died: bool) -> None:
        assert self._operation()["state"] == "ok"
        assert self.order.payment["state"] == State.PART_REFUNDED
        [notice] = self.lab.rows("SELECT * FROM notices WHERE payment = ?", self.payment["id"])
        assert notice["state"] == "done"
        assert self.lab.open_cases(self.payment["id"]) == []

    def _notify(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.lab.gateway.control(
            "forge", gateway="mainpay", kind="card", url=self.url, fields=self.fields
        )
        return answer

    def _operation(self) -> Any:
        return self.lab.rows("SELECT * FROM operations WHERE payment = ? AND kind = 'refund'", self.payment["id"])[0]


class News(Scenario):
    """WordPress was away and is owed two messages of one payment; it comes back."""

    def prepare(self) -> None:
        self.order = Order(self.lab)
        self.order.check_out()
        self.order.pay_in_window()
        self.lab.wordpress.down = True
        self.order.come_back()
        answer = Refund(self.order).click()
        assert answer is not None
        assert answer.json()["state"] == "done", answer.text

    def act(self) -> None:
        self.lab.wordpress.down = False

    def check(self, died: bool) -> None:
        heard = self.lab.wordpress.of(self.order.payment["id"])
        assert [message.type for message in sorted(heard, key=lambda one: one.seq)][-1] == "payment.refunded"
        assert {message.seq for message in heard} == {1, 2}
        assert died or len(heard) == 2
