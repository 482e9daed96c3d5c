"""What the books keep for later: cases, notices, what was asked before, what checks found, and a payment's facts.

The rows of `bridge.ledger.cases`, `bridge.ledger.notices`, `bridge.ledger.replay`, `bridge.ledger.checks` and
`bridge.ledger.facts`."""

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from bridge.clock import to_ms
from bridge.domain.failures import ClockBehind, Conflict, KeyReused
from bridge.domain.invariants import Deed, Entry, News
from bridge.domain.machine import Evidence, Kind, State, Step
from bridge.ledger import audit, calls, cases, checks, facts, news, notices, operations, payments, replay
from bridge.ledger.calls import CallRecord
from bridge.ledger.checks import Checked
from bridge.ledger.notices import Lost, StoredNotice
from bridge.ledger.proposals import Proposal, open_of
from bridge.ledger.proposals import add as propose
from bridge.ledger.proposals import end as end_proposal
from bridge.ledger.proposals import get as proposal_of
from tests.ledger.test_rows import AT, opened, operation
from tests.support.clock import NOW


async def told(books, detail, case_id="c1", reason="orphan", amount=1_000, at=AT, payment="p"):
    return await books.write(
        lambda turn: cases.open_case(
            turn, case_id=case_id, site="s", payment=payment, reason=reason, detail=detail, at=at, amount=amount
        )
    )


async def case(books, case_id="c1"):
    return dict(await books.read(lambda turn: cases.get(turn, case_id)))


async def said(books, payment):
    rows = await books.read(lambda turn: audit.chain(turn, payment))
    return [(row["event"], row["actor"], row["was"], row["became"], json.loads(row["detail"])) for row in rows]


async def proposed(books, proposal_id="o1"):
    made = Proposal(proposal_id, "s", "c1", "refund", 1_000, "seen", "kim", AT)
    await books.write(lambda turn: propose(turn, made))
    return made


async def test_a_case_tells_what_is_new_once_and_adds_up_what_it_is_about(books):
    assert await told(books, "first") is True
    assert await told(books, "second", "c2", amount=500, at=AT + 1) is True
    assert await told(books, "first", "c3") is False
    assert await told(books, "second", "c4") is False

    assert await case(books) == {
        **{"id": "c1", "site": "s", "payment": "p", "reason": "orphan", "detail": "first\nsecond", "amount": 1_500},
        **{"booked": 0, "refs": "{}"},
        **{"state": "open", "opened_at": AT, "closed_at": None, "resolution": ""},
    }
    about = {"case": "c1", "reason": "orphan"}
    events = [("case.opened", "bridge", "", "", about), ("case.extended", "bridge", "", "", about)]
    assert await said(books, "p") == events
    assert await books.read(lambda turn: cases.get(turn, "c2")) is None


async def test_a_case_is_cut_off_at_20_lines(books):
    news = [await told(books, f"line {number}", amount=1_000 if number < 20 else 0) for number in range(22)]

    assert news == [True] * 20 + [False] * 2
    found = await case(books)
    assert found["detail"].split("\n") == [f"line {number}" for number in range(20)]
    assert found["amount"] == 20_000


async def test_new_detail_ends_what_was_proposed_without_it_and_the_same_detail_does_not(books):
    await told(books, "first")
    made = await proposed(books)
    await told(books, "first")
    assert await books.read(lambda turn: open_of(turn, "c1")) == made
    await told(books, "second", at=AT + 5)
    ended = await books.read(lambda turn: proposal_of(turn, "o1"))
    assert (ended.state, ended.remark, ended.ended_at) == ("overtaken", "more was found", AT + 5)


async def test_a_proposal_is_ended_once_and_by_one_person(books):
    await told(books, "first")
    made = await proposed(books)

    async def end(state, who):
        await books.write(lambda turn: end_proposal(turn, made, state, checker=who, remark="seen", at=AT + 5))

    await end("rejected", "lee")
    with pytest.raises(Conflict):
        await end("confirmed", "park")
    ended = await books.read(lambda turn: proposal_of(turn, "o1"))
    assert (ended.state, ended.checker, ended.remark, ended.ended_at) == ("rejected", "lee", "seen", AT + 5)


