"""A billing key's customer is found by what the key was asked for with, and taken out of it; the key goes on."""

import json

import pytest

from tests.flows.test_billing import ANNA, BERTA, ask, charge, come_back, show
from tests.flows.test_privacy import HONG
from tests.flows.test_privacy import ask as ask_privacy

PHONE = {"phone": "010-1234-5678"}
HERSELF = {"name": "홍길동"} | PHONE | HONG


@pytest.fixture
async def keys(world):
    """Anna's key and Berta's, both active."""
    await world.pair_teller("BillingUndone")
    for customer, buyer in ((ANNA, HERSELF), (BERTA, {"name": "김철수", "phone": "010-2222-2222"})):
        await come_back(world, await ask(world, customer=customer, buyer=buyer))
        await world.quiet()
    return world


async def wishes(world):
    rows = await world.all("SELECT * FROM billing_keys ORDER BY customer")
    return [json.loads(world.context.vault.open(row["asked_sealed"], "billing_key_order")) for row in rows]


async def key_of(world, customer=ANNA):
    (row,) = await world.all("SELECT * FROM billing_keys WHERE customer = ?", customer)
    return row


@pytest.mark.parametrize("person", [HONG, PHONE])
async def test_a_customer_is_taken_out_of_a_keys_wish_and_calls_and_the_key_is_charged_on_and_deleted(keys, person):
    world, key = keys, (await key_of(keys))["id"]
    (given,) = (await ask_privacy(world, "export", person)).json()["billing_keys"]
    assert (given["id"], given["buyer"], given["card"]["last4"]) == (key, HERSELF, "1234")
    assert (await ask_privacy(world, "erase", person)).status_code == 200

    mine, other = await wishes(world)
    assert (set(mine["buyer"].values()), mine["title"]) == ({""}, "정기 후원")
    assert other["buyer"]["name"] == "김철수", "nobody else's"
    calls = await world.all("SELECT payment, request FROM calls ORDER BY id")
    assert {row["request"] for row in calls if row["payment"] == key} == {"erased"}
    assert "erased" not in {row["request"] for row in calls if row["payment"] != key}
    assert (await ask_privacy(world, "export", person)).json()["billing_keys"] == []
    shown = (await show(world, key)).json()
    assert (shown["state"], shown["card"]["last4"]) == ("active", "1234"), "its customer tells it by the card"
    assert (await charge(world, key)).json()["state"] == "paid"
    gone = await world.call("DELETE", f"/v1/billing-keys/{key}", {"customer": ANNA})
    assert (gone.status_code, gone.json()["state"]) == (200, "deleted")
    await world.check_books()


async def test_of_a_key_that_is_over_the_card_goes_too(keys):
    world, key = keys, (await key_of(keys))["id"]
    await world.call("DELETE", f"/v1/billing-keys/{key}", {"customer": ANNA})
    assert (await show(world, key)).json()["card"] != {}
    assert (await ask_privacy(world, "erase", HONG)).status_code == 200
    assert ((await key_of(world))["card"], (await key_of(world, BERTA))["card"] == "{}") == ("{}", False)


async def test_nobody_is_erased_while_their_card_is_being_registered(world):
    await world.pair_teller("BillingUndone")
    asked = await ask(world, buyer=HERSELF)
    under_way = await ask_privacy(world, "erase", HONG)
    assert (under_way.status_code, under_way.json()["code"]) == (409, "pending_outcome")
    assert (await wishes(world))[0]["buyer"]["name"] == "홍길동"
    await come_back(world, asked)
    await world.quiet()
    assert (await ask_privacy(world, "erase", HONG)).status_code == 200


async def test_an_erase_between_a_deletion_and_its_answer_leaves_the_answer_its_row(keys):
    world, key = keys, (await key_of(keys))["id"]
    world.teller.fail("key_delete", "lost_after")
    lost = await world.call("DELETE", f"/v1/billing-keys/{key}", {"customer": ANNA})
    assert lost.json()["state"] == "deleting"
    before = (await key_of(world))["version"]
    assert (await ask_privacy(world, "erase", HONG)).status_code == 200
    assert (await key_of(world))["version"] == before
    again = await world.call("DELETE", f"/v1/billing-keys/{key}", {"customer": ANNA})
    assert again.json()["state"] == "deleted"


async def test_a_phones_key_is_found_by_the_order_it_was_registered_with(world):
    await world.pair_teller("BillingUndone")
    order = world.order()
    asked = await ask(world, method="phone", order=order, buyer=HERSELF)
    await come_back(world, asked)
    await world.quiet()
    ref = order["ref"]
    assert [one["id"] for one in (await ask_privacy(world, "export", {"order": ref})).json()["billing_keys"]] == [
        asked.json()["id"]
    ]
    assert (await ask_privacy(world, "export", {"order": f"{ref}-other"})).json()["billing_keys"] == []


async def test_a_keys_window_is_forgotten_when_it_is_over(world):
    await world.pair_teller("BillingUndone")
    asked = await ask(world, buyer=HERSELF)
    sealed = world.context.vault.seal(b"{}", "window")
    await world.context.ledger.write(lambda turn: turn.run("UPDATE billing_keys SET window_sealed = ?", sealed))
    await come_back(world, asked)
    await world.quiet()
    assert ((await key_of(world))["state"], (await key_of(world))["window_sealed"]) == ("active", "")
