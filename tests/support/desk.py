"""A desk at which notices are told of payments that were put into any state, and operations at any step."""

import json
from dataclasses import dataclass, field, replace

from bridge.clock import from_ms, new_id, new_reference
from bridge.domain.gateway import Circumstantial, Notice, SharedValue
from bridge.domain.machine import PAID_STATES, TERMINAL, Evidence, State, Step
from bridge.flows.notice_effects import effect
from bridge.flows.record import Recorder
from bridge.flows.told import KNOWN, PERSON, Told, said_to_be_back
from bridge.ledger import operations, orders, payments
from bridge.ledger.operations import Operation
from tests.support.clock import later

OPEN, APPROVING, UNKNOWN, VOIDING, HUMAN, WAITS = (
    *(State.OPEN, State.APPROVING, State.UNKNOWN, State.VOIDING, State.NEEDS_HUMAN, State.AWAITING_DEPOSIT),
)
WAYS = {
    State.READYING: (),
    State.FAILED_READY: (State.FAILED_READY,),
    State.SUPERSEDED: (State.SUPERSEDED,),
    OPEN: (OPEN,),
    APPROVING: (OPEN, APPROVING),
    UNKNOWN: (OPEN, APPROVING, UNKNOWN),
    VOIDING: (OPEN, APPROVING, VOIDING),
    HUMAN: (OPEN, APPROVING, UNKNOWN, HUMAN),
    WAITS: (OPEN, WAITS),
    State.PAID: (OPEN, APPROVING, State.PAID),
    State.PART_REFUNDED: (OPEN, APPROVING, State.PAID, State.PART_REFUNDED),
    State.REFUNDED: (OPEN, APPROVING, State.PAID, State.REFUNDED),
    State.DECLINED: (OPEN, APPROVING, State.DECLINED),
    State.VOIDED: (OPEN, APPROVING, VOIDING, State.VOIDED),
    State.EXPIRED: (OPEN, State.EXPIRED),
}
"""How a payment comes into each state that the books know."""
ENDED = {state: PERSON for state in TERMINAL if state not in PAID_STATES}
PAID = dict.fromkeys(PAID_STATES, KNOWN)
HINT, PROOF = Circumstantial("nothing"), SharedValue()
SENT_BEFORE = {"sent_at": 1, "sent_nonce": "n", "returned": {}}
"""What an approval that was sent keeps for a net-cancel."""
ACCOUNT = {"bank": "04", "number": "110-1"}