async def test_a_case_is_closed_by_evidence_with_what_was_proposed_for_it(books):
    was = await opened(books)
    await told(books, "first", payment=was.id)
    await told(books, "other", "c2", reason="late", payment=was.id)
    await proposed(books)
    await books.write(lambda turn: cases.close_case(turn, was.id, "orphan", "settled", AT + 9))

    closed = await case(books)
    assert (closed["state"], closed["closed_at"], closed["resolution"]) == ("closed", AT + 9, "settled")
    assert (await case(books, "c2"))["state"] == "open"
    ended = await books.read(lambda turn: proposal_of(turn, "o1"))
    assert (ended.state, ended.remark, ended.ended_at) == ("overtaken", "settled", AT + 9)
    event = ("case.closed", "bridge", "open", "open", {"case": "c1", "reason": "orphan"})
    assert (await said(books, was.id))[-1] == event
    await books.write(lambda turn: cases.close_case(turn, was.id, "orphan", "again", AT + 10))
    assert (await case(books))["resolution"] == "settled"
    assert (await said(books, was.id))[-1] == event, "what is closed is not closed again"


async def test_money_is_added_up_and_ends_a_proposal_however_much_a_case_holds_already(books):
    for number in range(cases.DETAILS_MAX):
        assert await told(books, f"capture {number}")
    proposal = Proposal("pr1", "s", "c1", "refund", 1_000, "seen", "kim", AT + 1)
    await books.write(lambda turn: propose(turn, proposal))
    assert not await told(books, "words alone", amount=0), "words without money are cut off"
    assert await told(books, "one more capture", amount=500)
    assert (await case(books))["amount"] == cases.DETAILS_MAX * 1_000 + 500
    assert await books.read(lambda turn: open_of(turn, "c1")) is None, "its maker did not know of the money"
    assert not await told(books, "one more capture", amount=500), "the same is told once"
    assert (await case(books))["amount"] == cases.DETAILS_MAX * 1_000 + 500


async def test_a_person_ends_an_open_case_once(books):
    await told(books, "first")
    await books.write(lambda turn: cases.end(turn, "c1", "adopted", "by two", AT + 1))
    ended = await case(books)
    assert (ended["state"], ended["closed_at"], ended["resolution"]) == ("adopted", AT + 1, "by two")
    with pytest.raises(Conflict):
        await books.write(lambda turn: cases.end(turn, "c1", "closed", "again", AT + 2))


async def test_open_cases_are_read_oldest_first_of_one_site_or_of_all(books):
    for case_id, at in (("c1", AT + 2), ("c2", AT), ("c3", AT + 1)):
        await told(books, "d", case_id, reason=case_id, at=at)

    async def ids(**asked):
        return [row["id"] for row in await books.read(lambda turn: cases.open_cases(turn, **asked))]

    assert await ids() == await ids(site="s") == ["c2", "c3", "c1"]
    assert await ids(limit=1) == await ids(site="s", limit=1) == ["c2"]
    assert await ids(site="other") == []

    async def count(site=None):
        return await books.read(lambda turn: cases.count_open(turn, site))

    assert [await count(), await count("s"), await count("other")] == [3, 3, 0]
    assert [row["id"] for row in await books.read(lambda turn: cases.of_payment(turn, "p"))] == ["c2", "c3", "c1"]

    def get(site):
        return books.read(lambda turn: cases.get(turn, "c1", site))

    assert (await get("s"))["id"] == (await get(None))["id"] == "c1"
    assert await get("other") is None


NOTICE = StoredNotice("n1", "s", "mainpay", "noti", "d1", "1.1.1.1", "sealed", AT)


async def test_which_telling_a_notice_is_is_told_by_those_that_had_their_effect_whatever_a_clock_made_of_ids(books):
    first, again = replace(NOTICE, id="n8", payment="p"), replace(NOTICE, id="n2", payment="p")
    assert await books.write(lambda turn: notices.store(turn, first))
    assert await books.write(lambda turn: notices.store_again(turn, again))

    def telling(one):
        return books.read(lambda turn: notices.telling(turn, "p", "d1", one))

    assert [await telling("n2"), await telling("n8")] == [1, 2], "before either had its effect: as they are numbered"
    await books.write(lambda turn: notices.settle(turn, "n8", "done", "refunded", AT))
    assert await telling("n2") == 2


