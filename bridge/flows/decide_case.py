"""Cases are decided by two people: one proposes with evidence, another confirms, and the books follow in that turn."""

import hashlib
from dataclasses import dataclass

from bridge.clock import from_ms, new_id, now_ms
from bridge.domain.decisions import (
    DENIED,
    Decision,
    amount_of,
    choices,
    is_too_much,
    read_evidence,
    refuse_own,
    writes_in,
)
from bridge.domain.failures import Conflict, NeedsAnother, NotFound, NotNow, TooEarly
from bridge.domain.machine import PENDING_STEPS, State
from bridge.domain.payment import Payment, parse_amount
from bridge.flows.carry_out import Sentence, carry_out
from bridge.flows.context import Context
from bridge.flows.open_checkout import Once
from bridge.flows.pace import arrival_left_ms
from bridge.flows.record import Recorder
from bridge.flows.snapshots import rfc3339
from bridge.flows.two_people import Checker, Made, check_checker, operator_actor, read_remark
from bridge.ledger import audit, beside, cases, operations, payments, proposals, replay
from bridge.ledger.ledger import Row, Turn
from bridge.ledger.proposals import Proposal

MONEY_CAME = (
    "Money came into the books after this was proposed, and it may be the same: reject it, look again, and propose what"
    " is still there."
)
MONEY_WENT = (
    "Money given back was shown by the gateway, or found by people, after this was proposed, and it may be the same, or"
    " less is left by now: reject it, look again, and propose what the books still lack."
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody proposes for a case; `amount` in KRW, where the decision is about a part. `maker` says who."""

    case: str
    decision: str
    evidence: str
    maker: str
    amount: int | None = None


def decidable(turn: Turn, case: Row, payment: Payment) -> tuple[Decision, ...]:
    """List what may be decided about an open case as its payment stands in this turn."""
    if case["state"] != "open":
        return ()
    pending = [one.kind for one in operations.of_payment(turn, payment.id) if one.step in PENDING_STEPS]
    everyone = payments.of_order(turn, payment.site, payment.order_ref)
    free = payments.holder(everyone, but=payment.id) is None and all(one.state != State.REFUNDED for one in everyone)
    return choices(cases.matter_of(case), payment, pending, order_free=free)


async def propose(context: Context, wish: Wish, *, site: str | None = None, once: Once | None = None) -> Proposal:
    """Propose a decision, for a case of one site or of any. Nothing moves by it.

    Raises NotFound, NotNow (the decision is not offered), TooEarly (with not_before), Malformed, AmountRefused,
    DepositAwaited, OwnNumber, Conflict (something is proposed already).
    """
    evidence, at = read_evidence(wish.evidence), now_ms(context.clock)
    asked = None if wish.amount is None else parse_amount(wish.amount)

    def work(turn: Turn) -> Proposal:
        if once is not None and once.nonce:
            replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at)
        case, payment = _read(turn, wish.case, site)
        if once is not None:
            earlier = replay.earlier(turn, case["site"], once.idempotency_key, once.digest)
            if earlier is not None:
                return _must(proposals.get(turn, earlier.result))
        decision = _offered(turn, case, payment, wish.decision)
        _refuse_early(turn, Recorder.now(context, context.sites.get(case["site"])), payment, decision)
        refuse_own(decision, payment, evidence)
        amount = amount_of(decision, payment, asked, cases.matter_of(case))
        proposal = Proposal(
            id=new_id(context.clock),
            site=case["site"],
            case_id=case["id"],
            decision=decision,
            amount=amount,
            evidence=evidence,
            maker=wish.maker,
            made_at=at,
        )
        proposals.add(turn, proposal)
        _note(turn, case, payment, proposal, beside.PROPOSED, wish.maker, at)
        if once is not None:
            replay.remember(turn, case["site"], once.idempotency_key, once.digest, proposal.id, at)
        return proposal

    return await context.ledger.write(work)


async def confirm(context: Context, case_id: str, proposal_id: str, *, operator: str, remark: str = "") -> Proposal:
    """Confirm a proposal; the decision's entry, state, news and audit are written in the same turn.

    The same person with the same remark once more is answered the same, and nothing moves. Whoever confirms has just
    proven their password. Raises NotFound, NotNow, NeedsAnother (the maker cannot be the checker, and the only operator
    may be whoever proposed by the shop's key; a day later and with evidence of their own, that one may, where the
    settings let them), TooEarly, Conflict.
    """
    remark, may_alone = read_remark(remark), context.settings.lone_operator_confirms
    site = await context.ledger.read(lambda turn: _read(turn, case_id, None)[0]["site"])
    recorder = Recorder.now(context, context.sites.get(site))

    def work(turn: Turn) -> Proposal:
        case, payment = _read(turn, case_id, None)
        checker = operator_actor(operator)
        repeated = _ended_so(turn, case, proposal_id, ("confirmed", checker, remark))
        if repeated is not None:
            return repeated
        proposal = _open(turn, case, proposal_id)
        made = Made(proposal.maker, proposal.made_at)
        check_checker(turn, made, Checker(operator, remark, may_alone), recorder.at)
        decision = _offered(turn, case, payment, proposal.decision)
        _refuse_early(turn, recorder, payment, decision)
        if writes_in(decision, cases.matter_of(case)) and beside.came_since(turn, payment.id, case["id"]):
            raise NotNow(MONEY_CAME, state=case["state"])
        if decision is Decision.GIVEN_BACK and (
            beside.was_seen_going(turn, payment.id, case["id"])
            or is_too_much(proposal.amount, payment, cases.matter_of(case))
        ):
            raise NotNow(MONEY_WENT, state=case["state"])
        proposals.end(turn, proposal, "confirmed", checker=checker, remark=remark, at=recorder.at)
        _note(turn, case, payment, proposal, "case.confirmed", checker, recorder.at)
        carry_out(Sentence(turn, recorder, case, payment, proposal, checker))
        return _must(proposals.get(turn, proposal.id))

    return await context.ledger.write(work)


async def reject(
    context: Context,
    case_id: str,
    proposal_id: str,
    *,
    who: str,
    remark: str,
    site: str | None = None,
    once: Once | None = None,
) -> Proposal:
    """Reject a proposal, or withdraw one's own; a site may withdraw only what it proposed. Nothing moves by it.

    The same person with the same remark once more is answered the same. Raises NotFound, NotNow, NeedsAnother,
    Malformed.
    """
    remark, at = read_remark(remark), now_ms(context.clock)

    def work(turn: Turn) -> Proposal:
        if once is not None:
            replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at)
        case, payment = _read(turn, case_id, site)
        repeated = _ended_so(turn, case, proposal_id, ("rejected", who, remark))
        if repeated is not None:
            return repeated
        proposal = _open(turn, case, proposal_id)
        if site is not None and not proposal.maker.startswith(f"{site}:"):
            raise NeedsAnother("A site may withdraw only its own proposal.")
        proposals.end(turn, proposal, "rejected", checker=who, remark=remark, at=at)
        _note(turn, case, payment, proposal, "case.rejected", who, at)
        return _must(proposals.get(turn, proposal.id))

    return await context.ledger.write(work)


async def report(context: Context, payment_id: str, detail: str, who: str) -> str:
    """Open a case for something an operator saw that the books do not show; answers its id. Raises NotFound."""
    detail = read_evidence(detail)
    site = await context.ledger.read(lambda turn: payments.site_of(turn, payment_id))
    recorder = Recorder.now(context, context.sites.get(site))

    def work(turn: Turn) -> str:
        payment = payments.get(turn, site, payment_id)
        recorder.case(turn, payment, "reported", f"{who}: {detail}".replace("\n", " "))
        opened = cases.open_one(turn, payment.id, "reported")
        assert opened is not None, "the case was just opened, or added to"
        return str(opened["id"])

    return await context.ledger.write(work)


def _read(turn: Turn, case_id: str, site: str | None) -> tuple[Row, Payment]:
    case = cases.get(turn, case_id, site)
    if case is None:
        raise NotFound("There is no such case.")
    return case, payments.get(turn, case["site"], case["payment"])


def _open(turn: Turn, case: Row, proposal_id: str) -> Proposal:
    proposal = proposals.get(turn, proposal_id)
    if proposal is None or proposal.case_id != case["id"]:
        raise NotFound("There is no such proposal.")
    if proposal.state != "open":
        raise NotNow(f"The proposal is {proposal.state}; read the case again.", state=proposal.state)
    return proposal


def _ended_so(turn: Turn, case: Row, proposal_id: str, end: tuple[str, str, str]) -> Proposal | None:
    """Find a proposal of the case that has ended just so: its state, its checker, the remark."""
    proposal = proposals.get(turn, proposal_id)
    if proposal is None or proposal.case_id != case["id"]:
        return None
    return proposal if (proposal.state, proposal.checker, proposal.remark) == end else None


def _offered(turn: Turn, case: Row, payment: Payment, wanted: str) -> Decision:
    offered = decidable(turn, case, payment)
    found = next((one for one in offered if one == wanted), None)
    if found is None:
        names = ", ".join(offered) or "nothing yet"
        raise NotNow(f"As the payment stands, this case can be decided as: {names}.", state=case["state"])
    return found


def _refuse_early(turn: Turn, recorder: Recorder, payment: Payment, decision: Decision) -> None:
    """Refuse to say that something did nothing while it may still be on its way. Raises TooEarly."""
    gateway = recorder.site.gateways.get(payment.gateway)
    everyone, denied = operations.of_payment(turn, payment.id), DENIED.get(decision, ())
    sent = [one for one in everyone if one.kind in denied and one.step in PENDING_STEPS]
    left = max((arrival_left_ms(recorder.context, gateway, one, recorder.stamp) for one in sent), default=0)
    if left:
        not_before = rfc3339(from_ms(recorder.at + left))
        raise TooEarly(
            f"What was sent to the gateway may still arrive there. Look in its console again after {not_before}, and"
            " decide by what it shows then.",
            not_before=not_before,
        )


def _note(turn: Turn, case: Row, payment: Payment, proposal: Proposal, event: str, actor: str, at: int) -> None:
    """Write into the payment's audit; what was typed stays in the proposal, and its digest here."""
    detail: dict[str, str | int] = {
        "case": case["id"],
        "reason": case["reason"],
        "decision": proposal.decision,
        "maker": proposal.maker,
        "evidence_sha256": hashlib.sha256(proposal.evidence.encode()).hexdigest(),
    }
    if proposal.amount:
        detail["amount"] = proposal.amount
    state = payment.state
    audit.note(
        turn,
        site=payment.site,
        payment=payment.id,
        at=at,
        actor=actor,
        event=event,
        was=state,
        became=state,
        detail=detail,
    )


def _must(proposal: Proposal | None) -> Proposal:
    if proposal is None:
        raise Conflict("The proposal is gone; read the case again.")
    return proposal
