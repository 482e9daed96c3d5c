"""Rows of an attestation against books that stand: only what goes on from them fits, and what is final stays.

The rows that `bridge.ledger.revive` writes."""

from dataclasses import replace

import pytest

from bridge.domain.machine import Evidence, Kind, State, Step
from bridge.ledger import audit, cases, notices, operations, orders, payments, revive
from bridge.ledger.notices import StoredNotice
from tests.ledger.test_rows import AT, ORDER, opened, operation

FITS = ""


async def row_of(books, table, of):
    """Read a row as an attestation has it."""
    return await books.read(lambda turn: dict(turn.one(f"SELECT * FROM {table} WHERE id = ?", of)))


async def chain_of(books, payment):
    rows = await books.read(lambda turn: audit.chain(turn, payment))
    return [[row[name] for name in audit.SAID] for row in rows]


async def why_not(books, payment, later=(), said=()):
    return await books.read(lambda turn: revive.fits(turn, payment, list(later), list(said)))


async def at_step(books, of, step, **changes):
    """Write an operation that has come to a step."""
    sent = operation(of, **changes)

    def work(turn):
        operations.add(turn, sent)
        if step is not Step.SENT:
            operations.step(turn, sent, step, at=AT, evidence=None if step is Step.UNKNOWN else Evidence.E1)

    await books.write(work)
    return await row_of(books, "operations", sent.id)


async def test_what_goes_on_from_the_books_fits_and_what_they_never_had_too(books):
    made = await opened(books)
    own, said = await row_of(books, "payments", made.id), await chain_of(books, made.id)
    assert said
    assert await why_not(books, own, said=said) == FITS
    assert await why_not(books, {**own, "state": "paid"}, said=[*said, ["a later row"]]) == FITS
    assert await why_not(books, {**own, "id": "another", "state": "expired"}) == FITS


async def test_an_audit_that_is_shorter_or_goes_on_otherwise_does_not_fit(books):
    made = await opened(books)
    own, said = await row_of(books, "payments", made.id), await chain_of(books, made.id)
    assert await why_not(books, own, said=said[:-1]) == "its audit goes on otherwise here"
    assert await why_not(books, own, said=[*said[:-1], [*said[-1][:-1], "h"]]) == "its audit goes on otherwise here"


async def test_books_have_all_that_was_sealed_where_its_last_row_stands_in_its_place(books):
    made = await opened(books)
    said = await chain_of(books, made.id)

    async def has(*rows):
        return await books.read(lambda turn: revive.has_all(turn, made.id, rows))

    assert await has(*said)
    assert await has(*said[:-1])
    assert not await has(*said, ["a later row"])
    assert not await has(*said[:-1], [*said[-1][:-1], "h"])


@pytest.mark.parametrize("name", ["site", "order_ref", "amount", "gateway", "merchant_ref"])
async def test_a_payment_of_another_order_amount_gateway_or_reference_does_not_fit(books, name):
    made = await opened(books)
    own, said = await row_of(books, "payments", made.id), await chain_of(books, made.id)
    changed = own[name] + 1 if name == "amount" else "another"
    assert await why_not(books, {**own, name: changed}, said=said) == (
        "its order, amount, gateway or reference is another"
    )


async def test_a_payment_that_has_ended_stays_as_it_ended(books):
    made = await opened(books)
    await books.write(
        lambda turn: payments.move(turn, made, State.EXPIRED, at=AT, actor="bridge", event="payment.expired")
    )
    own, said = await row_of(books, "payments", made.id), await chain_of(books, made.id)
    assert await why_not(books, own, said=said) == FITS
    assert await why_not(books, {**own, "state": "voided"}, said=said) == "it had ended as expired and is voided"


