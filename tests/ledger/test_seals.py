"""Chains and seals, row by row: `bridge.ledger.audit` and `bridge.ledger.seals` find what was changed and count right.

With PAGE_ROWS made small, so that few rows make several pages."""

import json

import pytest

from bridge.clock import to_ms
from bridge.domain.machine import Evidence
from bridge.ledger import audit, operations, orders, payments, seals
from bridge.ledger.vault import Vault
from tests.ledger.test_rows import ORDER
from tests.ledger.test_rows import payment as payment_of
from tests.support.books import open_books
from tests.support.clock import NOW, VirtualClock

AT = to_ms(NOW)
SITES = ("http://one.test", "http://two.test")


def mac(text: str) -> str:
    return f"mac:{text[::-1]}"


@pytest.fixture
async def books(database):
    ledger = open_books(database)
    for number, url in enumerate(SITES):
        site = (f"s{number}", url, "test", "mainpay", AT)
        await ledger.write(lambda turn, site=site: turn.run("INSERT INTO sites VALUES (?, ?, ?, ?, ?)", *site))
    yield ledger
    await ledger.close()


async def note(books, payment, many=1, site="s0"):
    def work(turn):
        for number in range(many):
            audit.note(turn, site=site, payment=payment, at=AT + number, actor="a", event="e", detail={"n": number})

    await books.write(work)


async def seal(books):
    return await books.write(lambda turn: seals.seal(turn, mac, AT))


async def whole(books):
    return [(one.subject, one.what) for one in await books.read(lambda turn: seals.check_whole(turn, mac))]


async def rows(books, sql, *values):
    return await books.read(lambda turn: turn.all(sql, *values))


@pytest.fixture
async def edit(books, database):
    """Changes a row behind the books' back, whose own rules forbid it."""

    sqlite = database.startswith("sqlite")

    async def edited(table, sql, *values):
        rules = [f"DROP TRIGGER IF EXISTS {table}_{name}" for name in ("fixed", "kept")]

        def work(turn):
            for rule in rules if sqlite else ["SET LOCAL session_replication_role = replica"]:
                turn.run(rule)
            assert turn.run(sql, *values) == 1

        await books.write(work)

    return edited


@pytest.mark.parametrize(
    ("values", "hashed"),
    [
        (["p", 1, "공연", None], "e220e3d55d9d8a9f6ae55e7400d7ff8fd634968cca0b2a226fe5677d47d1407a"),
        ((), "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"),
    ],
)
def test_a_rows_hash_is_that_of_its_json_as_it_is_written(values, hashed):
    assert audit.hash_of(values) == hashed, "or every chain of books in use would be broken"


def test_bytes_that_somebody_put_in_place_of_a_text_have_another_hash():
    assert audit.hash_of(["p", b"paid"]) != audit.hash_of(["p", "paid"])
    assert audit.hash_of(["p", b"paid"]) != audit.hash_of(["p", b"open"])


async def test_an_audit_row_says_who_did_what_when_and_hangs_on_the_one_before(books):
    def work(turn):
        audit.note(turn, site="s0", payment="p", at=AT, actor="buyer", event="first")
        audit.note(
            turn, site="s0", payment="p", at=AT + 1, actor="가", event="second", was="open", became="paid",
            detail={"b": "나", "a": 1},
        )  # fmt: skip

    await books.write(work)
    first, second = await books.read(lambda turn: audit.chain(turn, "p"))
    said = [[row[name] for name in audit.SAID[:-1]] for row in (first, second)]
    assert said == [
        [AT, "buyer", "first", "", "", "{}"],
        [AT + 1, "가", "second", "open", "paid", '{"a": 1, "b": "나"}'],
    ]
    assert (first["seq"], first["previous"], second["seq"], second["previous"]) == (1, "", 2, first["hash"])
    assert audit.SAID[-1] == "hash"
    assert second["hash"] == audit.hash_of(
        ["p", 2, "s0", AT + 1, "가", "second", "open", "paid", '{"a": 1, "b": "나"}', first["hash"]]
    )
    waiting = await rows(books, "SELECT payment, seq, site FROM unsealed ORDER BY seq")
    assert [tuple(dict(row).values()) for row in waiting] == [("p", 1, "s0"), ("p", 2, "s0")]


