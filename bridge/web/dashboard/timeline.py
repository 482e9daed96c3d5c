"""All that happened to a payment, from every book, merged by time."""

import json
from dataclasses import dataclass, field
from typing import Any

from bridge.clock import to_ms
from bridge.domain.payment import Order, Payment
from bridge.ledger import audit, calls, cases, news, notices, operations, orders, payments
from bridge.ledger.ledger import Row, Turn
from bridge.ledger.operations import Operation
from bridge.web.dashboard.events import ACTORS, EVENTS, NEWS, OUTCOMES
from bridge.web.dashboard.said import say, tone
from bridge.web.dashboard.words import ESCROW, KINDS, STATES, STEPS, VERDICTS, owed_words
from bridge.web.pages import won

SERVICES = ("escrow.", "receipt.")
"""Events that no operation tells of."""
TOLD_OTHERWISE = ("case.opened", "case.closed", audit.ENTRY)


@dataclass(frozen=True, slots=True)
class Books:
    """Everything the ledger holds of one payment."""

    payment: Payment
    order: Order
    audit: list[Row]
    first_break: int | None
    operations: list[Operation]
    calls: list[Row]
    notices: list[Row]
    news: list[Row]
    cases: list[Row]
    balance: int


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the timeline; `at` in milliseconds. `facts` are (label, text) pairs, `call` a journal line."""

    at: int
    rank: int
    kind: str
    tone: str
    title: str
    detail: str = ""
    actor: str = ""
    facts: tuple[tuple[str, str], ...] = field(default=())
    call: Row | None = None


def read_books(turn: Turn, site: str, payment_id: str) -> Books:
    """Read everything of a payment in one turn. Raises NotFound."""
    payment = payments.get(turn, site, payment_id)
    order = orders.find(turn, site, payment.order_ref)
    assert order is not None, "a payment has its order"
    chain = audit.chain(turn, payment.id)
    return Books(
        payment=payment,
        order=order,
        audit=chain,
        first_break=audit.first_break(chain),
        operations=operations.of_payment(turn, payment.id),
        calls=calls.of_payment(turn, payment.id),
        notices=notices.of_payment(turn, payment.id),
        news=news.of_payment(turn, payment.id),
        cases=cases.of_payment(turn, payment.id),
        balance=operations.balance(turn, payment.id),
    )


def timeline(books: Books, lang: str) -> list[Event]:
    """Merge the books, oldest first; at the same moment what was asked comes before what was answered."""
    events = [_audit(row, lang) for row in books.audit if row["event"] not in TOLD_OTHERWISE]
    events += [_call(row, lang) for row in books.calls]
    events += [_operation(one, lang) for one in books.operations if one.ended_at]
    events += [_notice(row, lang) for row in books.notices]
    events += [_news(row, lang) for row in books.news]
    events += [event for row in books.cases for event in _case(row, lang)]
    return sorted(events, key=lambda event: (event.at, event.rank))


def _audit(row: Row, lang: str) -> Event:
    moved = row["was"] != row["became"] and row["became"]
    title = say(EVENTS, row["event"], lang)
    detail = f"{say(STATES, row['was'], lang)} → {say(STATES, row['became'], lang)}" if moved and row["was"] else ""
    told = json.loads(row["detail"])
    if owed := told.get("pay_back"):
        detail = owed_words(owed["amount"], owed["account"], lang)
    elif row["event"].startswith(SERVICES):
        detail = _service(told, lang)
    actor = say(ACTORS, row["actor"], lang)
    return Event(row["at"], 1, "audit", tone(STATES, row["became"]) if moved else "idle", title, detail, actor)


def _service(told: dict[str, Any], lang: str) -> str:
    """Say which step of an escrow or over how much a receipt was asked for, and what the gateway said to it."""
    amount = won(told["amount"], lang) if "amount" in told else ""
    words = (amount, say(ESCROW, told.get("reason", ""), lang), told.get("code", ""), told.get("message", ""))
    return " · ".join(word for word in words if word)


def _call(row: Row, lang: str) -> Event:
    spoken = say(VERDICTS, row["verdict"], lang)
    status = f"HTTP {row['status']} · " if row["status"] else ""
    detail = f"{spoken} · {status}{row['took_ms']:,} ms"
    return Event(
        row["at"], 0, "call", tone(VERDICTS, row["verdict"]), f"{row['gateway']} {row['op']}", detail, call=row
    )


def _operation(one: Operation, lang: str) -> Event:
    korean = lang == "ko"
    title = f"{say(KINDS, one.kind, lang)}: {say(STEPS, one.step, lang)}"
    words = [f"{one.amount:,}원" if korean else f"₩{one.amount:,}"]
    if one.evidence:
        words.append(f"근거 {one.evidence}" if korean else f"evidence {one.evidence}")
    if one.tries > 1:
        words.append(f"{one.tries}번 시도" if korean else f"{one.tries} tries")
    if one.code or one.message:
        words.append(" ".join(text for text in (one.code, one.message) if text))
    at = to_ms(one.ended_at or one.sent_at)
    return Event(at, 2, "operation", tone(STEPS, one.step), title, " · ".join(words), say(ACTORS, one.actor, lang))


def _notice(row: Row, lang: str) -> Event:
    korean = lang == "ko"
    title = "결제사의 알림" if korean else "Notice from the gateway"
    states = {
        "pending": ("처리 전", "pending"),
        "done": ("처리함", "done"),
        "strange": ("맞는 결제 없음", "fits nothing"),
    }
    words = [row["kind"], states[row["state"]][0 if korean else 1]]
    if row["outcome"]:
        words.append(say(OUTCOMES, row["outcome"].split(":")[0], lang))  # behind it the books' own notes
    if row["seen"] > 1:
        words.append(f"{row['seen']}번 받음" if korean else f"received {row['seen']} times")
    shade = {"pending": "live", "done": "good", "strange": "warn"}[row["state"]]
    return Event(row["received_at"], 3, "notice", shade, title, " · ".join(words), row["source"])


def _news(row: Row, lang: str) -> Event:
    korean = lang == "ko"
    states = {
        "waiting": ("전하는 중", "waiting"),
        "heard": ("전함", "heard"),
        "kept": ("전하지 못함", "kept for a person"),
    }
    words = [f"#{row['seq']}", states[row["state"]][0 if korean else 1]]
    if row["tries"] > 1 or row["state"] != "heard":
        words.append(f"{row['tries']}번 보냄" if korean else f"{row['tries']} tries")
    if row["last_error"] and row["state"] != "heard":
        words.append(row["last_error"])
    title = f"WordPress: {say(NEWS, row['type'], lang)}"
    shade = {"waiting": "warn", "heard": "good", "kept": "bad"}[row["state"]]
    return Event(row["heard_at"] or row["created_at"], 4, "news", shade, title, " · ".join(words))


def _case(row: Row, lang: str) -> list[Event]:
    korean = lang == "ko"
    opened = "확인할 일이 생겼어요" if korean else "Case opened"
    events = [Event(row["opened_at"], 5, "case", "bad", opened, row["detail"] or row["reason"])]
    if row["closed_at"]:
        closed = "확인할 일을 마쳤어요" if korean else "Case closed"
        events.append(Event(row["closed_at"], 5, "case", "good", closed, row["resolution"]))
    return events