@dataclass
class Desk:
    """Lets notices of one gateway take their effect on payments that are put into any state."""

    world: object
    kind: str
    opened: dict = field(default_factory=dict)

    @property
    def gateway(self):
        """The gateway of the site that was opened last."""
        return self.world.context.sites.get(self.world.site.id).gateway("teller")

    async def write(self, work):
        """Write into the books as a flow does, at this moment: `work` gets the turn and the recorder."""
        recorder = Recorder.now(self.world.context, self.world.context.sites.get(self.world.site.id))
        return await self.world.context.ledger.write(lambda turn: work(turn, recorder))

    async def payment_in(self, state, like=None, **changes):
        """Put a new payment into a state, by the moves that lead there: of a new order, or of that of another."""
        clock, site = self.world.clock, self.world.site.id
        if site not in self.opened:
            self.opened[site] = await self.world.payment((await self.world.checkout()).payment)
            await self.write(lambda turn, at: payments.move(
                turn, self.opened[site], State.EXPIRED, at=at.at, actor="test", event="test"))  # fmt: skip
        opened, ref = self.opened[site], like.order_ref if like else f"TOLD-{clock.random_bytes(8).hex()}"
        new = replace(opened, id=new_id(clock), merchant_ref=new_reference(clock), order_ref=ref, state="readying")
        now = clock.now()
        new = replace(new, version=1, created_at=now, expires_at=now + (opened.expires_at - opened.created_at))

        def work(turn, recorder):
            if like is None:
                order = orders.find(turn, site, opened.order_ref)
                orders.store(turn, site, replace(order, ref=ref), recorder.at)
            payments.add(turn, new, token_id="t", actor="test")
            payment = new
            for way in WAYS[state]:
                paid = {"captured": payment.amount} if way is State.PAID else {}
                back = {State.PART_REFUNDED: {"refunded": 20_000}, State.REFUNDED: {"refunded": payment.amount}}
                with_all = paid | back.get(way, {}) | ({"account": ACCOUNT} if way is State.AWAITING_DEPOSIT else {})
                payment = payments.move(turn, payment, way, at=recorder.at, actor="test", event="test", **with_all)
            if changes:
                payment = payments.move(turn, payment, state, at=recorder.at, actor="test", event="test", **changes)
            return payment

        return await self.write(work)

    async def operation(self, payment, kind, step, seconds=0, message="", evidence=Evidence.E6, said=None, **more):
        """Write an operation that has come to a step, and whose next try is due so many seconds from now.

        `said` is what its steps were taken with beside that: a code, refs, a refusal.
        """

        def work(turn, recorder):
            words = {"site": payment.site, "payment": payment.id, "ref": new_reference(self.world.clock)}
            sent_after = (more.get("sent_at", from_ms(recorder.at)) - from_ms(recorder.at)).total_seconds()
            sent = later(recorder.stamp, sent_after)
            who = {"actor": "wp:7", "owner": self.world.context.owner, "stamp": sent}
            made = Operation(new_id(self.world.clock), **words, kind=kind, **who, step=Step.SENT,
                             **{"amount": payment.amount, "sent_at": from_ms(recorder.at)} | more)  # fmt: skip
            operations.add(turn, made)
            due = None if seconds is None else recorder.at + seconds * 1_000
            ways = {Step.SENT: (), Step.NEEDS_HUMAN: (Step.UNKNOWN, Step.NEEDS_HUMAN)}.get(step, (step,))
            for way in ways:
                proof = evidence if way in (Step.OK, Step.FAIL) else None
                words = {"at": recorder.at, "evidence": proof, "message": message, "next_try_at": due} | (said or {})
                made = operations.step(turn, made, way, **words)
            return made

        return await self.write(work)

    async def now(self, operation):
        """Read an operation as it stands, and the payment with it."""
        everyone = await self.world.operations(operation.payment)
        return next(one for one in everyone if one.id == operation.id), await self.world.payment(operation.payment)

    async def seconds_until(self, operation):
        """How long it is until an operation's next try; None where there is none."""
        at = (await self.now(operation))[0].next_try_at
        return None if at is None else (at - self.world.clock.now()).total_seconds()

    async def audited(self, payment, event):
        """Read who stands beside a payment's event, from where to where, and what is said of it."""
        asked = "SELECT * FROM audit WHERE payment = ? AND event = ? ORDER BY seq"
        rows = await self.world.all(asked, payment.id, event)
        return [(row["actor"], row["was"], row["became"], json.loads(row["detail"] or "{}")) for row in rows]

    async def sealed(self, context):
        """Seal what an operation keeps for its next try."""
        return await self.write(lambda _, pen: pen.seal_context(context))

    async def tell(self, payment, event, proof=PROOF, fence=None, refund=None, **fields):
        """Let a notice have its effect; answers its word."""
        said = Notice(event, f"of-{event}", payment.merchant_ref, fields.pop("amount", payment.amount), proof, **fields)

        def work(turn, recorder):
            now = payments.get(turn, payment.site, payment.id)
            gateway = recorder.site.gateway(payment.gateway)
            return effect(Told(turn, recorder, gateway, said, now, refund, fence))

        return await self.write(work)

    async def effects(self, event, states, proof=PROOF, **fields):
        """Say what a notice does in each of these states, and what a person is then asked about."""
        words = {}
        for state in states:
            payment = await self.payment_in(state)
            words[state] = await self.tell(payment, event, proof, **fields)
            asked = await self.world.cases(payment.id)
            asks = words[state] in (PERSON, said_to_be_back(payment.amount))
            assert bool(asked) is asks, (state, asked)
        return words
