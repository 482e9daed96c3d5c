"""An approval whose answer says nothing, and is therefore taken back, while the server dies."""

from bridge.domain.machine import State

from .of_buyers_and_clerks import REPEATS, Scenario
from .people import AMOUNT, Order


class Undo(Scenario):
    """The gateway took the money and answered nonsense; the bridge takes the approval back."""

    commits_and_sends_min = 8
    net_cancel_fault = ""

    def prepare(self) -> None:
        gateway = self.lab.gateway
        gateway.clear_faults()
        self.order = Order(self.lab)
        self.order.check_out()
        self.order.pay_in_window()
        self.ref = self.order.payment["merchant_ref"]
        gateway.fault("pay", "garbage_after", merchant_ref=self.ref)
        if self.net_cancel_fault:
            gateway.fault("net_cancel", self.net_cancel_fault, merchant_ref=self.ref)

    def act(self) -> None:
        self.order.come_back()

    def repeat(self) -> None:
        for _ in range(REPEATS):
            answer = self.order.come_back()
            assert answer is not None
            assert answer.status_code in (200, 303), answer.text

    def check(self, died: bool) -> None:
        payment, book = self.order.payment, self.lab.gateway.books()[self.ref]
        if payment["state"] == State.VOIDING and not self.lab.moments.counted:
            assert died
            assert book["net"] == 0
            return
        assert payment["state"] == State.VOIDED
        assert (book["captured"], book["refunded"]) in ((AMOUNT, AMOUNT), (0, 0))
        assert died or book["captured"] == AMOUNT
        assert self.lab.open_cases(payment["id"]) == []
        self.order.buy()
        assert [one["state"] for one in self.order.payments] == [State.VOIDED, State.PAID]


class UnheardUndo(Undo):
    """The answer to the net-cancel is lost too, so it is asked again."""

    net_cancel_fault = "drop_after"