async def test_a_notice_is_kept_as_it_came_and_a_second_time_only_counted(books):
    assert await books.write(lambda turn: notices.store(turn, NOTICE)) is True
    assert await books.write(lambda turn: notices.store(turn, replace(NOTICE, id="n2", source="2.2.2.2"))) is False
    others = [
        replace(NOTICE, id="n3", dedupe="d2", received_at=AT - 1, payment="p"),
        replace(NOTICE, id="n4", gateway="payapp", received_at=AT + 1, payment="p"),
        replace(NOTICE, id="n5", site="t", state="strange"),
    ]
    for one in others:
        assert await books.write(lambda turn, one=one: notices.store(turn, one)) is True

    waiting = await books.read(lambda turn: notices.pending(turn, 10))
    assert waiting == [others[0], NOTICE, others[1]], "oldest first, as they came"
    assert await books.read(lambda turn: notices.pending(turn, 1)) == [others[0]]
    assert await books.read(lambda turn: notices.pending_of(turn, "p")) == others[:2]
    rows = await books.read(lambda turn: turn.all("SELECT id, seen, payment FROM notices ORDER BY id"))
    assert [(row["id"], row["seen"], row["payment"]) for row in rows] == [
        *(("n1", 2, None), ("n3", 1, "p"), ("n4", 1, "p"), ("n5", 1, None)),
    ]


async def test_a_notice_that_was_kept_and_is_gone_is_missed_whatever_page_it_is_on(books, database):
    await books.write(lambda turn: audit.note(turn, site="s", payment="a", at=AT, actor="me", event="made"))
    await books.write(lambda turn: audit.note(turn, site="s", payment="a", at=AT, actor="me", event=notices.STORED))
    for one in (
        replace(NOTICE, payment="p"),
        replace(NOTICE, id="n2", dedupe="d2"),
        replace(NOTICE, site="t", id="n3"),
    ):
        await books.write(lambda turn, one=one: notices.store(turn, one))
    await books.write(lambda turn: notices.store(turn, replace(NOTICE, id="n4")))  # a repeat is only counted

    async def missed(limit=10):
        found, after = [], ""
        while True:
            gone, after = await books.read(partial(notices.lost, after=after, limit=limit))
            found += gone
            if not after:
                return found

    assert await missed() == []
    off = (
        "DROP TRIGGER notices_kept" if database.startswith("sqlite") else "SET LOCAL session_replication_role = replica"
    )
    await books.write(lambda turn: (turn.run(off), turn.run("DELETE FROM notices WHERE id IN ('n1', 'n3')")))
    lost = [Lost("n1", "mainpay", "p", AT), Lost("n3", "mainpay", "", AT)]
    assert [await missed(limit) for limit in (1, 2, 3, 10)] == [lost] * 4
    assert await books.read(lambda turn: notices.lost_among(turn, ["n3", "n2", "a", "nobody"])) == lost[1:]
    assert await books.read(lambda turn: notices.lost_among(turn, [])) == []


async def test_a_plans_notices_are_read_as_they_came_until_their_texts_are_gone(books):
    kept = replace(NOTICE, plan="plan1")
    others = [
        replace(kept, id="n2", dedupe="d2", plan="plan2"),
        replace(kept, id="n3", dedupe="d3", raw_sealed=f"{notices.HASHED}ab"),
        replace(kept, id="n4", dedupe="d4", raw_sealed=notices.ERASED),
    ]
    for one in [*others, kept]:
        await books.write(lambda turn, one=one: notices.store(turn, replace(one, plan="")))
        await books.write(lambda turn, one=one: notices.bind_plan(turn, one.id, one.plan))

    assert await books.read(lambda turn: notices.sealed_of_plan(turn, "plan1")) == [kept]


async def test_the_notices_with_an_outcome_say_by_the_boot_clock_when_they_came(books):
    def asked(*outcomes):
        return books.read(lambda turn: notices.moments_with_outcome(turn, "p", outcomes))

    for one in (NOTICE, replace(NOTICE, id="n2", dedupe="d2", received_boot="start:5")):
        await books.write(lambda turn, one=one: notices.store(turn, one))
        await books.write(lambda turn, one=one: notices.bind(turn, one.id, "p"))
        await books.write(lambda turn, one=one: notices.settle(turn, one.id, "done", "reported", AT + 9))

    assert await asked("reported", "paid") == {"n1": "", "n2": "start:5"}
    assert await asked("paid") == {}


