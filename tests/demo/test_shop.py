"""The demo shop: its price is its own, its box office is locked, its back office believes only the bridge."""

import json
import re
from pathlib import Path

import httpx2
import pytest

from bridge.demo.browser import Browser
from bridge.demo.office import Office
from bridge.demo.stand import CLERK, Plan, Stand, open_stand
from bridge.demo.visit import Visit
from bridge.domain.failures import BadSignature, Malformed
from bridge.signing import news
from bridge.web import static

pytestmark = pytest.mark.asyncio(loop_scope="module")


def office_of(stand: Stand) -> Office:
    return stand.offices["mainpay"]


def signed(office: Office, body: dict[str, object], message_id: str = "m1") -> tuple[list[tuple[bytes, bytes]], bytes]:
    raw = json.dumps(body).encode()
    made = news.headers([office.key.news], message_id, office.now(), raw)
    return [(name.encode(), value.encode()) for name, value in made.items()], raw


async def test_the_price_is_the_shops_whatever_the_form_says(visit: Visit) -> None:
    page = await visit.buyer.get(f"{visit.office.shop_url}/")
    values = {"ticket": "r", "name": "홍길동", "amount": "100", "price": "100"}

    page = await visit.buyer.post(f"{visit.office.shop_url}/orders", page.form("order").values | values)

    assert "55,000원 결제하기" in page.text
    assert "100" not in page.form("pay").values.values()


@pytest.mark.parametrize("values", [{"ticket": "none", "name": "홍길동"}, {"ticket": "r", "name": " "}, {}])
async def test_an_order_without_ticket_or_name_is_refused_politely(visit: Visit, values: dict[str, str]) -> None:
    page = await visit.buyer.post(f"{visit.office.shop_url}/orders", values)

    assert page.status == 400
    assert "<h1>" in page.text


async def test_the_buyers_name_is_in_no_address(visit: Visit) -> None:
    page = await visit.buy("r")

    assert "홍길동" in page.text
    assert not any("%ED%99%8D" in address or "example.com" in address for address in page.way)


async def test_orders_of_others_cannot_be_guessed(visit: Visit) -> None:
    await visit.pick("r")

    assert re.fullmatch("[0-9a-f]{32}", visit.order_ref)
    assert (await visit.buyer.get(f"{visit.office.shop_url}/orders/{'0' * 32}")).status == 404


async def test_a_seat_held_no_longer_has_no_pay_button(tmp_path: Path) -> None:
    async with (
        open_stand(Plan(tmp_path, log_level="critical", hold_seconds=0)) as stand,
        httpx2.AsyncClient(trust_env=False) as http,
    ):
        page = await Visit(stand, "mainpay", http).pick("r")

    assert "/checkout" not in page.text
    assert "다시 예매" in page.text


async def test_the_box_office_is_closed_to_everybody_else(visit: Visit) -> None:
    await visit.buy("r")
    shop = visit.office.shop_url
    stranger, guesser = Browser(visit.http), Browser(visit.http, (CLERK, "guess"))

    for path in ("/clerk", f"/clerk/{visit.order_ref}"):
        assert (await stranger.get(shop + path)).status == 401
        assert (await guesser.get(shop + path)).status == 401
    refused = await guesser.post(f"{shop}/clerk/{visit.order_ref}/refunds", {"what": "full", "key": "0" * 32})

    assert refused.status == 401
    assert (await visit.payment())["refunded"] == 0


@pytest.mark.parametrize(
    "header", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}]
)
async def test_another_sites_page_cannot_press_the_refund_button(visit: Visit, header: dict[str, str]) -> None:
    await visit.buy("r")
    answer = await visit.http.post(
        f"{visit.office.shop_url}/clerk/{visit.order_ref}/refunds",
        data={"what": "full", "key": "0" * 32},
        headers=header,
        auth=(CLERK, visit.stand.password),
    )

    assert answer.status_code == 403
    assert (await visit.payment())["refunded"] == 0


async def test_pressing_the_refund_button_of_one_page_twice_refunds_once(visit: Visit) -> None:
    await visit.buy("r")
    clerk = Browser(visit.http, (CLERK, visit.stand.password))
    page = await clerk.get(f"{visit.office.shop_url}/clerk/{visit.order_ref}")

    await clerk.submit(page, "part", amount="1000")
    await clerk.submit(page, "part", amount="1000")

    assert (await visit.payment())["refunded"] == 1000