async def test_a_seal_covers_each_payments_head_and_hangs_on_the_one_before(books):
    assert await seal(books) == 0
    assert await books.read(lambda turn: seals.last_of(turn, "s0")) == (0, "")
    await note(books, "p1", 2)
    await note(books, "p2")
    await note(books, "q", site="s1")
    assert await books.read(seals.are_owed)
    assert await seal(books) == 4
    assert not await books.read(seals.are_owed)
    await note(books, "p1")
    assert await seal(books) == 1

    made = await rows(books, "SELECT * FROM seals ORDER BY site, seq")
    assert [(row["site"], row["seq"], row["at"], row["many"]) for row in made] == [
        *(("s0", 1, AT, 3), ("s0", 2, AT, 1), ("s1", 1, AT, 1)),
    ]
    heads = {
        (row["payment"], row["seq"]): row["hash"] for row in await rows(books, "SELECT payment, seq, hash FROM audit")
    }
    assert json.loads(made[0]["heads"]) == [["p1", 2, heads["p1", 2]], ["p2", 1, heads["p2", 1]]]
    assert made[1]["heads"] == f'[["p1",3,"{heads["p1", 3]}"]]', "as small as can be: the books keep it for ever"
    assert (made[0]["previous"], made[1]["previous"], made[2]["previous"]) == ("", made[0]["hash"], "")
    for row in made:
        values = [row[name] for name in ("site", "seq", "at", "many", "heads", "previous")]
        assert row["hash"] == mac(audit.hash_of(values))
    assert await books.read(lambda turn: seals.last_of(turn, "s0")) == (2, made[1]["hash"])
    assert await whole(books) == []


async def test_a_turn_seals_no_more_than_500_rows(books):
    await note(books, "p", 501)

    assert [await seal(books), await seal(books), await seal(books)] == [500, 1, 0]
    assert await whole(books) == []


async def test_a_row_that_waits_under_another_site_is_not_covered_up(books):
    await note(books, "p")
    await books.write(lambda turn: turn.run("UPDATE unsealed SET site = 's1'"))
    await seal(books)

    assert await whole(books) == [("p", "audit row 1 is not the one that seal 1 covers")]


async def test_sites_are_those_of_the_books_and_those_of_any_row(books):
    await note(books, "p", site="gone")
    assert await books.read(seals.sites) == ["gone", "s0", "s1"]
    await seal(books)
    assert await books.read(seals.sites) == ["gone", "s0", "s1"]


async def test_a_check_says_what_it_saw_from_where_to_where(books):
    for payment in ("p2", "p1", "p3"):
        await note(books, payment, 2)
        await seal(books)

    def check(after, limit):
        return books.read(lambda turn: seals.check_seals(turn, mac, "s0", after, limit))

    assert await check(0, 10) == ([], ["p1", "p2", "p3"], 3, 6)
    assert await check(0, 2) == ([], ["p1", "p2"], 2, 4)
    assert await check(2, 2) == ([], ["p3"], 3, 2)
    assert await check(3, 2) == ([], [], 3, 0)
    found, names, upto, many = await check(5, 2)
    assert ([one.what for one in found], names, upto, many) == (["seal 5 is gone"], [], 5, 0)


@pytest.mark.parametrize(
    ("name", "value"), [("at", AT + 1), ("many", 3), ("heads", "[]"), ("previous", "x"), ("hash", "x")]
)
async def test_a_seal_that_was_changed_does_not_fit_and_nothing_after_it_is_believed(books, edit, name, value):
    for payment in ("p1", "p2", "p3"):
        await note(books, payment)
        await seal(books)
    await edit("seals", f"UPDATE seals SET {name} = ? WHERE site = 's0' AND seq = 2", value)

    found, names, upto, many = await books.read(lambda turn: seals.check_seals(turn, mac, "s0", 0, 10))
    assert [(one.subject, one.what) for one in found] == [("s0", "seal 2 does not fit")]
    assert (names, upto, many) == (["p1"], 2, 1)
    if name != "many":  # that is found before: the seals cover more rows than there are
        assert await whole(books) == [("s0", "seal 2 does not fit")]


