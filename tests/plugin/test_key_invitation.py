"""A clerk's address by which a customer registers a card or phone: made once, used once, and it shows nothing."""

import html
import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.plugin.conftest import Shop
from tests.plugin.office import forms_on, outcome, submit
from tests.plugin.stub_bridge import StubBridge
from tests.plugin.test_billing_keys import ASK, PAYPLE, PAYSTORY, WINDOW, able
from tests.plugin.test_billing_page import KEY, PAGE, known, look_up

OPEN = KEY | {"state": "open", "window_url": WINDOW}


@pytest.fixture(autouse=True)
def offered(bridge: StubBridge) -> None:
    """A site whose gateways register cards and phones."""
    able(bridge, card_keys=[PAYPLE], phone_keys=[PAYSTORY])
    known(bridge, [], [])
    bridge.scripted[ASK] = (201, OPEN)


def form(shop: Shop, method: str, customer: str = "t-owner", **typed: str) -> dict[str, str]:
    return next(one for one in forms_on(look_up(shop, customer)) if one.get("method") == method) | typed


def invite(shop: Shop, method: str = "card", customer: str = "t-owner", **typed: str) -> str:
    """Have an address made; gives its path and query."""
    answer = submit(shop, form(shop, method, customer, **typed))
    assert outcome(shop, answer) == ("success", "주소를 만들었어요. 고객에게 보내 주세요. 일주일 동안 쓸 수 있어요.")
    page = html.unescape(shop.as_("clerk").get(answer.headers["location"]).text)
    found = re.search(r'readonly size="40" value="([^"]+)"', page)
    assert found
    parts = urlsplit(found[1])
    return f"{parts.path}?{parts.query}"


def press(shop: Shop, path: str, choice: str) -> Any:
    """Open the customer's page and press its button."""
    page = shop.as_("visitor").get(path).text
    key = re.search(r'name="key" value="([0-9a-f]{32})"', page)
    assert key, page[-900:]
    assert f'value="{choice}"' in page
    return shop.as_("visitor").post(path, data={"key": key[1], "choice": choice})


def of_it(bridge: StubBridge, state: str = "active", **more: Any) -> dict[str, Any]:
    """A key of the last window that was asked for, as the bridge lists it."""
    sent = bridge.asked("POST", "/v1/billing-keys")[-1].json
    return KEY | {"state": state, "invitation": sent["invitation"]} | more


def test_an_address_is_made_once_and_stands_there_to_be_sent(shop: Shop, bridge: StubBridge) -> None:
    fields = form(shop, "card")
    answers = [submit(shop, fields), submit(shop, fields)]
    pages = [html.unescape(shop.as_("clerk").get(one.headers["location"]).text) for one in answers]
    made = [re.findall(r'value="([^"]+pay_bridge_invitation=[0-9a-f]{32})"', page) for page in pages]

    assert len(made[0]) == 1
    assert made[0] == made[1], "two clicks are one address"
    assert fields["key"] not in made[0][0], "the page's own address tells no way in"
    assert "mailto:t-owner%40shop.example?subject=" in pages[0]
    assert bridge.asked("POST", "/v1/billing-keys") == [], "the window is opened when the customer presses"


def test_its_page_leads_to_the_window_and_is_over_once_the_card_is_registered(shop: Shop, bridge: StubBridge) -> None:
    path = invite(shop)
    first = shop.as_("visitor").get(path)
    assert "정기 결제에 쓸 카드를 등록해 달라고" in first.text
    assert first.headers["referrer-policy"] == "no-referrer"
    assert "no-store" in first.headers["cache-control"]
    answer = press(shop, path, "card:payple")

    assert (answer.status_code, answer.headers["location"]) == (303, WINDOW)
    (sent,) = bridge.asked("POST", "/v1/billing-keys")
    owner = f"wp:{shop.ids['owner']}"
    assert sent.json["result_url"] == f"{shop.stand.url}{path}"
    assert (sent.json["customer"], sent.json["actor"]) == (owner, f"wp:{shop.ids['clerk']}")
    assert re.fullmatch(r"key-[0-9a-f]{24}", sent.json["invitation"])
    known(bridge, [of_it(bridge, "refused", message="한도 초과 <i>")], [])
    again = shop.as_("visitor").get(path).text
    assert "등록하지 못했어요.\n한도 초과 &lt;i&gt;" in again
    assert 'value="card:payple"' in again
    known(bridge, [KEY | {"id": "k_other"}, KEY | {"id": "k_third", "invitation": "key-of-another"}], [])
    assert 'value="card:payple"' in shop.as_("visitor").get(path).text, "another card of theirs is not this one"
    bridge.scripted[ASK] = (201, OPEN | {"id": "k_second"})
    assert press(shop, path, "card:payple").status_code == 303
    assert bridge.asked("POST", "/v1/billing-keys")[-1].json["invitation"] == sent.json["invitation"]
    known(bridge, [of_it(bridge, "open", id="k_second"), of_it(bridge)], [])
    over = shop.as_("visitor").get(path).text
    assert "등록됐어요." in over
    assert "이 주소는 이제 다 썼어요." in over
    assert "비씨카드" not in over, "whoever has the address sees no card"
    assert "<button" not in over
    bridge.seen.clear()
    shop.as_("visitor").post(path, data={"key": "0" * 32, "choice": "card:payple"})
    assert bridge.asked("POST", "/v1/billing-keys") == []


