"""The operators' door for programs gives a deposit back to the buyer's account, once, and takes it back."""

import json
import re
from pathlib import Path

import pytest

from bridge.flows.log_in import add_operator
from tests.flows.test_accounts import counter, deposited
from tests.flows.test_operator_cases import NOT_THERE, PASSWORDS, ask, problem_of

pytestmark = pytest.mark.usefixtures("cheap_passwords")
__all__ = ["counter"]
KEY = "6a" * 16
TO = {"bank": "088", "number": "110-123-456789", "holder": "김예매"}
WISH = {"reason": "공연 취소", "account": TO}


@pytest.fixture
async def paid(counter):
    """A deposit at a gateway that gives deposits back by transfer alone, two operators and a viewer."""
    for name, password in PASSWORDS.items():
        await add_operator(counter.context, name, password, "viewer" if name == "bora" else "operator")
    return await deposited(counter)


async def give_back(world, payment, *, key=KEY, who="haneul", **changes):
    path = f"/operators/v1/payments/{payment.id}/refunds"
    headers = {"Idempotency_Key": key} if key else {}
    return await ask(world, "POST", path, WISH | changes, who=who, **headers)


async def take_back(world, refund, who="haneul", body=None):
    return await ask(world, "POST", f"/operators/v1/refunds/{refund}/cancel", {} if body is None else body, who=who)


async def test_the_holders_birth_date_goes_along_where_it_was_given(counter, paid):
    await give_back(counter, paid, account=WISH["account"] | {"born": "900101"})
    assert counter.teller.sent_to == "088:110-123-456789:김예매:900101"


async def test_a_deposit_goes_to_the_account_once_and_the_books_follow(counter, paid):
    first = await give_back(counter, paid, amount=20_000)
    again = await give_back(counter, paid, amount=20_000)
    refund = first.json()["id"]
    assert (first.status_code, first.json()["state"], first.json()["actor"]) == (200, "accepted", "operator:haneul")
    assert again.json() == first.json()
    assert (counter.teller.calls["transfer"], counter.teller.sent_to) == (1, "088:110-123-456789:김예매")

    counter.teller.make_transfer()
    await counter.live(120, step=30)
    shown = await ask(counter, "GET", f"/operators/v1/refunds/{refund}", who="bora")
    assert (shown.status_code, shown.json()["state"], shown.json()["amount"]) == (200, "done", 20_000)
    assert (await counter.payment(paid.id)).refunded == 20_000
    looked = await counter.all("SELECT operator, task, subject FROM looks")
    assert [tuple(one.values()) for one in map(dict, looked)] == [("bora", "payment", paid.id)]
    await counter.check_books()


async def test_a_registration_is_taken_back_and_the_money_may_be_refunded_anew(counter, paid):
    refund = (await give_back(counter, paid)).json()["id"]
    done = await take_back(counter, refund, who="minji")
    over = await take_back(counter, refund)

    assert (done.status_code, done.json()["transfer"], done.json()["state"]) == (200, "not_made", "refused")
    assert problem_of(over) == (409, "not_now")
    assert await counter.state(paid.id) == "paid"
    assert (await give_back(counter, paid, key="7b" * 16)).json()["state"] == "accepted"


async def test_what_became_of_it_may_not_be_known_and_it_may_be_made_already(counter, paid):
    refund = (await give_back(counter, paid)).json()["id"]
    counter.teller.fail("transfer_cancel", "odd")
    unknown = await take_back(counter, refund)
    counter.teller.make_transfer()
    made = await take_back(counter, refund)

    assert (unknown.status_code, unknown.json()["transfer"]) == (202, "not_known")
    assert (made.status_code, made.json()["transfer"], made.json()["gateway_code"]) == (200, "made", "no")
    assert await counter.state(paid.id) == "refunded"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"key": ""}, (400, "malformed")),
        ({"key": "once"}, (400, "malformed")),
        ({"who": "bora"}, (403, "needs_another")),
        ({"who": "nobody"}, (401, "login_refused")),
        ({"reason": ""}, (400, "malformed")),
        ({"account": None}, (400, "malformed")),
        ({"account": TO | {"number": "1" * 21}}, (400, "malformed")),
        ({"account": TO | {"more": "x"}}, (400, "malformed")),
        ({"amount": 0}, (422, "amount_refused")),
        ({"amount": 55_001}, (422, "refund_refused")),
    ],
)
async def test_what_does_not_do_is_refused_and_sends_nothing(counter, paid, changes, refusal):
    answer = await give_back(counter, paid, **changes)
    assert problem_of(answer) == refusal
    assert "110-123-456789" not in answer.text
    assert "1" * 21 not in answer.text
    assert counter.teller.calls["transfer"] == 0


async def test_another_account_with_the_same_key_is_refused_and_no_account_is_kept(counter, paid):
    await give_back(counter, paid)
    assert problem_of(await give_back(counter, paid, account=TO | {"number": "110-123-456780"}))[0] == 422
    kept = str([await counter.all(f"SELECT * FROM {name}") for name in ("answers", "operations", "audit", "looks")])
    assert TO["number"] not in kept
    assert TO["holder"] not in kept


async def test_a_viewer_takes_nothing_back_and_what_is_not_there_is_not_found(counter, paid):
    refund = (await give_back(counter, paid)).json()["id"]
    assert problem_of(await take_back(counter, refund, who="bora")) == (403, "needs_another")
    assert problem_of(await take_back(counter, refund, body={"amount": 1})) == (400, "malformed")
    assert problem_of(await take_back(counter, NOT_THERE)) == (404, "not_found")
    assert problem_of(await ask(counter, "GET", f"/operators/v1/refunds/{NOT_THERE}")) == (404, "not_found")
    missing = await ask(counter, "POST", f"/operators/v1/payments/{NOT_THERE}/refunds", WISH, Idempotency_Key="7b" * 16)
    assert problem_of(missing) == (404, "not_found")
    assert counter.teller.calls["transfer_cancel"] == 0


async def test_a_payment_that_goes_back_as_it_came_takes_no_account(counter, paid):
    await counter.pair_teller("Asked", url="http://other.test")
    bought = await counter.buy_at_teller(counter.order())
    answer = await give_back(counter, bought)
    assert problem_of(answer) == (422, "refund_refused")
    assert "makes no transfers" in answer.json()["detail"]


async def test_what_the_operators_page_types_works_as_it_is_typed(counter, paid):
    """The lines of docs/operating.md in their order, with the file it shows."""
    page = (Path(__file__).parents[2] / "docs/operating.md").read_text("utf-8")
    typed = re.findall(r"^curl -u (\w+) \$to(\S*)(?:.*? --json (\S+))?$", page, re.MULTILINE)
    shown = re.search(r"`refund\.json` holds `([^`]*)`", page)
    assert shown
    ids, states = {"PAYMENT": paid.id}, []
    for who, path, body in typed:
        for name, value in ids.items():
            path = path.replace(name, value)
        given = json.loads(shown[1] if body.startswith("@") else body.strip("'")) if body else None
        headers = {"Idempotency_Key": KEY} if body.startswith("@") else {}
        address = f"/operators/v1{path}"
        answer = await ask(counter, "POST" if body else "GET", address, given, who=who, **headers)
        ids |= {"REFUND": answer.json()["id"]}
        states.append((answer.status_code, answer.json()["state"]))

    assert states == [(200, "accepted"), (200, "accepted"), (200, "refused")]
