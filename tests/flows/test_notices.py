"""Card notices: kept before they are answered, answered exactly, and without proof they move little."""

import asyncio
from urllib.parse import urlencode

import pytest

from bridge.clock import boot_mark
from bridge.flows.receive_notice import replay_notice
from bridge.gateways.mainpay import sandbox_notices
from bridge.ledger import notices
from tests.support.world import SANDBOX


def card(world, payment, cmd="0", **changes):
    """Write the fields of a card notice about a payment."""
    till = world.sandbox.desks["mainpay"]._till
    trade = next(one for one in till.trades.values() if one.session.merchant_ref == payment.merchant_ref)
    return sandbox_notices.card_fields(till, trade, cmd, trade.ref_no, payment.amount) | changes


async def test_the_notice_of_a_payment_we_know_is_acknowledged_and_moves_nothing(any_world):
    world = any_world
    payment = await world.buy()
    (record,) = world.book(payment).notices
    answers = [await world.post_notice(card(world, payment)) for _ in range(3)]

    assert record.acked
    for answer in answers:
        assert answer.status_code == 200
        assert answer.json()["resultCode"] == "0000"
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert await world.told(payment.id) == ["payment.paid"]
    assert await world.cases(payment.id) == []
    (row,) = await world.all("SELECT * FROM notices")
    assert (row["state"], row["payment"], row["seen"]) == ("done", payment.id, 4)


async def test_a_notice_that_comes_before_the_answer_is_no_second_payment(world):
    world.fault("notice", "notice_first")
    payment = await world.buy()

    assert payment.state == "paid"
    assert await world.told(payment.id) == ["payment.paid"]
    await world.check_books()


async def test_a_notice_about_no_payment_of_ours_is_kept_and_not_acknowledged(world):
    payment = await world.buy()
    before = await world.all("SELECT id, state, version FROM payments")
    answer = await world.post_notice(card(world, payment, mbrRefNo="SOMEBODYELSE1"))
    rows = await world.all("SELECT state, outcome FROM notices WHERE payment IS NULL")

    assert answer.status_code == 404
    assert rows == [{"state": "strange", "outcome": "no payment of ours has this reference"}]
    assert await world.all("SELECT id, state, version FROM payments") == before


async def test_a_notice_about_another_merchant_is_refused(world):
    payment = await world.buy()
    answer = await world.post_notice(card(world, payment, mbrNo="100012"))

    assert (answer.status_code, answer.json()["code"]) == (400, "not_genuine")


async def test_another_sites_notice_address_does_not_reach_a_payment(world):
    """The reference is ours, but the address is the other shop's: nothing is found there."""
    other = await world.pair("http://other.test")
    payment = await world.buy()
    answer = await world.post_notice(card(world, payment), site=other)

    assert answer.status_code == 404
    (row,) = await world.all("SELECT site, payment FROM notices WHERE state = 'strange'")
    assert row == {"site": other.id, "payment": None}


async def test_a_forged_approval_notice_pays_nothing(world):
    """Perfectly formed, from the right address, about a window nobody paid in."""
    opened = await world.checkout()
    payment = await world.payment(opened.payment)
    fields = {"cmd": "0", "mbrNo": "100011", "mbrRefNo": payment.merchant_ref, "refNo": "1120SA000001",
              "amount": "55000", "tranDate": "261120", "tranTime": "113000"}  # fmt: skip
    url = f"https://pay.test{world.notice_path()}"
    await world.sandbox.desks["mainpay"].forge({"kind": "card", "url": url, "fields": fields})

    assert await world.state(opened.payment) == "open"
    assert await world.entries(opened.payment) == []
    assert await world.told(opened.payment) == []


async def test_an_approval_notice_on_an_ended_payment_is_a_persons_case(world):
    world.fault("pay", "decline", code="2002")
    opened = await world.checkout()
    await world.come_back(opened)
    await world.quiet()
    payment = await world.payment(opened.payment)
    fields = {"cmd": "0", "mbrNo": "100011", "mbrRefNo": payment.merchant_ref, "refNo": "1120SA000001",
              "amount": "55000", "tranDate": "261120", "tranTime": "113000"}  # fmt: skip
    answer = await world.post_notice(fields)

    assert answer.status_code == 200
    assert await world.state(payment.id) == "declined"
    assert await world.cases(payment.id) == ["money_on_ended_payment"]