@pytest.mark.parametrize(
    ("stands", "later", "why"),
    [
        (Step.OK, "unknown", "an operation had ended as ok and is unknown"),
        (Step.FAIL, "ok", "an operation had ended as fail and is ok"),
        (Step.NOT_SENT, "ok", "an operation had ended as not_sent and is ok"),
        (Step.OK, "ok", FITS),
        (Step.UNKNOWN, "ok", FITS),
        (Step.SENT, "fail", FITS),
    ],
)
async def test_an_operation_that_has_ended_stays_as_it_ended(books, stands, later, why):
    made = await opened(books)
    done = await at_step(books, made, stands)
    own, said = await row_of(books, "payments", made.id), await chain_of(books, made.id)
    asked = [{"id": "never there", "state": "ok"}, {"id": done["id"], "state": later}]
    assert await why_not(books, own, later=asked, said=said) == why
    changed = {**done, "state": later, "code": "later"}
    await books.write(lambda turn: revive.operation(turn, changed))
    after = await row_of(books, "operations", done["id"])
    assert after == (done if stands in (Step.OK, Step.FAIL, Step.NOT_SENT) else changed)


@pytest.mark.parametrize(
    ("kind", "later", "is_before"),
    [
        (Kind.CHECK, {"state": "ok", "ended_at": AT}, True),
        (Kind.CHECK, {"state": "unknown"}, False),
        (Kind.REFUND, {"state": "ok", "ended_at": AT}, False),
    ],
)
async def test_only_a_comparison_that_had_ended_in_the_lost_books_is_one_of_before_the_restore(
    books, kind, later, is_before
):
    done = await at_step(books, await opened(books), Step.UNKNOWN, kind=kind)
    await books.write(lambda turn: revive.operation(turn, {**done, **later}))
    read = await books.read(lambda turn: operations.get(turn, "s", done["id"]))
    assert (read.step, read.before_restore) == (later["state"], is_before)


@pytest.mark.parametrize(
    ("later", "fits"),
    [
        ({"state": "paid", "adopted": 0}, False),
        ({"state": "voiding", "adopted": 0}, True),
        ({"state": "voiding", "adopted": 1}, False),
        ({"state": "expired", "adopted": 0}, True),
    ],
)
async def test_of_an_orders_payments_one_holds_it(books, later, fits):
    stands = await opened(books)
    await books.write(
        lambda turn: payments.move(turn, stands, State.APPROVING, at=AT, actor="buyer", event="approve.sent")
    )
    own = await row_of(books, "payments", stands.id)
    other = {**own, "id": "another", "merchant_ref": "ANOTHER", **later}
    assert await why_not(books, other) == (FITS if fits else f"payment {stands.id} holds the same order")
    assert await why_not(books, {**other, "order_ref": "O-2"}) == FITS
    assert await why_not(books, {**other, "site": "another"}) == FITS


@pytest.mark.parametrize(("version", "title"), [(0, "봄의 제전"), (1, "다시"), (2, "다시")])
async def test_an_order_is_written_over_by_its_own_and_a_later_version_and_keeps_its_buyer(books, version, title):
    own = await books.read(lambda turn: dict(turn.one("SELECT * FROM orders WHERE site = 's' AND ref = 'O-1'")))
    said = {name: value for name, value in own.items() if name not in revive._BLANK["orders"]}
    await books.write(lambda turn: revive.order(turn, {**said, "version": version, "title": "다시"}))
    after = await books.read(lambda turn: dict(turn.one("SELECT * FROM orders WHERE site = 's' AND ref = 'O-1'")))
    assert (after["title"], after["version"], after["buyer_name"]) == (title, max(version, 1), "홍길동")
    await books.write(lambda turn: revive.order(turn, {**said, "ref": "O-9"}))
    missing = await books.read(lambda turn: dict(turn.one("SELECT * FROM orders WHERE ref = 'O-9'")))
    nobody = {"buyer_id": "", "buyer_name": "", "buyer_email": "", "buyer_phone": "", "items": "[]"}
    assert {name: missing[name] for name in nobody} == nobody, "the buyer is in no attestation"


