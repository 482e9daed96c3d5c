"""Invitations to register a card: of all windows that one opened, one registers; after a no its customer goes on."""

import pytest
from structlog.testing import capture_logs

from tests.flows.test_billing import ask, billing, come_back, show, typed
from tests.flows.test_card_page import look, opened, paged, send

__all__ = ["billing", "paged", "typed"]
INVITED = {"invitation": "key-0123456789ab"}


async def state(world, asked):
    shown = (await show(world, asked.json()["id"])).json()
    return shown["state"], shown.get("message", "")


async def test_of_two_windows_of_one_invitation_the_second_registers_nothing_and_says_why(billing):
    first, second = [await ask(billing, **INVITED) for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 201), "an open window keeps nobody from trying another"
    await come_back(billing, first)
    late = await come_back(billing, second)

    assert "pay_bridge_result=refused" in late.headers["location"]
    assert (await state(billing, first))[0] == "active"
    assert await state(billing, second) == (
        "refused",
        "이 초대로는 이미 등록했어요. 하나 더 등록하려면 쇼핑몰에 새로 요청해 주세요.",
    )
    assert billing.teller.calls["key_issue"] == 1, "the gateway is not even asked"


async def test_a_used_invitation_opens_no_window_also_after_its_card_was_deleted_and_another_does(billing):
    first = await ask(billing, **INVITED)
    await come_back(billing, first)
    before = await ask(billing, **INVITED)
    await billing.call("DELETE", f"/v1/billing-keys/{first.json()['id']}", {"customer": "customer-1"})
    after = await ask(billing, **INVITED)
    anew, without = [await ask(billing, invitation=name) for name in ("key-another", "")]

    assert (await state(billing, first))[0] == "deleted"
    assert [(one.status_code, one.json()["code"]) for one in (before, after)] == [(409, "not_now")] * 2
    assert "이미 등록했어요" in before.json()["message_ko"]
    assert (anew.status_code, without.status_code) == (201, 201)
    assert (first.json()["invitation"], "invitation" in without.json()) == ("key-0123456789ab", False)


@pytest.mark.parametrize(("fault", "becomes"), [("no", "refused"), ("lost_after", "lost")])
async def test_after_a_refusal_or_a_lost_answer_its_customer_goes_on(billing, fault, becomes):
    billing.teller.fail("key_issue", fault)
    first = await ask(billing, **INVITED)
    await come_back(billing, first)
    await billing.quiet()
    again = await ask(billing, **INVITED)
    await come_back(billing, again)

    assert (await state(billing, first))[0] == becomes
    assert (await state(billing, again))[0] == "active"


async def test_while_one_is_being_registered_nothing_else_is(billing):
    first, second = [await ask(billing, **INVITED) for _ in range(2)]
    key = first.json()["id"]
    await billing.context.ledger.write(
        lambda turn: turn.run("UPDATE billing_keys SET state = 'issuing' WHERE id = ?", key)
    )
    with capture_logs() as logged:
        await come_back(billing, second)
        await billing.quiet()
    third = await ask(billing, **INVITED)

    assert [line for line in logged if line["log_level"] == "error"] == []

    assert await state(billing, second) == (
        "refused",
        "이 초대로 등록하고 있는 것이 있어서 이번에는 등록하지 않았어요. 그 결과를 먼저 확인해 주세요.",
    )
    assert (third.status_code, third.json()["code"]) == (409, "not_now")


async def test_a_typed_card_is_held_to_its_invitation_too_and_another_sites_of_that_name_is_not(typed):
    card = {"number": "4111111111111111", "expires": "3012", "holder": "900101", "password": "12"}
    first, second = [await ask(typed, card=card, **INVITED) for _ in range(2)]
    typed.site = await typed.pair_teller("TypedCardsUndone", url="http://other.test", card_entry="on")
    elsewhere = await ask(typed, card=card, **INVITED)

    assert (first.status_code, second.status_code, second.json()["code"]) == (201, 409, "not_now")
    assert elsewhere.status_code == 201


async def test_of_two_pages_of_ours_the_second_sends_no_card_and_after_a_no_the_first_goes_on(paged):
    first, second = [await opened(paged, **INVITED) for _ in range(2)]
    pages = [await look(paged, one["window_url"]) for one in (first, second)]
    assert [page.status_code for page in pages] == [200, 200]
    paged.teller.fail("key_issue", "no")
    await send(paged, first["window_url"])
    done = await send(paged, first["window_url"], tries="1")
    late = await send(paged, second["window_url"])

    assert "pay_bridge_result=active" in done.headers["location"]
    assert "pay_bridge_result=refused" in late.headers["location"]
    shown = (await show(paged, second["id"])).json()
    assert (shown["state"], "이미 등록했어요" in shown["message"]) == ("refused", True)


async def test_an_invitation_is_a_name_and_no_sentence(billing):
    for name in ("a b", "고객", "x" * 65):
        assert (await ask(billing, invitation=name)).json()["code"] == "malformed"