async def test_a_notice_has_its_effect_once(books):
    await books.write(lambda turn: notices.store(turn, NOTICE))
    assert await books.write(lambda turn: notices.take(turn, "n1")) is True
    assert await books.write(lambda turn: notices.take(turn, "nobody")) is False
    await books.write(lambda turn: notices.bind(turn, "n1", "p"))
    assert await books.read(lambda turn: notices.had_outcome(turn, "p", "paid")) is False
    await books.write(lambda turn: notices.settle(turn, "n1", "done", "paid", AT + 1))
    assert await books.write(lambda turn: notices.take(turn, "n1")) is False
    assert await books.read(lambda turn: notices.pending(turn, 10)) == []
    assert await books.read(lambda turn: notices.pending_of(turn, "p")) == []

    (row,) = await books.read(lambda turn: notices.of_payment(turn, "p"))
    assert dict(row) == {
        **{"id": "n1", "kind": "noti", "source": "1.1.1.1", "state": "done", "outcome": "paid"},
        **{"seen": 1, "received_at": AT, "done_at": AT + 1},
    }
    assert await books.read(lambda turn: notices.had_outcome(turn, "p", "paid")) is True
    assert await books.read(lambda turn: notices.had_outcome(turn, "p", "x")) is False
    assert await books.read(lambda turn: notices.had_outcome(turn, "q", "paid")) is False
    assert await books.read(lambda turn: notices.many_with_outcome(turn, "p", "paid")) == 1
    assert await books.read(lambda turn: notices.many_with_outcome(turn, "q", "paid")) == 0


KEPT_MS = 540_000
"""Twice the 120 seconds in which a request counts, and five minutes more."""


async def test_a_nonce_counts_until_it_may_have_been_dropped(books):
    assert await books.read(replay.latest_time) == 0
    assert await books.write(lambda turn: replay.forget_nonces(turn, AT)) == 0
    assert await books.read(replay.latest_time) == AT
    await books.write(lambda turn: replay.use_nonce(turn, "k", "in time", AT - KEPT_MS))
    with pytest.raises(ClockBehind, match="clock"):
        await books.write(lambda turn: replay.use_nonce(turn, "k", "late", AT - KEPT_MS - 1))
    assert await books.write(lambda turn: replay.forget_nonces(turn, AT + 1)) == 1
    assert await books.write(lambda turn: replay.forget_nonces(turn, AT - 1)) == 0
    assert await books.read(replay.latest_time) == AT + 1


async def test_after_a_restore_nothing_signed_before_it_counts(books):
    await books.write(lambda turn: replay.refuse_signed_before(turn, AT))
    assert await books.read(replay.latest_time) == AT + 120_000 + KEPT_MS
    with pytest.raises(ClockBehind):
        await books.write(lambda turn: replay.use_nonce(turn, "k", "before", AT + 120_000 - 1))
    await books.write(lambda turn: replay.use_nonce(turn, "k", "after", AT + 120_000))
    await books.write(lambda turn: replay.refuse_signed_before(turn, AT - 1))
    assert await books.read(replay.latest_time) == AT + 120_000 + KEPT_MS, "and never less"


HOUR_MS = 3_600_000
SHUT_MS = 120_000 + KEPT_MS


@pytest.mark.parametrize(("moved", "shut"), [(HOUR_MS, AT + HOUR_MS), (-HOUR_MS, AT - HOUR_MS), (0, AT)])
async def test_what_was_signed_before_a_restore_is_told_by_the_clock_as_it_was_set_since(books, moved, shut):
    await books.write(lambda turn: replay.refuse_signed_before(turn, AT))
    await books.write(lambda turn: replay.follow_clock(turn, AT, moved))
    assert await books.read(replay.latest_time) == shut + SHUT_MS


async def test_a_clock_that_was_set_back_since_a_restore_opens_nothing_where_a_later_time_was_seen(books):
    await books.write(lambda turn: replay.refuse_signed_before(turn, AT))
    await books.write(lambda turn: replay.forget_nonces(turn, AT + 2 * SHUT_MS))
    await books.write(lambda turn: replay.follow_clock(turn, AT, -HOUR_MS))
    assert await books.read(replay.latest_time) == AT + 2 * SHUT_MS