async def test_a_seal_in_the_middle_or_at_the_end_that_is_gone_is_missed(books, edit):
    for payment in ("p1", "p2", "p3"):
        await note(books, payment)
        await seal(books)
    made = await rows(books, "SELECT hash FROM seals ORDER BY seq")
    assert await books.read(lambda turn: seals.check_last(turn, mac, "s0")) == []
    assert await books.read(lambda turn: seals.check_last(turn, mac, "s1")) == [], "a site without seals has lost none"
    await edit("seals", "DELETE FROM seals WHERE site = 's0' AND seq = 3")
    assert await books.read(lambda turn: seals.check_last(turn, mac, "s0")) == [
        seals.Break("s0", "the last seal is 2, and not the last that was made")
    ]
    assert await books.read(seals.check_cover) == [seals.Break("", "there are 3 audit rows, and 2 were sealed or wait")]
    assert ("s0", "the last seal is 2, and not the last that was made") in await whole(books)
    older = f"2:{made[1]['hash']}"
    await books.write(lambda turn: turn.run("UPDATE meta SET value = ? WHERE name = 'sealed:s0'", older))
    assert await books.read(lambda turn: seals.check_last(turn, mac, "s0")) != [], "an older seal's hash is no proof"
    await edit("seals", "DELETE FROM seals WHERE site = 's0' AND seq = 1")
    found, *_ = await books.read(lambda turn: seals.check_seals(turn, mac, "s0", 0, 10))
    assert [one.what for one in found] == ["seal 1 does not fit"]


async def test_a_head_that_is_not_the_one_that_was_sealed_is_found(books, edit):
    await note(books, "p", 2)
    await seal(books)
    await edit("audit", "UPDATE audit SET hash = 'x' WHERE payment = 'p' AND seq = 2")

    found, *_ = await books.read(lambda turn: seals.check_seals(turn, mac, "s0", 0, 10))
    assert found == [seals.Break("p", "audit row 2 is not the one that seal 1 covers")]
    await edit("audit", "DELETE FROM audit WHERE payment = 'p' AND seq = 2")
    found, *_ = await books.read(lambda turn: seals.check_seals(turn, mac, "s0", 0, 10))
    assert found == [seals.Break("p", "audit row 2 is not the one that seal 1 covers")]


@pytest.mark.parametrize("page", [1, 2, 3, 4, 2000])
async def test_payments_are_checked_page_by_page_whole_and_once(books, monkeypatch, page):
    monkeypatch.setattr(seals, "PAGE_ROWS", page)
    for payment, many in (("p1", 3), ("p2", 1), ("p3", 5), ("p4", 1)):
        await note(books, payment, many)

    seen, after, found = [], "", []
    while True:
        breaks, after, many = await books.read(lambda turn, after=after: seals.check_payments(turn, after))
        seen.append(many)
        found += breaks
        if not after:
            break
    assert found == []
    assert sum(seen) == 10, "each row once, although pages end within payments"
    assert await whole(books) == []
    await seal(books)
    assert await whole(books) == []


@pytest.mark.parametrize("page", [1, 2, 3, 2000])
@pytest.mark.parametrize("payment", ["p1", "p2", "p3"])
async def test_a_broken_chain_is_found_on_whatever_page_it_is(books, edit, monkeypatch, page, payment):
    monkeypatch.setattr(seals, "PAGE_ROWS", page)
    for one in ("p1", "p2", "p3"):
        await note(books, one, 2)
    await seal(books)
    await edit("audit", "UPDATE audit SET actor = 'x' WHERE payment = ? AND seq = 1", payment)

    assert await whole(books) == [(payment, "the audit is broken at row 1")]
    some = await books.read(lambda turn: seals.check_some(turn, ["p1", "p2", "p3"]))
    assert some == [seals.Break(payment, "the audit is broken at row 1")]


async def test_one_broken_chain_hides_no_other(books, edit):
    for one in ("p1", "p2", "p3"):
        await note(books, one, 2)
    await edit("audit", "UPDATE audit SET actor = 'x' WHERE payment = 'p1' AND seq = 2")
    await edit("audit", "UPDATE audit SET actor = 'x' WHERE payment = 'p3' AND seq = 1")

    assert await whole(books) == [("p1", "the audit is broken at row 2"), ("p3", "the audit is broken at row 1")]


async def test_seals_are_checked_page_by_page(books, edit, monkeypatch):
    monkeypatch.setattr(seals, "PAGE_ROWS", 2)
    for number in range(5):
        await note(books, f"p{number}")
        await seal(books)
    assert await whole(books) == []
    await edit("seals", "UPDATE seals SET at = at + 1 WHERE site = 's0' AND seq = 5")
    assert await whole(books) == [("s0", "seal 5 does not fit")]


