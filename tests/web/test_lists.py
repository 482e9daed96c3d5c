"""Lists that are longer than a page: every row is reached, once, in an order that stays."""

from dataclasses import replace

import pytest

from bridge.clock import new_id, new_reference, now_ms
from bridge.ledger import billing_keys, cases, plans
from tests.flows.test_billing import ANNA, BERTA, ask
from tests.flows.test_plans import register

MANY = 205
LISTS = {"keys": f"/v1/billing-keys?customer={ANNA}&", "plans": f"/v1/plans?customer={ANNA}&", "cases": "/v1/cases?"}


async def filled(world, what, many=MANY):
    """Fill a list; gives the ids in the order in which they are to be shown."""
    await world.pair_teller("Planning" if what == "plans" else "BillingUndone")
    if what == "cases":
        payment = (await world.checkout()).payment

        def begin(turn):
            for number in range(many):  # two of them in the same millisecond
                at = now_ms(world.clock) + number // 2
                known = {"site": world.site.id, "payment": payment, "reason": f"reason_{number}", "detail": "seen"}
                cases.open_case(turn, case_id=new_id(world.clock), at=at, **known)

        await world.context.ledger.write(begin)
        found = await world.all("SELECT id FROM cases ORDER BY opened_at, id")
        return [row["id"] for row in found]
    answer = await (register(world) if what == "plans" else ask(world))
    rows = plans if what == "plans" else billing_keys

    def add(turn):
        first = rows.get(turn, world.site.id, answer.json()["id"])
        for number in range(many):
            more = {"customer": BERTA} if number == 3 else {}
            rows.add(turn, replace(first, id=new_id(world.clock), ref=new_reference(world.clock), **more))

    await world.context.ledger.write(add)
    table = "plans" if what == "plans" else "billing_keys"
    found = await world.all(f"SELECT id FROM {table} WHERE customer = ? ORDER BY id DESC", ANNA)
    return [row["id"] for row in found]


async def pages(world, path, limit=None):
    """Read a list to its end; gives the ids of each page."""
    read, cursor = [], ""
    while True:
        query = (f"limit={limit}&" if limit else "") + (f"cursor={cursor}&" if cursor else "")
        answer = await world.call("GET", f"{path}{query}".rstrip("?&"))
        assert answer.status_code == 200, answer.text
        read.append([one["id"] for one in answer.json()["items"]])
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return read


@pytest.mark.parametrize("what", LISTS)
async def test_each_row_of_a_long_list_is_reached_once_and_in_order(world, what):
    wanted = await filled(world, what)
    read = await pages(world, LISTS[what])

    assert [len(page) for page in read] == [100, 100, 5]
    assert [row for page in read for row in page] == wanted


@pytest.mark.parametrize("what", LISTS)
async def test_a_full_last_page_says_that_nothing_follows(world, what):
    wanted = await filled(world, what, 6)  # of keys and plans one more was asked for, and one is another customer's

    assert [len(page) for page in await pages(world, LISTS[what], 3)] == [3, 3]
    assert [len(page) for page in await pages(world, LISTS[what], 5)] == [5, 1]
    assert await pages(world, LISTS[what]) == [wanted]


async def test_what_comes_or_goes_while_a_list_is_read_moves_no_row_to_another_page(world):
    wanted = await filled(world, "cases", 6)
    first = (await world.call("GET", "/v1/cases?limit=3")).json()
    rows = await world.all("SELECT payment FROM cases LIMIT 1")

    def change(turn):
        cases.close_case(turn, rows[0]["payment"], "reason_2", "found", now_ms(world.clock))
        cases.open_case(
            turn, case_id=new_id(world.clock), at=now_ms(world.clock) + 60_000, site=world.site.id,
            payment=rows[0]["payment"], reason="reason_new", detail="seen",
        )  # fmt: skip

    await world.context.ledger.write(change)
    rest = (await world.call("GET", f"/v1/cases?limit=9&cursor={first['next_cursor']}")).json()

    assert [one["id"] for one in first["items"]] == wanted[:3]
    assert [one["id"] for one in rest["items"]][:3] == wanted[3:]
    assert len(rest["items"]) == 4


@pytest.mark.parametrize(
    ("path", "why"),
    [("/v1/cases?cursor=abc", "cursor"), ("/v1/cases?cursor=1.", "cursor"), ("/v1/cases?cursor=%C2%B2.a", "cursor"),
     ("/v1/cases?state=open", "nothing else"), ("/v1/cases?limit=0", "limit"), ("/v1/cases?limit=101", "limit"),
     (f"/v1/billing-keys?customer={ANNA}&limit=x", "limit"), (f"/v1/plans?customer={ANNA}&state=open", "nothing else"),
     ("/v1/payments?limit=1.5", "limit"), ("/v1/payments?limit=%EF%BC%93", "limit"),
     ("/v1/billing-keys?limit=3", "customer"), ("/v1/plans?customer=a@b.kr", "customer"),
     (f"/v1/plans?customer={ANNA}&cursor={'9' * 101}", "cursor")],
)  # fmt: skip
async def test_a_page_that_is_asked_for_wrongly_is_refused(world, path, why):
    answer = await world.call("GET", path)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert why in answer.json()["detail"]


async def test_a_table_of_codes_is_always_whole_and_speaks_of_no_page(world):
    answer = await world.call("GET", "/v1/codes/errors")

    assert len(answer.json()["items"]) == 18
    assert "next_cursor" not in answer.json()