async def test_a_gateways_number_is_bound_to_one_payment_of_all_sites_however_it_is_spelt(books):
    def claim(number, payment, gateway="welcome"):
        return books.write(lambda turn: replay.claim(turn, gateway, number, payment, AT))

    assert await claim("Tid 1", "p1")
    assert await claim("tID1 ", "p1")
    assert not await claim("TID1", "p2")
    assert await claim("TID1", "p2", "payple")
    assert await claim("TID2", "p2")
    assert await books.read(lambda turn: replay.claimant(turn, "welcome", "tid 1")) == "p1"
    assert await books.read(lambda turn: replay.claimant(turn, "welcome", "TID3")) == ""
    rows = await books.read(
        lambda turn: turn.all("SELECT idempotency_key FROM answers WHERE site = '' AND digest = ''")
    )
    assert [row["idempotency_key"].startswith("return:") for row in rows] == [True] * 3, "no request has such a key"


async def test_a_key_is_bound_to_what_it_made_until_its_answer_is_kept(books):
    def earlier(digest="digest"):
        return books.read(lambda turn: replay.earlier(turn, "s", "k", digest))

    assert await earlier() is None
    await books.write(lambda turn: replay.remember(turn, "s", "k", "digest", "p1", AT))
    await books.write(lambda turn: replay.rebind(turn, "s", "k", "p2"))
    assert await earlier() == replay.Answer("p2", 0, "")
    await books.write(lambda turn: replay.keep_answer(turn, "s", "k", 201, "body"))
    await books.write(lambda turn: replay.rebind(turn, "s", "k", "p3"))
    assert await earlier() == replay.Answer("p2", 201, "body")
    with pytest.raises(KeyReused):
        await earlier("other")
    row = await books.read(lambda turn: turn.one("SELECT created_at FROM answers"))
    assert row["created_at"] == AT


async def test_a_check_is_kept_as_it_was_the_last_one_and_the_last_of_everything_apart(books):
    assert await books.read(lambda turn: checks.last(turn)) is None
    some = Checked(AT, False, 3, 30, 5, (("I1", "p", "가"),))
    every = Checked(AT + 1, True, 4, 40, 6)
    await books.write(lambda turn: checks.keep(turn, some))
    assert await books.read(lambda turn: checks.last(turn, full=True)) is None
    await books.write(lambda turn: checks.keep(turn, every))
    assert await books.read(lambda turn: checks.last(turn)) == some
    assert await books.read(lambda turn: checks.last(turn, full=True)) == every
    later = replace(some, at=AT + 2, found=())
    await books.write(lambda turn: checks.keep(turn, later))
    assert await books.read(lambda turn: checks.last(turn)) == later
    row = await books.read(lambda turn: turn.one("SELECT value FROM meta WHERE name = 'checked_all'"))
    assert checks.read(row["value"]) == every


async def test_of_what_a_check_found_the_first_hundred_are_kept(books):
    found = tuple((f"I{number}", "p", "가") for number in range(101))
    await books.write(lambda turn: checks.keep(turn, Checked(AT, False, 1, 1, 1, found)))

    assert (await books.read(lambda turn: checks.last(turn))).found == found[:100]
    row = await books.read(lambda turn: turn.one("SELECT value FROM meta WHERE name = 'checked'"))
    assert "가" in row["value"], "in books, Korean is Korean"


async def test_a_payments_facts_are_all_that_the_rules_look_at(books):
    was = await opened(books)
    other = await opened(books, seed=2)
    refund = operation(was, Kind.REFUND, idempotency_key="key-1", reason="취소", code="c", amount=1_000)
    record = CallRecord("call1", "s", was.id, "mainpay", "pay", "paid", 200, 1, None, "request", "response", "why", AT)
    entry = {"site": "s", "payment": was.id, "kind": "capture", "amount": 55_000, "evidence": Evidence.E1, "at": AT}

    def work(turn):
        operations.add(turn, refund)
        operations.enter(turn, cause="cause-1", **entry)
        replay.remember(turn, "s", "key-1", "digest", refund.id, AT)
        calls.add(turn, record)
        for seq in (2, 1):
            news.add(turn, news.News(f"m{seq}", "s", was.id, seq, f"type{seq}", f"body{seq}", 0, AT))
        cases.open_case(turn, case_id="c1", site="s", payment=was.id, reason="r", detail="detail", at=AT)
        payments.skip_news(turn, was, 7, AT)

    await books.write(work)
    at = to_ms(NOW + timedelta(seconds=90))

    def patience(site, gateway):
        assert (site, gateway) == ("s", "mainpay")
        return 123.0

    seen = await books.read(lambda turn: facts.read(turn, was.id, at=at, patience=patience))
    assert seen.payment == replace(was, version=was.version + 1)
    assert {one.id for one in seen.everyone} == {was.id, other.id}
    assert (seen.began_with, seen.seen_before) == (55_000, 7)
    assert seen.deeds == [Deed(refund.id, Kind.REFUND, Step.SENT, 1_000, "", "", "key-1", 90.0)]
    assert seen.entries == [Entry("cause-1", "capture", 55_000, "E1")]
    assert seen.moves[:2] == [("new", "readying"), ("readying", "open")]
    assert seen.news == [News(1, "type1"), News(2, "type2")]
    assert seen.cases == [("r", "open")]
    assert seen.keys == {"key-1": refund.id}
    assert seen.sites == {"s"}
    assert (seen.seconds_in_state, seen.human_after_seconds) == (90.0, 123.0)
    details = [row["detail"] for row in await books.read(lambda turn: audit.chain(turn, was.id))]
    bodies = ["request", "response", "why", "body1", "body2", *details, "detail", "취소", "", "{}"]
    assert sorted(seen.texts) == sorted(bodies)