@pytest.mark.parametrize("amount", ["0", "-5", "1e3", "만원", "１００", ""])
async def test_an_amount_that_is_none_is_explained_to_the_clerk(visit: Visit, amount: str) -> None:
    await visit.buy("r")
    clerk = Browser(visit.http, (CLERK, visit.stand.password))
    page = await clerk.get(f"{visit.office.shop_url}/clerk/{visit.order_ref}")

    page = await clerk.submit(page, "part", amount=amount)

    assert page.status == 422
    assert "1원 이상의 숫자" in page.text


async def test_news_that_is_not_the_bridges_is_refused_and_changes_nothing(visit: Visit) -> None:
    await visit.pick("r")
    office = visit.office
    lie = {"id": "p", "order_ref": visit.order_ref, "amount": visit.price, "version": 9, "state": "paid"}
    body = {"type": "payment.paid", "seq": 1, "payment": lie}
    headers, raw = signed(office, body)

    with pytest.raises(BadSignature):
        office.hear([*headers[:2], (b"webhook-signature", b"v1,AAAA")], raw)
    with pytest.raises(BadSignature):
        office.hear(headers, raw.replace(b"paid", b"open"))
    answer = await visit.http.post(f"{office.shop_url}/?rest_route=/pay-bridge/v1/news", content=raw)
    wrong_amount = body | {"payment": lie | {"amount": 1}}
    with pytest.raises(Malformed):
        office.hear(*signed(office, wrong_amount, "m2"))

    assert answer.status_code == 401
    assert office.notebook.payment(visit.order_ref) is None


async def test_news_counts_once_and_old_news_does_not_count(visit: Visit) -> None:
    await visit.pick("r")
    office = visit.office

    def message(seq: int, state: str, message_id: str) -> str:
        told = {"id": "p", "order_ref": visit.order_ref, "amount": visit.price, "version": seq + 3, "state": state}
        return office.hear(*signed(office, {"type": "payment.x", "seq": seq, "payment": told}, message_id))

    said = [message(1, "paid", "m1"), message(1, "paid", "m1"), message(3, "refunded", "m3"), message(2, "paid", "m2")]

    assert said == ["applied", "seen", "applied", "old"]
    known = office.notebook.payment(visit.order_ref)
    assert known is not None
    assert known["state"] == "refunded"


async def test_the_fence_holds_a_seat_for_its_own_order_at_its_own_price_only(visit: Visit) -> None:
    await visit.pick("r")
    office = visit.office
    until = "2099-01-01T00:00:00.500Z"

    def ask(ref: str, amount: int) -> object:
        return office.answer_fence(
            *signed(office, {"order_ref": ref, "payment": "p", "amount": amount, "until": until})
        )["hold"]

    assert ask(visit.order_ref, visit.price) is True
    assert ask(visit.order_ref, 100) is False
    assert ask("0" * 32, visit.price) is False
    order = office.notebook.order(visit.order_ref)
    assert order is not None
    assert order.hold_until > 4_000_000_000


async def test_everything_is_kept_between_two_runs_even_if_the_sandbox_moves(tmp_path: Path) -> None:
    async with open_stand(Plan(tmp_path, log_level="critical")) as first, httpx2.AsyncClient(trust_env=False) as http:
        visit = Visit(first, "mainpay", http)
        await visit.buy("r")
        port = int(office_of(first).shop_url.rpartition(":")[2])

    async with (
        open_stand(Plan(tmp_path, log_level="critical", shops=((port, "mainpay"),))) as second,
        httpx2.AsyncClient(trust_env=False) as http,
    ):
        again = Visit(second, "mainpay", http, order_ref=visit.order_ref)
        clerk = Browser(http, (CLERK, second.password))
        page = await clerk.get(f"{again.office.shop_url}/clerk/{visit.order_ref}")
        bought = await Visit(second, "mainpay", http).buy("s")

        assert second.password == first.password
        assert office_of(second).key == office_of(first).key
        assert (await again.payment())["state"] == "paid"
        assert "모의 결제사는 이 결제를 잊어서" in page.text
        assert "예매가 끝났어요" in bought.text


async def test_every_page_is_closed_to_scripts_from_elsewhere_and_kept_by_nobody(visit: Visit) -> None:
    await visit.buy("r")
    for path in ("/", f"/orders/{visit.order_ref}/result"):
        answer = await visit.http.get(visit.office.shop_url + path)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert "<script" not in answer.text
    assert "demo.css" in static.manifest()