async def test_a_payment_is_written_where_it_is_missing_and_goes_on_alone_where_it_stands(books):
    for ref in ("O-2", "O-3"):
        await books.write(lambda turn, ref=ref: orders.store(turn, "s", replace(ORDER, ref=ref), AT))
    made, beside = await opened(books), await opened(books, seed=2, order_ref="O-2")
    own, other = await row_of(books, "payments", made.id), await row_of(books, "payments", beside.id)
    said = {name: value for name, value in own.items() if name not in revive._BLANK["payments"]}
    later = {"state": "expired", "version": own["version"] + 1}
    missing = {**said, "id": "another", "order_ref": "O-3", "merchant_ref": "another"}
    for values in (said | later, missing):
        await books.write(lambda turn, values=values: revive.payment(turn, values))
    assert await row_of(books, "payments", made.id) == own | later
    assert await row_of(books, "payments", beside.id) == other
    assert await row_of(books, "payments", "another") == {**missing, "token_id": ""}


async def test_a_case_is_written_once_and_closed_by_a_later_row_and_never_opened_again(books):
    made = await opened(books)
    seen = {"case_id": "c1", "reason": "reported", "detail": "seen", "at": AT}
    await books.write(lambda turn: cases.open_case(turn, site="s", payment=made.id, **seen))
    own = await row_of(books, "cases", "c1")

    async def after(**changes):
        await books.write(lambda turn: revive.case(turn, {**own, **changes}))
        rows = await books.read(lambda turn: turn.all("SELECT id, state FROM cases ORDER BY id"))
        return [(row["id"], row["state"]) for row in rows]

    closed = {"state": "closed", "closed_at": AT, "resolution": "seen"}
    assert await after(id="c0") == [("c1", "open")], "one is open for that reason"
    assert await after(id="c2", reason="foreign") == [("c1", "open"), ("c2", "open")]
    assert await after(id="c3", **closed) == [("c1", "open"), ("c2", "open"), ("c3", "closed")]
    assert await after(**closed) == [("c1", "closed"), ("c2", "open"), ("c3", "closed")]
    assert await after() == [("c1", "closed"), ("c2", "open"), ("c3", "closed")]


@pytest.mark.parametrize(("outcome", "kept"), [("paid", "paid"), ("", revive.REVIVED)])
@pytest.mark.parametrize("came_again", [True, False])
async def test_a_notice_that_had_its_effect_is_done_whether_it_came_again_or_not(books, outcome, kept, came_again):
    made = await opened(books)
    key = {"site": "s", "gateway": "mainpay", "kind": "notice", "dedupe": "d", "received_at": AT}
    if came_again:
        again = StoredNotice(id="again", **key, source="1.2.3.4", raw_sealed="text")
        await books.write(lambda turn: notices.store(turn, again))
    await books.write(lambda turn: revive.notice(turn, made.id, {"id": "first", **key, "outcome": outcome}, AT))

    rows = await books.read(lambda turn: turn.all("SELECT id, payment, state, outcome, raw_sealed FROM notices"))
    name, text = ("again", "text") if came_again else ("first", notices.ERASED)
    assert [tuple(row[one] for one in ("id", "payment", "state", "outcome")) for row in rows] == [
        (name, made.id, "done", kept)
    ]
    assert came_again or rows[0]["raw_sealed"] == text


async def test_news_the_shop_has_heard_is_not_told_again_and_what_waits_is_left(books):
    made = await opened(books)

    async def written(told):
        await books.write(lambda turn: revive.news(turn, "s", made.id, told, AT))
        asked = "SELECT id, seq, type, state, heard_at FROM news ORDER BY seq"
        rows = await books.read(lambda turn: turn.all(asked))
        return [tuple(row[one] for one in ("id", "seq", "type", "state", "heard_at")) for row in rows]

    first = (f"{made.id}-1", 1, "payment.paid", "heard", AT)
    assert await written([(1, "payment.paid")]) == [first]
    assert await written([(1, "another"), (2, "payment.refunded")]) == [
        first,
        (f"{made.id}-2", 2, "payment.refunded", "heard", AT),
    ]