async def test_our_own_net_cancel_is_no_strange_cancel(any_world):
    world = any_world
    world.fault("pay", "drop_after")
    opened = await world.checkout()
    await world.come_back(opened)
    await world.quiet()
    await world.live(20)
    payment = await world.payment(opened.payment)
    kinds = [record.kind for record in world.book(payment).notices]

    assert kinds == ["card cmd=0", "card cmd=1"]
    assert await world.cases(payment.id) == []
    assert payment.state == "voided"


async def test_a_cancel_notice_that_overtakes_the_answer_waits_for_it(world):
    payment = await world.buy()
    world.fault("notice", "notice_first")
    answer = await world.refund(payment.id)
    await world.beat(0)

    assert answer.json()["state"] == "done"
    assert await world.entries(payment.id) == [("capture", 55_000, "E1"), ("refund", -55_000, "E1")]
    assert await world.cases(payment.id) == []
    assert {row["state"] for row in await world.all("SELECT state FROM notices")} == {"done"}
    await world.check_books()


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"x=1", b"cmd=0&mbrNo=100011&mbrRefNo=X", b"cmd=0", b"\xff\xfe\x00", b"ORDNO=1", b'{"cmd":"0"}'),
        *(b"ORDNO=X&STOREID=100011&TRGUBUN=V2&REPLYCODE=9999", b"cmd=0&cmd=1&mbrNo=100011", b"&".join([b"a=1"] * 200)),
        *(b"cmd=0&mbrNo=100011&mbrRefNo=X&amount=%00", b"cmd=0&mbrNo=100011&mbrRefNo=X&amount=1e3"),
    ],
)
async def test_what_is_no_notice_is_refused_and_not_kept(world, raw):
    answer = await world.post_notice(raw)

    assert answer.status_code == 400
    assert answer.json()["code"] in ("unreadable", "malformed", "not_genuine")
    assert await world.all("SELECT id FROM notices") == []


async def test_a_notice_by_get_is_taken_too(world):
    payment = await world.buy()
    async with world.client(world.notice_address) as client:
        answer = await client.get(f"{world.notice_path()}?{urlencode(card(world, payment))}")
        nothing = await client.head(world.notice_path())

    assert answer.json()["resultCode"] == "0000"
    assert (nothing.status_code, nothing.content) == (200, b"")


async def test_a_notice_in_cp949_is_read(world):
    payment = await world.buy()
    fields = {name: value.encode("cp949") for name, value in card(world, payment).items()}
    answer = await world.post_notice(urlencode(fields).encode())

    assert answer.json()["resultCode"] == "0000"


@pytest.mark.parametrize("bend", ["token", "kind", "gateway", "site"])
async def test_an_address_that_was_guessed_leads_nowhere(world, bend):
    payment = await world.buy()
    _, start, site, gateway, kind, token = world.notice_path().split("/")
    told = {"site": site, "gateway": gateway, "kind": kind, "token": token}
    told[bend] = ("A" if told[bend][0] != "A" else "B") + told[bend][1:]
    path = f"/{start}/{told['site']}/{told['gateway']}/{told['kind']}/{told['token']}"
    async with world.client(world.notice_address) as client:
        answer = await client.post(path, data=card(world, payment))

    assert (answer.status_code, answer.json()["code"]) == (400, "token_refused")
    assert len(await world.all("SELECT id FROM notices")) == 1, "only the real one, that buying caused"


async def test_what_a_notice_says_of_people_is_sealed(world):
    payment = await world.buy()
    await world.context.ledger.write(lambda turn: None)
    (row,) = await world.all("SELECT raw_sealed FROM notices")
    raw = world.context.vault.open(row["raw_sealed"], "notice")

    assert payment.merchant_ref.encode() in raw
    assert payment.merchant_ref not in row["raw_sealed"]


async def replayed(world, where):
    """Let kept notices have their effect as though they had had none yet, each twice; gives how they stand after."""
    await world.context.ledger.write(lambda turn: turn.run(f"UPDATE notices SET state = 'pending' WHERE {where}"))
    for stored in await world.context.ledger.read(lambda turn: notices.pending(turn, 10)):
        await replay_notice(world.context, stored)
        await replay_notice(world.context, stored)
    return await world.all(f"SELECT state, outcome, payment FROM notices WHERE {where}")


