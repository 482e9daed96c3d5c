"""A request of the shop that is sent again: the very same bytes are refused, and its key stands for it alone.

Of bridge.flows.void_account, bridge.flows.cancel_receipt and bridge.flows.decide_case.
"""

import json

import pytest

from tests.flows.test_accounts import void, waiting
from tests.flows.test_cases import SEEN, case_of, lost_approval
from tests.flows.test_receipts import buy_by_transfer, issue

pytestmark = pytest.mark.sqlite  # what is remembered of requests is the same whatever keeps the books


async def a_closing(world):
    await world.pair_teller("Accounts")
    return "POST", f"/v1/payments/{(await waiting(world)).id}/void", {"actor": "wp:7"}


async def a_receipts_cancel(world):
    await world.pair_teller("Receipting")
    receipt = (await issue(world, await buy_by_transfer(world, world.order()))).json()["id"]
    return "DELETE", f"/v1/cash-receipts/{receipt}", {}


async def a_proposal(world):
    payment = await lost_approval(world)
    wish = {"action": "propose", "decision": "paid", "evidence": SEEN, "actor": "wp:7"}
    return "POST", f"/v1/cases/{(await case_of(world, payment.id))['id']}", wish


@pytest.mark.parametrize("asks", [a_closing, a_receipts_cancel, a_proposal])
async def test_whoever_sends_a_signed_request_that_they_overheard_is_refused(world, asks):
    method, path, wish = await asks(world)
    body = json.dumps(wish).encode()
    headers = world.headers(method, path, body)
    async with world.client() as client:
        first = await client.request(method, path, content=body, headers=headers)
        again = await client.request(method, path, content=body, headers=headers)
    assert first.status_code in (200, 201), first.text
    assert (again.status_code, again.json()["code"]) == (409, "replay")


async def test_the_key_under_which_one_receipt_was_cancelled_cancels_no_other(world):
    await world.pair_teller("Receipting")
    one, other = [(await issue(world, await buy_by_transfer(world, world.order()))).json()["id"] for _ in range(2)]
    for _ in range(2):
        gone = await world.call("DELETE", f"/v1/cash-receipts/{one}", {}, key="ab" * 16)
        assert (gone.status_code, gone.json()["state"]) == (200, "cancelled")
    refused = await world.call("DELETE", f"/v1/cash-receipts/{other}", {}, key="ab" * 16)
    assert (refused.status_code, refused.json()["code"]) == (422, "key_reused")
    assert (await world.call("GET", f"/v1/cash-receipts/{other}")).json()["state"] == "issued"


async def test_a_closing_that_is_asked_for_again_under_its_key_is_answered_as_done_and_not_as_refused(world):
    await world.pair_teller("Accounts")
    payment = await waiting(world)
    closed, again = [await void(world, payment, once="cd" * 16) for _ in range(2)]
    assert (closed.status_code, again.status_code) == (200, 200)
    assert closed.json() == again.json()
