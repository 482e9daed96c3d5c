"""The state machine: every pair of states against the written table, in code and in the database."""

import sqlite3

import pytest

from bridge.domain.machine import (
    HOLDING,
    MOVES,
    PAID_STATES,
    PENDING_STEPS,
    STEPS,
    TERMINAL,
    UNSETTLED,
    Kind,
    State,
    Step,
    blocks,
    may_move,
    may_step,
    order_state,
)
from bridge.ledger import migrate

WRITTEN_MOVES = """
new: readying
readying: open failed_ready superseded expired
open: approving awaiting_deposit paid declined voiding unknown expired
approving: paid declined unknown open awaiting_deposit voiding
unknown: paid declined awaiting_deposit voiding needs_human
voiding: voided needs_human
awaiting_deposit: paid voided expired
paid: part_refunded refunded
part_refunded: part_refunded refunded
needs_human: paid voided declined part_refunded refunded
refunded:
declined:
voided:
expired:
failed_ready:
superseded:
"""
WRITTEN_STEPS = """
sent: ok fail not_sent unknown
unknown: ok fail needs_human
needs_human: ok fail
ok:
fail:
not_sent:
"""
ENDED = {"refunded", "declined", "voided", "expired", "failed_ready", "superseded"}


def table(text):
    lines = (line.partition(":") for line in text.strip().splitlines())
    return {name: set(exits.split()) for name, _, exits in lines}


MOVES_WRITTEN, STEPS_WRITTEN = table(WRITTEN_MOVES), table(WRITTEN_STEPS)


def test_the_tables_name_every_state():
    assert set(MOVES_WRITTEN) == set(MOVES) == set(State)
    assert set(STEPS_WRITTEN) == set(STEPS) == set(Step)


@pytest.mark.parametrize("becomes", State)
@pytest.mark.parametrize("was", State)
def test_a_payment_moves_along_the_table_alone(was, becomes):
    assert may_move(was, becomes) is (becomes in MOVES_WRITTEN[was])


@pytest.mark.parametrize("becomes", Step)
@pytest.mark.parametrize("was", Step)
def test_an_operation_steps_along_the_table_alone(was, becomes):
    assert may_step(was, becomes) is (becomes in STEPS_WRITTEN[was])


def test_the_sets_of_states_are_what_they_are_called():
    assert set(TERMINAL) == ENDED
    assert set(UNSETTLED) == {"approving", "unknown", "voiding", "needs_human"}
    assert set(PAID_STATES) == {"paid", "part_refunded", "refunded"}
    assert set(HOLDING) == set(UNSETTLED) | {"awaiting_deposit", "paid", "part_refunded"}
    assert set(PENDING_STEPS) == {"sent", "unknown", "needs_human"}
    assert not HOLDING & TERMINAL


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("step", Step)
def test_what_has_no_outcome_bars_others_unless_nobody_waits_for_it(kind, step):
    assert blocks(kind, step) is (
        step in {"sent", "unknown", "needs_human"} and kind not in {"check", "withdraw", "word"}
    )


def test_every_state_can_be_reached_and_what_is_unknown_can_end():
    reached, new = {State.NEW}, {State.NEW}
    while new:
        new = {exit_ for state in new for exit_ in MOVES[state]} - reached
        reached |= new
    assert reached == set(State)
    for state in set(State) - TERMINAL:
        ends, new = {state}, {state}
        while new:
            new = {exit_ for one in new for exit_ in MOVES[one]} - ends
            ends |= new
        assert ends & TERMINAL, state


@pytest.mark.parametrize(
    ("states", "word"),
    [
        ({"paid", "expired"}, "paid"),
        ({"part_refunded", "declined"}, "part_refunded"),
        ({"refunded", "expired"}, "refunded"),
        ({"open", "declined"}, "open"),
        ({"unknown"}, "open"),
        ({"voiding", "declined"}, "open"),
        ({"needs_human"}, "open"),
        ({"awaiting_deposit"}, "open"),
        ({"declined", "voided", "expired"}, "failed"),
        (set(), "failed"),
    ],
)
def test_an_orders_state_is_its_payments(states, word):
    assert order_state({State(state) for state in states}) == word


# ---- the database holds the rules too, whoever writes