async def test_a_row_that_waits_for_its_seal_must_be_the_one_that_is_there(books):
    await note(books, "p")
    await books.write(lambda turn: turn.run("INSERT INTO unsealed VALUES ('p', 2, 's0')"))
    what = "audit row 2 is not the one that waits for its seal"
    assert (await books.read(lambda turn: seals.check_some(turn, ["p"]))) == [seals.Break("p", what)]
    assert ("p", what) in await whole(books)
    found, after, many = await books.read(lambda turn: seals.check_payments(turn, ""))
    assert ([one.what for one in found], after, many) == ([what], "", 1)
    await seal(books)
    (made,) = await rows(books, "SELECT heads FROM seals")
    assert made["heads"] == '[["p",2,""]]', "sealed as what it is: a row that is not there"
    found, *_ = await books.read(lambda turn: seals.check_seals(turn, mac, "s0", 0, 10))
    assert [one.what for one in found] == ["audit row 2 is not the one that seal 1 covers"]


@pytest.mark.parametrize("page", [2, 2000])
async def test_an_entry_is_checked_against_the_audit_that_knows_it(books, edit, monkeypatch, page):
    monkeypatch.setattr(seals, "PAGE_ROWS", page)
    await books.write(lambda turn: orders.store(turn, "s0", ORDER, AT))
    made = [payment_of(seed=seed, site="s0") for seed in (1, 2)]
    for one in made:
        entry = {"site": "s0", "payment": one.id, "kind": "capture", "amount": 1_000, "evidence": Evidence.E1, "at": AT}

        def work(turn, one=one, entry=entry):
            payments.add(turn, one, token_id="t", actor="buyer")
            operations.enter(turn, cause=f"{one.id}-1", **entry)
            operations.enter(turn, cause=f"{one.id}-2", **entry)

        await books.write(work)
    ids = sorted(one.id for one in made)
    assert await whole(books) == []
    chain = await books.read(lambda turn: audit.chain(turn, ids[0]))
    assert [row["event"] for row in chain] == ["payment.created", "ledger.entry", "ledger.entry"]
    if page == 2000:
        assert await books.read(lambda turn: seals.check_payments(turn, "")) == ([], "", 10), "6 rows and 4 entries"

    first, second = ids
    await edit("entries", "UPDATE entries SET amount = 2000 WHERE cause = ?", f"{first}-1")
    what = (first, f"the entry {first}-1 is not the one the audit knows")
    assert await whole(books) == [what]
    await edit("entries", "DELETE FROM entries WHERE cause = ?", f"{second}-2")
    assert await whole(books) == [what, (second, f"the entry {second}-2 is gone")]
    some = await books.read(lambda turn: seals.check_some(turn, ids))
    assert [(one.subject, one.what) for one in some] == await whole(books)
    await edit("audit", "UPDATE audit SET actor = 'x' WHERE payment = ? AND seq = 2", first)
    assert (first, "the audit is broken at row 2") in await whole(books)
    assert [what for subject, what in await whole(books) if subject == first] == ["the audit is broken at row 2"], (
        "a broken audit knows nothing of entries"
    )


async def test_a_site_is_verified_up_to_a_number_that_is_kept(books):
    assert await books.read(lambda turn: seals.verified(turn, "s0")) == 0
    await books.write(lambda turn: seals.note_verified(turn, "s0", 3))
    await books.write(lambda turn: seals.note_verified(turn, "s0", 7))
    assert await books.read(lambda turn: seals.verified(turn, "s0")) == 7
    assert await books.read(lambda turn: seals.verified(turn, "s1")) == 0
    await books.write(lambda turn: turn.run("UPDATE meta SET value = 'x' WHERE name = 'verified:s0'"))
    assert await books.read(lambda turn: seals.verified(turn, "s0")) == 0, "what is no number verifies nothing"


async def test_only_who_holds_the_key_can_seal(books):
    vault = Vault(bytes(32), VirtualClock())
    await note(books, "p")
    await seal(books)

    found = await books.read(lambda turn: seals.check_whole(turn, lambda text: vault.blind(f"seal|{text}")))
    assert [(one.subject, one.what) for one in found] == [
        ("s0", "seal 1 does not fit"),
        ("s0", "the last seal is 1, and not the last that was made"),
    ]