def test_of_an_operations_calls_those_count_that_were_sent_oldest_first():
    rows = [("c", 2, "a1", "answered"), ("b", 1, "a1", "not_sent"), ("a", 1, "a1", "unknown"), ("d", 3, "", "answered")]
    calls = [{"id": name, "at": at, "operation": whose, "verdict": came} for name, at, whose, came in rows]
    assert facts._sent(calls) == {"a1": ["unknown", "answered"]}


async def test_news_that_a_dead_process_was_sending_is_taken_out_of_its_hands_and_a_living_ones_is_not(books):
    was = await opened(books)
    told = news.News("m1", "s", was.id, 1, "payment.paid", "{}", 0, AT)
    await books.write(lambda turn: news.add(turn, told))
    await books.write(lambda turn: turn.run("INSERT INTO owners (id, beat_at) VALUES ('living', ?)", AT))
    for owner, heard_since, freed in (("dead", AT, 1), ("living", AT + 1, 1), ("living", AT, 0), ("me", AT, 0)):
        await books.write(lambda turn, by=owner: turn.run("UPDATE news SET claimed_by = ?, claimed_until = 1", by))
        assert await books.write(lambda turn, since=heard_since: news.free(turn, "me", since)) == freed
        (row,) = await books.read(lambda turn: turn.all("SELECT claimed_by FROM news"))
        assert row["claimed_by"] == ("" if freed else owner)


async def test_facts_of_a_clock_set_back_are_no_younger_than_new_and_of_no_payment_none(books):
    was = await opened(books)
    one = operation(was)
    await books.write(lambda turn: operations.add(turn, one))
    seen = await books.read(lambda turn: facts.read(turn, was.id, at=AT - 5_000, patience=lambda *_: 1.0))
    assert (seen.seconds_in_state, seen.deeds[0].age_seconds, seen.keys) == (0.0, 0.0, {})
    assert await books.read(lambda turn: facts.read(turn, "nobody", at=AT, patience=lambda *_: 1.0)) is None


async def test_an_evidence_and_a_code_are_among_the_facts(books):
    was = await opened(books)
    one = operation(was, idempotency_key="unmade")
    await books.write(lambda turn: operations.add(turn, one))
    await books.write(
        lambda turn: operations.step(turn, one, Step.FAIL, at=AT, evidence=Evidence.E2, code="2001", message="한도")
    )
    seen = await books.read(lambda turn: facts.read(turn, was.id, at=AT, patience=lambda *_: 1.0))
    assert (seen.deeds[0].evidence, seen.deeds[0].code, seen.deeds[0].step) == ("E2", "2001", Step.FAIL)
    assert seen.keys == {"unmade": ""}
    assert "한도" in seen.texts


