"""The pen: what every record needs at one moment for one site: audit, cases, news, the journal, sealed contexts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from bridge.clock import from_ms, new_id, now_ms, stamp
from bridge.domain.exchange import Stamp
from bridge.domain.machine import State
from bridge.domain.payment import Payment
from bridge.flows.attest import attest, read_attestation
from bridge.flows.context import Context
from bridge.flows.journal import keep_lines
from bridge.flows.sites import Site
from bridge.flows.snapshots import order_json, payment_json, rfc3339
from bridge.ledger import cases, news, notices, operations, orders, payments
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation
from bridge.wire.converse import Conversation

BRIDGE = "bridge"


@dataclass(frozen=True, slots=True)
class Pen:
    """Writes for one site at one moment; made anew for each turn. `hearing`: the notice whose effect is written."""

    context: Context
    site: Site
    at: int
    stamp: Stamp
    hearing: str = ""

    @classmethod
    def now(cls, context: Context, site: Site) -> Self:
        """Take the pen at this moment."""
        return cls(context, site, now_ms(context.clock), stamp(context.clock))

    def comes_to(self, turn: Turn, outcome: str) -> None:
        """Say what the notice comes to whose effect is written, before its news: books that get the payment back from
        the shop must know of the next notice whether it tells of other money."""
        if self.hearing:
            notices.foretell(turn, self.hearing, outcome)

    def note(
        self,
        turn: Turn,
        payment: Payment,
        event: str,
        detail: dict[str, str | int],
        *,
        actor: str = BRIDGE,
        refs: Mapping[str, str] | None = None,
    ) -> Payment:
        """Write into the audit what changed no state; `refs` are learnt by it."""
        learnt = {"refs": {**payment.refs, **refs}} if refs else {}
        state = State(payment.state)
        return payments.move(turn, payment, state, at=self.at, actor=actor, event=event, detail=detail, **learnt)

    def case(
        self,
        turn: Turn,
        payment: Payment,
        reason: str,
        detail: str,
        amount: int = 0,
        *,
        refs: Mapping[str, str] | None = None,
    ) -> None:
        """Open a case for a person, one per reason; `amount` in KRW is what it is about, `refs` its money's numbers."""
        named = {"case_id": new_id(self.context.clock), "site": self.site.id, "payment": payment.id, "reason": reason}
        cases.open_case(turn, **named, detail=detail, at=self.at, amount=amount, refs=refs)
        self._attest_again(turn, payment.id)

    def tell(self, turn: Turn, payment: Payment, kind: str, more: Mapping[str, object] | None = None) -> None:
        """Owe WordPress a message with the whole snapshot, in the payment's sequence; `more` is said beside it."""
        order = orders.find(turn, self.site.id, payment.order_ref)
        assert order is not None, "a payment has an order"
        everyone = payments.of_order(turn, self.site.id, payment.order_ref)
        seq = news.next_seq(turn, payment.id)
        done = operations.of_payment(turn, payment.id)
        body = {
            "type": kind,
            "seq": seq,
            "occurred_at": rfc3339(from_ms(self.at)),
            "order": order_json(order, everyone),
            "payment": payment_json(self.site, payment, done, self.stamp)
            | {"attestation": attest(turn, self.context.vault, self.site.id, payment.id, (seq, kind), self.hearing)},
        }
        text = json.dumps(body | dict(more or {}), ensure_ascii=False, separators=(",", ":"))
        message = news.News(new_id(self.context.clock), self.site.id, payment.id, seq, kind, text, 0, self.at)
        news.add(turn, message)

    def _attest_again(self, turn: Turn, payment_id: str) -> None:
        """Let news that was written before a case attest the case too: what is restored from it would lack the case,
        and its notice is told no more. Only where nothing else of the payment has changed since.

        The notice that is heard may still wait for its effect, if the news is not of that.
        """
        owed = news.just_written(turn, payment_id, self.at)
        body = json.loads(owed.body) if owed is not None else {}
        if owed is None or body["payment"]["version"] != payments.get(turn, self.site.id, payment_id).version:
            return
        whose = (self.context.vault, self.site.id, payment_id)
        said = read_attestation(*whose, body["payment"]["attestation"])
        is_of_it = said is not None and self.hearing in [one["id"] for one in said["notices"]]
        body["payment"]["attestation"] = attest(turn, *whose, hearing=self.hearing if is_of_it else "")
        news.reword(turn, owed.id, json.dumps(body, ensure_ascii=False, separators=(",", ":")))

    def journal(
        self, turn: Turn, payment: Payment, conversation: Conversation[Any], operation: Operation | None = None
    ) -> None:
        """Keep the scrubbed conversation, and whose operation its calls were that moved money."""
        whose = operation.id if operation is not None else ""
        keep_lines(turn, self.context.clock, payment, conversation.journal, self.at, whose)

    def seal_context(self, context: Mapping[str, object]) -> str:
        """Seal what a repetition of an operation needs."""
        return self.context.vault.seal(json.dumps(context).encode(), "operation")

    def open_context(self, operation: Operation) -> dict[str, Any]:
        """Open what `seal_context` sealed."""
        opened: dict[str, Any] = json.loads(self.context.vault.open(operation.context_sealed, "operation"))
        return opened
