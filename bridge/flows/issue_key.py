"""Has a billing key issued: when its customer comes back from the window, or for a card typed on the site."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from bridge.clock import from_ms, now_ms
from bridge.domain.billing import CardEntry, Issued, IssuesKeys, IssuesKeysByCard, KeyOrder, KeyState
from bridge.domain.exchange import Exchange
from bridge.domain.failures import Conflict, GatewayOff, NotGenuine
from bridge.domain.gateway import Approval, Declined, Gateway, NotSent, Paid, Return, Unknown
from bridge.domain.machine import Kind
from bridge.domain.payment import Payment
from bridge.domain.reasons import Reason
from bridge.flows.approve import approve
from bridge.flows.billing_keys import KEY, TRIES_MAX, KeyWish, key_order, open_wish
from bridge.flows.card_page import is_key_on_page
from bridge.flows.choose_gateway import first_up, that_know
from bridge.flows.claims import refuse_claimed
from bridge.flows.context import Context
from bridge.flows.direct_payment import add_payment
from bridge.flows.finish_checkout import check_bound, look, was_not_begun
from bridge.flows.journal import keep_lines
from bridge.flows.key_invitations import refuse_used, why_used
from bridge.flows.open_checkout import Once
from bridge.flows.open_key import new_key
from bridge.flows.read_after import read_after
from bridge.flows.record import Recorder
from bridge.flows.sites import Site
from bridge.flows.talk import note_after_key_window, talk
from bridge.flows.typed_card import without_card
from bridge.flows.write_down import write_down
from bridge.ledger import billing_keys as rows
from bridge.ledger import gap, operations, orders, payments, replay
from bridge.ledger.billing_keys import KeyRow
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation
from bridge.ledger.queues import line_up

UNSENT = "이 주문은 지금 결제할 수 없어서 결제수단을 등록하지 않았고, 결제되지도 않았어요."
CHANGED = "주문 금액이 바뀌어서 결제수단을 등록하지 않았고, 결제되지도 않았어요. 다시 등록해 주세요."
Issuing = Issued | Paid | Declined | NotSent | Unknown


@dataclass(frozen=True, slots=True)
class _Charge:
    """A key whose issuing charges it: what the approval heard of the key itself."""

    payment: Payment
    heard: list[Issuing]


async def finish_key(context: Context, site: Site, key_id: str, form: Mapping[str, str]) -> KeyRow:
    """Have the key issued whose customer came back, at most once however often this is called.

    Raises NotFound, Unreadable or NotGenuine for a return that is not this key's, Busy or Reconciling where the books
    cannot take the intent; nothing happens then.
    """
    row = await context.ledger.read(lambda turn: rows.get(turn, site.id, key_id))
    if row.state is KeyState.OPEN:
        if is_key_on_page(context, site, row):
            raise NotGenuine("The card of this key is typed on our own page, which nobody comes back from.")
        gateway = site.gateway(row.gateway)
        returned = gateway.read_return(form)
        check_bound(row.refs, returned)
        await refuse_claimed(context, row, returned)
        if returned.refused is not None:
            return await _refused(context, row, returned.refused)
        task = context.tasks.begin(f"issue_key:{row.id}", _issue(context, site, gateway, row, returned))
        row = await wait_for_key(context, site, key_id)
        if row.state is KeyState.OPEN and was_not_begun(task):
            await task
        return row
    return await wait_for_key(context, site, key_id)


async def issue_by_card(context: Context, site: Site, wish: KeyWish, card: CardEntry, once: Once) -> KeyRow:
    """Have a key issued for a card typed on the site; the card is written down nowhere.

    By the first gateway that is up and needs no more of card and buyer. Raises GatewayOff where no gateway of the site
    takes typed cards or all that could are down, Malformed (they need more), NotNow (its invitation was used),
    Replayed, KeyReused.
    """
    able = that_know(_by_card(site, wish), "issue_key_by_card", wish.buyer, card)

    def begin(turn: Turn) -> tuple[KeyRow, Gateway | None]:
        gap.refuse(turn, site.id)
        replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at)
        answer = replay.earlier(turn, site.id, once.idempotency_key, once.digest)
        if answer is not None:
            return rows.get(turn, site.id, answer.result), None
        refuse_used(turn, site.id, wish.invitation)
        context.admit()
        gateway = first_up(context.breakers, site, able, context.clock.boot_seconds())
        row = new_key(context, site, gateway, wish, KeyState.ISSUING)
        rows.add(turn, row)
        replay.remember(turn, site.id, once.idempotency_key, once.digest, row.id, now_ms(context.clock))
        return row, gateway

    intended_at = context.clock.boot_seconds()
    row, gateway = await context.ledger.write(begin)
    if gateway is not None:
        assert isinstance(gateway, IssuesKeysByCard), "_by_card gives no others"
        asked = gateway.issue_key_by_card(key_order(context, row), card, Recorder.now(context, site).stamp)
        exchange = without_card(asked, card)
        work = talk_and_record(context, site, gateway, row, exchange, intended_at)
        context.tasks.begin(f"issue_key:{row.id}", work)
    return await read_after(wait_for_key(context, site, row.id))


async def wait_for_key(context: Context, site: Site, key_id: str) -> KeyRow:
    """Give the issuing that runs a few seconds, then say how the key stands. Raises NotFound."""
    task = context.tasks.find(f"issue_key:{key_id}")
    if task is not None:
        await context.tasks.wait(task, context.settings.return_wait_seconds)
    return await context.ledger.read(lambda turn: rows.get(turn, site.id, key_id))


def _by_card(site: Site, wish: KeyWish) -> list[Gateway]:
    asked = site.in_order(wish.gateway)
    able = [one for one in asked if isinstance(one, IssuesKeysByCard) and site.takes_typed_cards(one)]
    if able:
        return list[Gateway](able)
    raise GatewayOff(
        "No gateway of this site takes typed cards. Switching that on (`card_entry`) brings card numbers to the shop's "
        "own server, which PCI DSS then covers whole."
    )


async def _refused(context: Context, row: KeyRow, no: Declined) -> KeyRow:
    at = now_ms(context.clock)
    code, message = no.code[:64], no.message[:500]
    try:
        return await context.ledger.write(
            lambda turn: rows.move(turn, row, KeyState.REFUSED, at=at, code=code, message=message)
        )
    except Conflict:
        return await context.ledger.read(lambda turn: rows.get(turn, row.site, row.id))


async def _issue(context: Context, site: Site, gateway: Gateway, row: KeyRow, returned: Return) -> None:
    assert isinstance(gateway, IssuesKeys), "only a gateway that issues keys in a window has such returns"
    issues = gateway
    intended_at = context.clock.boot_seconds()
    try:
        issuing, charge = await context.ledger.write(lambda turn: _intend(turn, context, site, row))
    except Conflict:
        return
    if issuing.state is not KeyState.ISSUING:
        return
    order = key_order(context, issuing)
    if charge is None:
        exchange = issues.issue_key(order, returned, Recorder.now(context, site).stamp)
        await talk_and_record(context, site, gateway, issuing, exchange, intended_at)
        return
    heard = charge.heard

    def speak(_: Payment, operation: Operation) -> Exchange[Approval]:
        return _charging(issues, order, returned, operation, heard)

    def bars(turn: Turn) -> Declined | None:
        line_up(turn, f"{KEY}:{issuing.id}")  # whoever calls it unsent lines up too
        called_unsent = rows.get(turn, site.id, issuing.id).state is KeyState.REFUSED
        return Declined(Reason.EXPIRED, "", UNSENT) if called_unsent else None

    def also(turn: Turn, outcome: Approval) -> None:
        with suppress(Conflict):  # another bridge has given the key up: that must not cost what was charged
            _record(turn, context, issuing, heard[0] if heard else outcome)

    visit = await look(context, site, charge.payment.id)
    told = partial(note_after_key_window, context, site, gateway, issuing)
    await approve(
        context, site, gateway, visit.order, charge.payment, speak, returned=returned.refs, claims=returned.claims,
        actor=row.actor, also=also, heard=told, bars=bars,
    )  # fmt: skip
    if not heard:
        await context.ledger.write(lambda turn: end_unsent(turn, issuing, now_ms(context.clock)))


def end_unsent(turn: Turn, row: KeyRow, at: int) -> bool:
    """Refuse a key whose issuing, and with it the charge, was barred before anything was sent (its order was
    paid by other means, its seats are gone), and bar it for good; tells whether it was. At `at` milliseconds. Raises
    Conflict."""
    payment = payments.by_merchant_ref(turn, row.site, row.gateway, row.ref)
    line_up(turn, f"{KEY}:{row.id}")
    if payment is None or any(one.kind is Kind.APPROVE for one in operations.of_payment(turn, payment.id)):
        return False
    rows.move(turn, row, KeyState.REFUSED, at=at, code="", message=payment.message or UNSENT)
    return True


def _intend(turn: Turn, context: Context, site: Site, row: KeyRow) -> tuple[KeyRow, _Charge | None]:
    """Write that the key is being issued, and the payment where issuing it makes one.

    Or that it is too late, that its invitation was used, or that the order's price is no longer the window's: then
    nothing is asked for.
    """
    at = now_ms(context.clock)
    if row.amount:
        gap.refuse(turn, site.id)  # it may have been charged in the time that restored books have lost
    if from_ms(at) >= row.expires_at:
        return rows.move(turn, row, KeyState.EXPIRED, at=at), None
    used = why_used(turn, site.id, row.invitation)
    if used:
        return rows.move(turn, row, KeyState.REFUSED, at=at, message=used), None
    if not row.amount:
        return rows.move(turn, row, KeyState.ISSUING, at=at, code="", message=""), None
    asked = open_wish(context, row)
    order = orders.find(turn, site.id, asked["order_ref"])
    assert order is not None, "a key that charges was asked for with an order"
    if (order.amount, order.tax_free) != (row.amount, asked["tax_free"]):
        return rows.move(turn, row, KeyState.REFUSED, at=at, message=CHANGED), None
    issuing = rows.move(turn, row, KeyState.ISSUING, at=at, code="", message="")
    payment = add_payment(
        turn, context, site, row.gateway, order, row.method, token_id=f"billing_key:{row.id}", ref=row.ref,
        actor=row.actor, refs=row.refs,
    )  # fmt: skip
    return issuing, _Charge(payment, [])


def _charging(
    issues: IssuesKeys, order: KeyOrder, returned: Return, operation: Operation, heard: list[Issuing]
) -> Exchange[Approval]:
    """Read the issuing of a key as the payment it makes; a key without one is not known to be paid."""
    outcome = yield from issues.issue_key(order, returned, operation.stamp)
    heard.append(outcome)
    if not isinstance(outcome, Issued):
        return outcome
    return outcome.charged or Unknown("the key was issued, and no charge was told")


async def talk_and_record(
    context: Context,
    site: Site,
    gateway: Gateway,
    issuing: KeyRow,
    exchange: Exchange[Issued | Paid | Declined | Unknown],
    intended_at: float,
) -> None:
    """Ask for a key that is being issued and charges nothing, and write what it came to."""
    conversation = await talk(context, site, gateway, exchange, intended_at=intended_at, operation=None)
    note_after_key_window(context, site, gateway, issuing, conversation)

    def record(turn: Turn) -> None:
        keep_lines(turn, context.clock, issuing, conversation.journal, now_ms(context.clock))
        _record(turn, context, issuing, conversation.outcome)

    try:
        await write_down(context, record)
    except Conflict:
        return


def _record(turn: Turn, context: Context, issuing: KeyRow, outcome: object) -> None:
    """Write what the issuing came to. A lost answer leaves no key, nor does a yes without one: the gateway may have one
    that nobody holds."""
    at = now_ms(context.clock)
    if isinstance(outcome, Issued) and outcome.key:
        rows.move(
            turn,
            issuing,
            KeyState.ACTIVE,
            at=at,
            key_sealed=context.vault.seal(outcome.key.encode(), KEY),
            refs={**issuing.refs, **outcome.refs},
            card=dict(outcome.card),
            issued_at=from_ms(at),
            code="",
            message="",
        )
    elif isinstance(outcome, Declined):
        code, message = outcome.code[:64], outcome.message[:500]
        rows.move(turn, issuing, _after_no(issuing, at), at=at, code=code, message=message)
    elif isinstance(outcome, NotSent):
        rows.move(turn, issuing, _after_no(issuing, at), at=at, message="" if issuing.tries else outcome.why[:500])
    else:
        code, message = getattr(outcome, "code", "")[:64], getattr(outcome, "message", "")[:500]
        rows.move(turn, issuing, KeyState.LOST, at=at, code=code, message=message)


def _after_no(issuing: KeyRow, at: int) -> KeyState:
    """Say where a no leaves a key: on our own page the customer may type another card, so often and no longer."""
    again = 0 < issuing.tries < TRIES_MAX and from_ms(at) < issuing.expires_at
    return KeyState.OPEN if again else KeyState.REFUSED