async def test_what_is_under_way_is_a_payment_or_an_operation_without_outcome(books):
    was, other = await opened(books), await opened(books, seed=2)
    assert await books.read(lambda turn: facts.under_way(turn, 10)) == []
    approving = await books.write(
        lambda turn: payments.move(turn, was, State.APPROVING, at=AT, actor="buyer", event="approve.sent")
    )
    await books.write(lambda turn: operations.add(turn, operation(other, Kind.PROBE)))
    assert set(await books.read(lambda turn: facts.under_way(turn, 10))) == {approving.id, other.id}
    first, second = sorted([was.id, other.id])
    assert await books.read(lambda turn: facts.under_way(turn, 1)) == [first], "the oldest first"
    assert await books.read(lambda turn: facts.under_way(turn, 10, first)) == [second]
    assert await books.read(lambda turn: facts.under_way(turn, 10, second)) == []
    assert await books.read(lambda turn: facts.page(turn, "", 10)) == [first, second]
    assert await books.read(lambda turn: facts.page(turn, first, 10)) == [second]
    assert await books.read(lambda turn: facts.page(turn, "", 1)) == [first]


async def test_a_notice_is_late_while_it_has_had_no_effect(books):
    await books.write(lambda turn: notices.store(turn, replace(NOTICE, payment="p")))
    assert await books.read(lambda turn: facts.late_notices(turn, AT)) == []
    (late,) = await books.read(lambda turn: facts.late_notices(turn, AT + 1))
    assert dict(late) == {"id": "n1", "payment": "p", "received_at": AT}
    await books.write(lambda turn: notices.settle(turn, "n1", "strange", "", AT))
    assert await books.read(lambda turn: facts.late_notices(turn, AT + 1)) == []


async def numbered(books, detail, **refs):
    about = {"case_id": "c1", "site": "s", "payment": "p", "reason": "orphan", "detail": detail, "at": AT}
    await books.write(lambda turn: cases.open_case(turn, **about, amount=1_000, refs=refs))
    return json.loads((await case(books))["refs"])


async def test_a_case_keeps_its_moneys_number_while_all_of_it_has_the_same(books):
    assert await numbered(books, "first", tid="T1") == {"tid": "T1"}
    assert await numbered(books, "second", tid="T1") == {"tid": "T1"}
    await told(books, "a word about it", amount=0)
    assert await numbered(books, "next", tid="T1") == {"tid": "T1"}, "a word without money is about what is there"
    assert await numbered(books, "third", tid="T2") == {}
    assert await numbered(books, "fourth", tid="T1") == {}


async def test_a_case_knows_how_much_of_its_money_is_booked_and_what_is_left_of_it(books):
    await told(books, "first")
    await proposed(books)

    async def change(deed, amount):
        done = await books.write(lambda turn: deed(turn, cases.open_one(turn, "p", "orphan"), amount, AT))
        row = await case(books)
        return done, row["booked"], row["amount"]

    assert await change(cases.book, 400) == (None, 400, 1_000)
    ended = await books.read(lambda turn: proposal_of(turn, "o1"))
    assert (ended.state, ended.remark) == ("overtaken", "more was found")
    await proposed(books, "o2")
    assert await change(cases.answer, 300) == (700, 100, 700)
    ended = await books.read(lambda turn: proposal_of(turn, "o2"))
    assert (ended.state, ended.remark) == ("overtaken", "a part of it was settled")
    assert await change(cases.book, 900) == (None, 1_000, 1_000), "it is about no less than is booked"
    assert await change(cases.answer, 1_001) == (0, 0, 0)
    assert await books.read(lambda turn: cases.open_one(turn, "p", "another")) is None


async def test_what_is_told_at_one_address_alone_is_counted_once_for_each_payment_and_each_round(books):
    """One round has no payment before the other address tells of it: then its proof is named after the first news."""

    def keep(turn):
        told = [("1", "script", "d1", "p1", "x"), ("2", "script", "d2", "p1", "x"), ("3", "script", "d3", "p2", "x"),
                ("4", "feedback", "proven:d3", "p2", "paid"), ("5", "script", "d5", "", "x"),
                ("6", "script", "d6", "", "x"), ("7", "feedback", "proven:d6", "p3", "paid"),
                ("8", "script", "d8", "p4", "other")]  # fmt: skip
        for number, kind, dedupe, payment, outcome in told:
            one = StoredNotice(f"n{number}", "s", "g", kind, dedupe, "", "sealed", AT, payment=payment)
            assert notices.store(turn, one)
            notices.settle(turn, one.id, "done", outcome, AT)

    await books.write(keep)

    def many(gateway, since, until):
        return lambda turn: notices.many_only_told_as(turn, "s", gateway, "x", since, until)

    assert await books.read(many("g", AT, AT)) == 2
    assert [await books.read(many(*asked)) for asked in (("g", AT + 1, AT + 2), ("h", AT, AT))] == [0, 0]