def test_an_address_stays_used_behind_a_hundred_windows_that_came_after(shop: Shop, bridge: StubBridge) -> None:
    path = invite(shop)
    assert press(shop, path, "card:payple").status_code == 303
    later = f"GET /v1/billing-keys?customer=wp%3A{shop.ids['owner']}&cursor=k_0"
    left = [of_it(bridge, "expired", id=f"k_{number}") for number in range(100, 0, -1)]
    bridge.scripted["GET /v1/billing-keys"] = (200, {"items": left, "next_cursor": "k_0"})
    bridge.scripted[later] = (200, {"items": [of_it(bridge)], "next_cursor": None})
    over = shop.as_("visitor").get(path).text
    assert "등록됐어요." in over
    assert "<button" not in over


def test_a_clerk_makes_another_address_where_one_is_used_and_a_lost_answer_uses_none(
    shop: Shop, bridge: StubBridge
) -> None:
    path = invite(shop)
    assert press(shop, path, "card:payple").status_code == 303
    known(bridge, [of_it(bridge, "lost")], [])
    lost = shop.as_("visitor").get(path).text
    assert "결제사의 답을 받지 못해서" in lost
    assert press(shop, path, "card:payple").status_code == 303
    known(bridge, [of_it(bridge, "deleted"), of_it(bridge, "lost")], [])
    assert "이 주소는 이제 다 썼어요." in shop.as_("visitor").get(path).text, "a card that was deleted was registered"
    another = invite(shop)
    assert another != path
    assert press(shop, another, "card:payple").status_code == 303
    asked = [one.json["invitation"] for one in bridge.asked("POST", "/v1/billing-keys")]
    assert (asked[0] == asked[1], asked[1] == asked[2]) == (True, False)


def test_a_window_that_the_bridge_opens_no_more_is_told_in_its_words(shop: Shop, bridge: StubBridge) -> None:
    path = invite(shop)
    words = "이 초대로는 이미 등록했어요."
    bridge.scripted[ASK] = (409, {"code": "not_now", "detail": "Used.", "message_ko": words})
    assert words in press(shop, path, "card:payple").text


def test_a_phone_pays_what_the_clerk_wrote_and_the_plugin_answers_for_that_order(
    shop: Shop, bridge: StubBridge
) -> None:
    path = invite(shop, "phone", "CUST-7", title="월 회원권", amount="9900")
    page = shop.as_("visitor").get(path).text
    assert "휴대폰 등록하고 9,900원 결제" in page
    assert "월 회원권" in page
    assert press(shop, path, "phone:paystory").status_code == 303

    (sent,) = bridge.asked("POST", "/v1/billing-keys")
    order = sent.json["order"]
    assert (sent.json["customer"], sent.json["method"]) == ("CUST-7", "phone")
    assert (order["title"], order["amount"], order["buyer"]) == ("월 회원권", 9_900, {"id": "CUST-7", "name": "구매자"})
    found = shop.stand.run_php(f"echo PayBridge\\Order::find('{order['ref']}', 'news', 0)->amount();")
    assert found == "9900"


@pytest.mark.parametrize(
    ("method", "typed"),
    [
        ("phone", {"title": "", "amount": "9900"}),
        ("phone", {"title": "회비", "amount": "9,900"}),
        ("card", {"method": "x"}),
    ],
)
def test_what_cannot_be_registered_makes_no_address(shop: Shop, method: str, typed: dict[str, str]) -> None:
    assert submit(shop, form(shop, method) | typed).status_code == 400


def test_an_address_that_nobody_made_and_a_choice_it_is_not_for_open_nothing(shop: Shop, bridge: StubBridge) -> None:
    for token in ("0" * 32, "x", "%22%3E%3Cscript%3E"):
        answer = shop.as_("visitor").get(f"/?pay_bridge_invitation={token}")
        assert (answer.status_code, "더는 쓸 수 없는 주소예요" in answer.text) == (404, True)
    path = invite(shop)
    for data in ({"key": "0" * 32, "choice": "phone:paystory"}, {"key": "short", "choice": "card:payple"}):
        assert shop.as_("visitor").post(path, data=data).status_code == 200
    assert bridge.asked("POST", "/v1/billing-keys") == []


def test_while_the_bridge_is_silent_the_page_says_what_to_do(shop: Shop, bridge: StubBridge) -> None:
    path = invite(shop)
    bridge.scripted[ASK] = (0, None)
    assert "등록되거나 결제된 것은 없어요" in press(shop, path, "card:payple").text
    bridge.scripted[ASK] = (201, OPEN)
    assert press(shop, path, "card:payple").status_code == 303
    bridge.scripted["GET /v1/billing-keys"] = (0, None)
    silent = shop.as_("visitor").get(path)
    assert (silent.status_code, "다시 보기" in silent.text) == (503, True)
    known(bridge, [of_it(bridge, "issuing")], [])
    waits = shop.as_("visitor").get(path).text
    assert "다시 등록하지 말고" in waits
    assert "<button" not in waits


def test_who_may_not_serve_makes_none_and_where_no_gateway_can_it_is_said(shop: Shop, bridge: StubBridge) -> None:
    fields = form(shop, "card")
    assert submit(shop, fields, who="editor").status_code == 403
    assert submit(shop, fields | {"_wpnonce": "0123456789"}).status_code == 403
    able(bridge)
    page = look_up(shop, "t-owner")

    assert "결제창에서 카드나 휴대폰을 등록해 주지 않거나" in page
    assert "data-invite" not in page
    assert shop.as_("editor").get(PAGE).status_code == 403