@pytest.fixture
def books():
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.execute("PRAGMA foreign_keys = ON")
    for _, script in migrate.migrations("sqlite"):
        for statement in migrate.split_statements(script):
            made.execute(statement)
    made.execute(
        "INSERT INTO sites (id, url, mode, default_gateway, created_at) VALUES ('s', 'http://s', 'test', 'g', 1)"
    )
    made.execute(
        "INSERT INTO orders (site, ref, version, title, amount, items, facts, buyer_id, buyer_name, buyer_email,"
        " buyer_phone, result_url, retry_url, locale, created_at, changed_at)"
        " VALUES ('s', 'o', 1, 't', 1000, '[]', '', '', '', '', '', '', '', 'ko', 1, 1)"
    )
    yield made
    made.close()


PAYMENT = {"id": "p", "site": "s", "order_ref": "o", "order_version": 1, "token_id": "t", "gateway": "g",
           "method": "card", "device": "pc", "state": "open", "amount": 1000, "merchant_ref": "M", "created_at": 1,
           "changed_at": 1, "expires_at": 1, "version": 1}  # fmt: skip
OPERATION = {"id": "op", "site": "s", "payment": "p", "kind": "refund", "amount": 1000, "state": "sent", "ref": "R",
             "actor": "a", "stamp_at": 1, "stamp_nonce": "n", "owner": "me", "sent_at": 1, "created_at": 1}  # fmt: skip
ENTRY = {"cause": "c", "site": "s", "payment": "p", "kind": "capture", "amount": 1000, "evidence": "E1", "at": 1}
AUDIT = {"payment": "p", "seq": 1, "site": "s", "at": 1, "actor": "a", "event": "e", "was": "", "became": "",
         "detail": "{}", "previous": "", "hash": "h"}  # fmt: skip


def money(state):
    captured = 1000 if state in ("paid", "part_refunded", "refunded") else 0
    return {"captured": captured, "refunded": {"part_refunded": 400, "refunded": 1000}.get(state, 0)}


def insert(books, name, row, **changes):
    row = row | changes
    marks = ", ".join("?" * len(row))
    books.execute(f"INSERT INTO {name} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))


def refused(books, sql, *values, match=None):
    with pytest.raises(sqlite3.IntegrityError, match=match):
        books.execute(sql, values)


@pytest.mark.parametrize("becomes", State)
@pytest.mark.parametrize("was", sorted(ENDED))
def test_the_database_lets_no_ended_payment_change_its_state(books, was, becomes):
    insert(books, "payments", PAYMENT, state=was, **money(was))
    values = money(becomes)
    sql = f"UPDATE payments SET state = '{becomes}', version = 2, captured = {values['captured']}, refunded = 0"
    if becomes != was:
        refused(books, sql.replace("refunded = 0", f"refunded = {values['refunded']}"), match="terminal")
    assert books.execute("SELECT state FROM payments").fetchone()[0] == was


@pytest.mark.parametrize("becomes", Step)
@pytest.mark.parametrize("was", ["ok", "fail", "not_sent"])
def test_the_database_lets_no_final_operation_change(books, was, becomes):
    insert(books, "payments", PAYMENT)
    insert(books, "operations", OPERATION, state=was)
    if becomes != was:
        refused(books, f"UPDATE operations SET state = '{becomes}'", match="final")
    assert books.execute("SELECT state FROM operations").fetchone()[0] == was


@pytest.mark.parametrize("version", [0, 1, -5])
def test_a_payments_version_only_rises(books, version):
    insert(books, "payments", PAYMENT)
    refused(books, f"UPDATE payments SET message = 'x', version = {version}", match="rise")
    refused(books, "UPDATE payments SET message = 'x'", match="rise")
    books.execute("UPDATE payments SET message = 'x', version = 2")


@pytest.mark.parametrize(
    "change", ["site = 'x'", "order_ref = 'x'", "amount = 1", "gateway = 'x'", "merchant_ref = 'x'"]
)
def test_what_a_payment_is_about_never_changes(books, change):
    insert(books, "payments", PAYMENT)
    refused(books, f"UPDATE payments SET {change}, version = 2", match="never change")


@pytest.mark.parametrize("name", ["payments", "operations", "entries", "audit"])
def test_the_books_forget_nothing(books, name):
    insert(books, "payments", PAYMENT)
    insert(books, "operations", OPERATION)
    insert(books, "entries", ENTRY)
    insert(books, "audit", AUDIT)
    refused(books, f"DELETE FROM {name}", match="never deleted")
    if name in ("entries", "audit"):
        for column in (row[1] for row in books.execute(f"PRAGMA table_info({name})").fetchall()):
            refused(books, f"UPDATE {name} SET {column} = {column}", match="never changed")


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "lost"},
        {"state": "PAID"},
        {"amount": 0},
        {"amount": -1},
        {"amount": 10_000_000_000},
        {"captured": -1},
        {"refunded": 1},
        {"captured": 1000, "refunded": 1001},
        {"state": "paid"},
        {"state": "paid", "captured": 999},
        {"state": "paid", "captured": 1001},
        {"state": "paid", "captured": 1000, "refunded": 1},
        {"state": "part_refunded", "captured": 1000},
        {"state": "part_refunded", "captured": 1000, "refunded": 1000},
        {"state": "refunded", "captured": 1000, "refunded": 999},
        {"state": "refunded"},
        {"version": 0},
        {"order_ref": "nobody's"},
        {"site": "nobody's"},
        {"method": None},
    ],
    ids=str,
)
def test_a_payment_that_cannot_be_is_not_written(books, changes):
    with pytest.raises(sqlite3.IntegrityError):
        insert(books, "payments", PAYMENT, **changes)