async def test_a_kept_notice_knows_when_it_came_and_its_gateway_and_kind_by_which_it_is_read_again(world):
    payment = await world.buy()
    (row,) = await world.all("SELECT gateway, kind, payment, received_boot FROM notices")
    boot = row.pop("received_boot")
    assert row == {"gateway": "mainpay", "kind": "noti", "payment": payment.id}
    assert boot == boot_mark(world.clock), "how long ago it came is known whatever the wall clock says"
    (again,) = await replayed(world, "kind = 'noti'")
    assert (again["state"], again["payment"]) == ("done", payment.id)


async def test_a_strange_notice_that_is_read_again_is_still_about_nothing(world):
    payment = await world.buy()
    await world.post_notice(card(world, payment, mbrRefNo="SOMEBODYELSE1"))
    assert await replayed(world, "payment IS NULL") == [
        {"state": "done", "outcome": "no payment of ours has this reference", "payment": None}
    ]


async def test_a_notice_kept_before_the_books_knew_its_payment_is_bound_to_it(world):
    payment = await world.buy()
    await world.context.ledger.write(lambda turn: turn.run("UPDATE notices SET payment = NULL"))
    assert [row["payment"] for row in await replayed(world, "kind = 'noti'")] == [payment.id]


async def test_a_kept_notice_of_a_gateway_that_is_gone_stops_nothing(world):
    """A gateway taken away from a site must not keep the bridge from starting."""
    payment = await world.buy()
    await world.context.ledger.write(
        lambda turn: turn.run("UPDATE notices SET state = 'pending', gateway = 'gone' WHERE payment = ?", payment.id)
    )
    await world.restart()
    await world.beat(0)

    assert (await world.buy()).state == "paid"


async def test_the_sandbox_repeats_what_is_not_acknowledged(world):
    world.sandbox.notices.retry_seconds = (5.0, 30.0)
    world.notice_address = "192.0.2.66"
    opened = await world.checkout()
    await world.come_back(opened)
    while not world.sandbox.desks["mainpay"]._till.trades or not world.clock.sleeping:
        await asyncio.sleep(0.001)
    world.notice_address = "211.43.193.87"
    await world.clock.forward(6)
    await world.quiet()
    (record,) = world.book(await world.payment(opened.payment)).notices

    assert [answer["acked"] for answer in record.answers] == [False, True]
    assert SANDBOX in world.sandbox.public_url


@pytest.mark.parametrize("when", ["while it is unknown", "after it was voided"])
async def test_an_approval_of_another_amount_than_was_taken_back_is_a_persons(guide_world, when):
    """The guide's cancel goes by amount: of what was taken beyond the amount asked, only the notice tells."""
    world = guide_world
    world.fault("pay", "drop_after")
    world.fault("notice", "notice_lost", times=None)
    if when == "while it is unknown":
        world.fault("cancel", "5xx_before", times=None)
    opened = await world.checkout()
    await world.come_back(opened)
    await world.quiet()
    payment = await world.payment(opened.payment)
    assert payment.state == ("voiding" if when == "while it is unknown" else "voided")
    fields = {"cmd": "0", "mbrNo": "100011", "mbrRefNo": payment.merchant_ref, "refNo": "1120SA000001"}

    await world.post_notice(fields | {"amount": "56000"})

    assert len(await world.cases(payment.id)) == 1


@pytest.mark.parametrize("ref", ["", "CONSOLE0000000000001"])
async def test_a_cancel_under_a_number_of_the_consoles_own_is_of_the_payment_whose_number_it_names(any_world, ref):
    """No document says that a cancel made in Mainpay's console bears our order number; it names its original."""
    world = any_world
    payment = await world.buy()
    other = card(world, payment, "2", mbrRefNo=ref, refNo="1121CS000002", orgRefNo="1120ZZ999999", amount="20000")
    await world.post_notice(other)
    assert await world.cases(payment.id) == []
    fields = card(world, payment, "2", mbrRefNo=ref, refNo="1121CS000001", amount="20000")
    answers = [await world.post_notice(fields) for _ in range(2)]
    (case,) = await world.all("SELECT * FROM cases WHERE payment = ?", payment.id)

    assert [answer.json()["resultCode"] for answer in answers] == ["0000", "0000"]
    assert (case["reason"], case["amount"]) == ("external_cancel", 20_000)
    assert (await world.payment(payment.id)).refunded == 0, "unsigned: two people say so first"