@pytest.mark.parametrize(
    ("name", "row", "changes"),
    [
        ("operations", OPERATION, {"kind": "steal"}),
        ("operations", OPERATION, {"amount": 0}),
        ("operations", OPERATION, {"state": "done"}),
        ("operations", OPERATION, {"payment": "nobody's"}),
        ("entries", ENTRY, {"amount": 0}),
        ("entries", ENTRY, {"amount": -1000}),
        ("entries", ENTRY, {"kind": "orphan_capture", "amount": -1}),
        ("entries", ENTRY, {"kind": "refund"}),
        ("entries", ENTRY, {"kind": "undo"}),
        ("entries", ENTRY, {"kind": "external_refund"}),
        ("entries", ENTRY, {"kind": "gift"}),
        ("entries", ENTRY, {"payment": "nobody's"}),
    ],
    ids=str,
)
def test_an_operation_or_entry_that_cannot_be_is_not_written(books, name, row, changes):
    insert(books, "payments", PAYMENT)
    with pytest.raises(sqlite3.IntegrityError):
        insert(books, name, row, **changes)


@pytest.mark.parametrize("amount", [0, -1, 10_000_000_000])
def test_an_order_that_cannot_be_is_not_written(books, amount):
    refused(books, f"UPDATE orders SET amount = {amount}")
    refused(books, "UPDATE orders SET tax_free = amount + 1")
    refused(books, "UPDATE orders SET version = 0")
    refused(books, "UPDATE sites SET mode = 'maybe'")


HELD = ["approving", "unknown", "awaiting_deposit", "paid", "part_refunded", "needs_human"]


@pytest.mark.parametrize("second", HELD)
@pytest.mark.parametrize("first", HELD)
def test_at_most_one_payment_of_an_order_may_hold_money(books, first, second):
    insert(books, "payments", PAYMENT, state=first, **money(first))
    with pytest.raises(sqlite3.IntegrityError):
        insert(books, "payments", PAYMENT, id="p2", merchant_ref="M2", state=second, **money(second))
    insert(books, "payments", PAYMENT, id="p2", merchant_ref="M2", state="open")
    sql = "UPDATE payments SET state = 'approving', version = 2 WHERE id = 'p2'"
    refused(books, sql)


@pytest.mark.parametrize("second", ["sent", "unknown", "needs_human"])
@pytest.mark.parametrize("first", ["sent", "unknown", "needs_human"])
def test_at_most_one_operation_of_a_payment_is_pending(books, first, second):
    insert(books, "payments", PAYMENT)
    insert(books, "operations", OPERATION, state=first)
    for kind in ("refund", "approve"):
        with pytest.raises(sqlite3.IntegrityError):
            insert(books, "operations", OPERATION, id=f"b{kind}", ref=f"R{kind}", kind=kind, state=second)
    insert(books, "operations", OPERATION, id="u1", ref="R", kind="undo", state=first)
    with pytest.raises(sqlite3.IntegrityError):
        insert(books, "operations", OPERATION, id="u2", ref="R", kind="undo", state=second)
    insert(books, "operations", OPERATION, id="done", ref="R9", kind="refund", state="ok")


def test_what_is_unique_is_unique(books):
    insert(books, "payments", PAYMENT)
    insert(books, "operations", OPERATION, state="ok")
    insert(books, "entries", ENTRY)
    insert(books, "audit", AUDIT)
    for name, row, changes in (
        ("payments", PAYMENT, {"id": "p2"}),
        ("operations", OPERATION, {"id": "op2", "state": "ok"}),
        ("entries", ENTRY, {"amount": 5}),
        ("audit", AUDIT, {"hash": "x"}),
    ):
        with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
            insert(books, name, row, **changes)
