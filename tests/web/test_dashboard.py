"""The operator's pages: what they show, and what they never show."""

import html
import json
import re
import sqlite3
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

from bridge.clock import to_ms
from bridge.domain.billing import KeyState, PlanState
from bridge.domain.payment import Buyer, Method
from bridge.flows.log_in import add_operator
from bridge.ledger import audit, billing_keys, plans, receipts, search
from bridge.ledger.billing_keys import KeyRow
from bridge.ledger.ledger import Turn
from bridge.ledger.plans import Plan
from bridge.ledger.receipts import Receipt, ReceiptState
from bridge.web import dashboard, static
from bridge.web.dashboard import words
from tests.web.factory import Town, open_town
from tests.web.visitor import HONG, PAGES, PASSWORD, Browser, Outline, lively, refs_on

# what every page keeps to


@pytest.mark.parametrize("lang", ["ko", "en"])
async def test_every_page_keeps_the_policy_and_can_be_read_aloud(town: Town, minji: Browser, lang: str) -> None:
    case = await lively(town)
    for path in (*PAGES, f"/dashboard/payments/{case}", "/dashboard/payments/nothing"):
        page = await minji.get(f"{path}?lang={lang}")
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["cross-origin-opener-policy"] == "same-origin"
        policy = page.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        seen = Outline(page.text)
        assert [one["lang"] for one in seen.all("html")] == [lang]
        assert all(one.get("src") for one in seen.all("script"))
        assert not seen.all("style")
        assert not any("style" in one or any(name.startswith("on") for name in one) for _, one in seen.tags)
        assert len(seen.all("h1")) == len(seen.all("main")) == len(seen.all("nav")) - ('rel="next"' in page.text) == 1
        labelled = {one.get("for") for one in seen.all("label")}
        shown = [one for tag in ("input", "select", "textarea") for one in seen.all(tag) if one.get("type") != "hidden"]
        assert all(one.get("id") in labelled for one in shown), path
        assert len(seen.all("table")) == len(seen.all("caption"))
        assert all("alt" in one for one in seen.all("img"))
        assert all(one.get("role") == "img" or one.get("aria-hidden") == "true" for one in seen.all("svg"))
        ids = [one["id"] for _, one in seen.tags if one.get("id")]
        assert len(ids) == len(set(ids))


async def test_no_page_shows_a_buyer_or_a_secret_in_full(town: Town, minji: Browser) -> None:
    case = await lively(town)
    paid = re.findall(r"/dashboard/payments/([0-9a-z]{26})", (await minji.get("/dashboard/payments")).text)
    for path in (*PAGES, *(f"/dashboard/payments/{one}" for one in {case, *paid})):
        text = (await minji.get(path)).text
        for secret in ("홍길동", "gildong", "1234-5678", "12345678901234", "g1."):
            assert secret not in text, (path, secret)
    assert "홍*동" in (await minji.get(f"/dashboard/payments/{case}")).text


async def test_hostile_names_are_shown_and_not_obeyed(town: Town, minji: Browser) -> None:
    site = await town.add_site()
    evil = '"><script>alert(1)</script>'
    payment = await town.pay(
        site, "declined", buyer=Buyer(evil, evil, evil), code=("limit", "2002", evil), order_ref="T-1<b>"
    )
    for path in ("/dashboard", "/dashboard/payments", f"/dashboard/payments/{payment.id}"):
        text = (await minji.get(path)).text
        assert "<script>alert" not in text
        assert "<b>T-1" not in text
    found = await minji.search(evil)
    assert "<script>alert" not in found.text
    assert "&lt;script&gt;" in found.text


async def test_korean_comes_first_and_a_choice_of_language_is_kept(minji: Browser) -> None:
    del minji.client.headers["Accept-Language"]
    minji.client.cookies.delete("pay_bridge_lang")
    assert 'lang="ko"' in (await minji.get("/dashboard")).text
    assert 'lang="en"' in (await minji.get("/dashboard", accept_language="en-US,en;q=0.9,ko;q=0.5")).text
    assert 'lang="ko"' in (await minji.get("/dashboard", accept_language="en;q=0.3,ko-KR")).text
    await minji.get("/dashboard?lang=en")
    assert 'lang="en"' in (await minji.get("/dashboard/payments")).text


async def test_the_pages_work_below_a_path_of_the_public_address(tmp_path: Path, cheap_passwords: None) -> None:
    async with open_town(tmp_path, "http://127.0.0.1:8080/pay") as town:
        await add_operator(town.context, "minji", PASSWORD)
        app = Starlette(routes=[*static.routes(), *dashboard.routes(town.context)])
        base_url = "http://127.0.0.1:8080"
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=base_url) as client:
            away = await client.get("/dashboard")
            page = await client.get("/dashboard/login")
    assert away.headers["location"].startswith("/pay/dashboard/login?next=%2Fpay%2Fdashboard")
    assert 'action="/pay/dashboard/login"' in page.text
    assert 'href="/pay/static/bridge.' in page.text


# the overview


async def test_the_overview_says_that_all_is_well_and_nothing_waits(town: Town, minji: Browser) -> None:
    await town.pay(await town.add_site(), "paid", amount=55_000)
    text = (await minji.get("/dashboard")).text
    assert "모두 잘 되고 있어요" in text
    assert "기다리는 일이 없어요" in text
    assert "55,000원" in text
    assert "100.0%" in text


async def test_the_overview_lists_what_needs_a_person_worst_first_each_with_its_payment(
    town: Town, minji: Browser
) -> None:
    case = await lively(town)
    text = (await minji.get("/dashboard")).text
    needs = text[text.index('id="needs"') : text.index('id="today"')]
    linked = re.findall(r"/dashboard/payments/([0-9a-z]{26})", needs)
    assert len(linked) == len(set(linked)) == 3
    assert linked[0] == case
    assert re.findall(r"<b>(.*?)</b>", needs) == [
        "사람이 결정해야 해요",
        "승인의 결과를 몰라요",
        "WordPress가 듣지 못했어요",
    ]
    assert "HTTP 503" in needs


async def test_test_mode_is_said_on_every_page_when_all_is_test_and_beside_the_site_otherwise(
    town: Town, minji: Browser
) -> None:
    payment = await town.pay(await town.add_site("https://test.example.kr", "test"), "paid")
    for path in PAGES:
        assert 'class="ribbon"' in (await minji.get(path)).text
    await town.pay(await town.add_site("https://live.example.kr", "live"), "paid")
    assert 'class="ribbon"' not in (await minji.get("/dashboard")).text
    assert "시험 모드" in (await minji.get(f"/dashboard/payments/{payment.id}")).text
    assert (await minji.get("/dashboard/payments")).text.count('class="badge test"') == 1


async def test_an_empty_bridge_says_what_to_do_first(minji: Browser) -> None:
    assert "pay-bridge site add" in (await minji.get("/dashboard")).text
    assert "pay-bridge site add" in (await minji.get("/dashboard/sites")).text
    assert "아직 결제가 없어요" in (await minji.get("/dashboard/payments")).text
    assert "확인할 일이 없어요" in (await minji.get("/dashboard/cases")).text


# lists and search


async def test_a_payment_is_found_by_every_name_it_has(town: Town, minji: Browser) -> None:
    site = await town.add_site()
    wanted = await town.pay(site, "paid", buyer=HONG, order_ref="T-77", seconds_ago=5000)
    await town.pay(site, "paid", buyer=Buyer("이몽룡", "mong@example.com", "010-9999-0000"), order_ref="T-78")
    texts = (
        wanted.id,
        wanted.id.upper(),
        "T-77",
        wanted.merchant_ref,
        wanted.refs["refNo"],
        "길동",
        "GILDONG@",
        "010-1234-5678",
        "01012345678",
        "5678",
    )
    for text in texts:
        assert refs_on(await minji.search(text)) == ["T-77"], text
    assert refs_on(await minji.search("없는 사람")) == []
    assert refs_on(await minji.search("")) == ["T-78", "T-77"]


async def test_what_is_searched_for_never_stands_in_an_address(town: Town, minji: Browser) -> None:
    site = await town.add_site()
    for _ in range(search.PAGE + 1):
        await town.pay(site, "paid", buyer=HONG)
    assert len(refs_on(await minji.get("/dashboard/payments?q=nobody"))) == search.PAGE
    page = await minji.search("홍길동")
    assert len(refs_on(page)) == search.PAGE
    addresses = re.findall(r'(?:href|action)="([^"]*)"', page.text)
    assert not any("q=" in one or "%ED" in one for one in addresses)
    assert '<input type="hidden" name="q" value="홍길동">' in page.text


async def test_pages_go_on_where_the_last_one_ended_across_sites(town: Town, minji: Browser) -> None:
    sites = [await town.add_site(f"https://shop{number}.example.kr", "live") for number in range(3)]
    told = []
    for number in range(search.PAGE * 2 + 7):
        ref = f"T-{number:04d}"
        await town.pay(sites[number * 7 % 3], "paid", seconds_ago=90_000 - number, order_ref=ref)
        told.append(ref)
    seen, address = [], "/dashboard/payments"
    for _ in range(3):
        page = await minji.get(address)
        seen += refs_on(page)
        onward = re.search(r'href="([^"]*)" rel="next"', page.text)
        address = onward[1].replace("&amp;", "&") if onward else ""
    assert seen == told[::-1]
    assert address == ""


async def test_a_list_is_narrowed_by_state_site_gateway_and_day(town: Town, minji: Browser) -> None:
    one = await town.add_site("https://one.example.kr", "live", "mainpay", "payapp")
    two = await town.add_site("https://two.example.kr", "live")
    await town.pay(one, "paid", order_ref="A", seconds_ago=80)
    await town.pay(one, "declined", order_ref="B", gateway="payapp", seconds_ago=70)
    await town.pay(two, "declined", order_ref="C")
    await town.pay(one, "paid", order_ref="D", seconds_ago=86_400)
    for query, refs in (
        ("state=declined", "CB"),
        (f"site={two}", "C"),
        ("gateway=payapp", "B"),
        ("day=2026-11-19", "D"),
        ("day=2026-11-20&state=paid", "A"),
        ("day=2026-11-18", ""),
    ):
        assert "".join(refs_on(await minji.get(f"/dashboard/payments?{query}"))) == refs, query
    assert refs_on(await minji.search("B", state="declined")) == ["B"]


@pytest.mark.parametrize(
    "query", ["state=lost", "day=yesterday", "day=9999-12-31", "cursor=x", "cursor=%27%20OR%201=1--aaaaaaaaaaa"]
)
async def test_a_filter_that_makes_no_sense_is_refused_in_words(minji: Browser, query: str) -> None:
    answer = await minji.get(f"/dashboard/payments?{query}")
    assert answer.status_code == 400
    assert "처리하지 못했어요" in answer.text


async def test_a_search_looks_at_so_many_at_once_and_can_go_on(
    town: Town, minji: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "SCAN_MAX", 60)
    site = await town.add_site()
    await town.pay(site, "paid", buyer=HONG, order_ref="T-OLD", seconds_ago=80_000)
    for number in range(150):
        await town.pay(site, "paid", buyer=Buyer("이몽룡", "", ""), seconds_ago=70_000 - number)
    page = await minji.search("홍길동")
    steps = 0
    while not refs_on(page):
        cursor = re.search(r'name="cursor" value="([0-9a-z]{26})"', page.text)
        assert cursor, "the search must be able to go on"
        page = await minji.search("홍길동", cursor=cursor[1])
        steps += 1
    assert refs_on(page) == ["T-OLD"]
    assert 1 <= steps <= 3


async def test_a_payments_reference_is_found_however_old(
    town: Town, minji: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "SCAN_MAX", 5)
    site = await town.add_site()
    old = await town.pay(site, "paid", order_ref="T-OLD", seconds_ago=80_000)
    for _ in range(20):
        await town.pay(site, "paid")
    for text in ("T-OLD", old.id, old.merchant_ref):
        assert refs_on(await minji.search(text)) == ["T-OLD"]


# one payment


async def test_a_payments_page_tells_its_whole_story_in_order(town: Town, minji: Browser) -> None:
    payment = await town.pay(await town.add_site(), "part_refunded", amount=88_000, seconds_ago=500)
    text = (await minji.get(f"/dashboard/payments/{payment.id}")).text
    told = re.findall(r"<div><b>(.*?)</b>", text[text.index('class="timeline"') :])
    order = ["결제를 시작했어요", "결제창을 열었어요", "승인을 요청했어요", "결제됐어요", "결제사의 알림", "환불됐어요"]
    assert [title for title in told if title in order] == order
    assert {"mainpay ready", "mainpay pay", "mainpay cancel", "승인: 됨", "환불: 됨"} <= set(told)
    assert "감사 기록 7줄이 온전해요" in text
    assert "부분 환불" in text
    assert "44,000원" in text
    assert {"구매자", "Pay Bridge", "wp:7"} <= set(re.findall(r'<span class="quiet small">(.*?)</span>', text))
    assert "<details>" in text
    assert "&#34;resultCode&#34;: &#34;200&#34;" in text


@pytest.mark.parametrize(
    ("months", "korean", "english"),
    [("00", "일시불", "none"), ("0", "일시불", "none"), ("03", "3개월", "3 months"), ("?", "?", "?"), ("", "", "")],
)
def test_instalments_are_said_in_words(months: str, korean: str, english: str) -> None:
    assert (words.instalments(months, "ko"), words.instalments(months, "en")) == (korean, english)


@pytest.mark.parametrize(
    ("card", "lang", "told"),
    [
        ("{}", "ko", ["6개월 (요청)"]),
        ("{}", "en", ["6 months (asked for)"]),
        ('{"installment": "03"}', "ko", ["3개월"]),
    ],
)
async def test_the_months_an_order_asks_for_are_told_where_the_gateway_tells_none(
    town: Town, minji: Browser, card: str, lang: str, told: list[str]
) -> None:
    payment = await town.pay(await town.add_site(), "paid")
    asked = "UPDATE payments SET instalment_months = 6, card = ?, version = version + 1 WHERE id = ?"
    await town.context.ledger.write(lambda turn: turn.run(asked, card, payment.id))
    page = (await minji.get(f"/dashboard/payments/{payment.id}?lang={lang}")).text
    name = words.say(words.FACTS, "installment", lang)

    assert re.findall(rf"<dt>{name}</dt><dd>(.*?)</dd>", page) == told


@pytest.mark.parametrize(("lang", "state", "key"), [("ko", "진행 중", "사용 가능"), ("en", "active", "active")])
async def test_keys_and_plans_are_shown_with_their_states_and_nobodys_address(
    town: Town, minji: Browser, lang: str, state: str, key: str
) -> None:
    assert "아직 없어요" in (await minji.get("/dashboard/recurring?lang=ko")).text
    site, at = await town.add_site("https://tickets.example.kr"), town.clock.now()
    row = KeyRow("01key", site, "gildong@example.com", "payple", Method.CARD, KeyState.OPENING, "R1", 0, "g1.sealed",
                 f"{site}/my-cards", "", "buyer", at, at, at)  # fmt: skip
    issued = {"key_sealed": "g1.key", "card": {"name": "비씨카드", "number": "123456******7890"}, "issued_at": at}
    plan = Plan("01plan", site, "wp:7", "payapp", PlanState.ACTIVE, "R2", "CLUB-1", 33_000, 0, "month", 25,
                date(2027, 12, 31), "g1.sealed", "buyer", at)  # fmt: skip

    def write(turn: Turn) -> None:
        billing_keys.add(turn, row)
        asked = billing_keys.move(turn, row, KeyState.OPEN, at=0)
        asked = billing_keys.move(turn, asked, KeyState.ISSUING, at=0)
        billing_keys.move(turn, asked, KeyState.ACTIVE, at=0, message="지금은 지울 수 없어요", **issued)
        plans.add(turn, plan)
        plans.add(turn, replace(plan, id="02plan", ref="R3", order_ref="CLUB-2"))
        plans.fail_round(turn, plan, at=to_ms(at), code="99", message="한도초과 <b>")

    await town.context.ledger.write(write)
    page = (await minji.get(f"/dashboard/recurring?lang={lang}")).text

    assert re.findall(r'class="badge good">([^<]*)</span> <b>([^<]*)</b>', page) == [
        (state, "CLUB-2"),
        (state, "CLUB-1"),
        (key, "비씨카드 1234 56** **** 7890"),
    ]
    assert "지금은 지울 수 없어요" in page
    assert page.count({"ko": "마지막 결제 실패", "en": "Last failed charge"}[lang]) == 1
    assert "한도초과 &lt;b&gt;" in page
    assert "wp:7" in page
    assert "gildong@example.com" not in page
    assert "g1.sealed" not in page


@pytest.mark.parametrize(("lang", "words"), [("ko", "30,000원 · 발급됨"), ("en", "₩30,000 · issued")])
async def test_a_payments_page_shows_its_cash_receipts_and_nobodys_number(
    town: Town, minji: Browser, lang: str, words: str
) -> None:
    payment = await town.pay(await town.add_site("https://tickets.example.kr"), "paid", buyer=HONG)
    issued = Receipt("01receipt", payment.site, payment.id, "mainpay", "R1", ReceiptState.ISSUED, "income", 30_000, 0,
                     "g1.sealed", "wp:7", payment.created_at, payment.created_at)  # fmt: skip

    def write(turn: Turn) -> None:
        receipts.add(turn, issued)
        turn.run("UPDATE receipts SET number = 'C00000001', message = '취소 기간이 지났어요'")

    await town.context.ledger.write(write)
    page = (await minji.get(f"/dashboard/payments/{payment.id}?lang={lang}")).text

    assert words in page
    assert "C00000001" in page
    assert "취소 기간이 지났어요" in page
    assert "g1.sealed" not in page

    over = {"ko": "이 현금영수증을 취소", "en": "this cash receipt is to be cancelled"}[lang]
    assert over not in page
    await town.context.ledger.write(lambda turn: turn.run("UPDATE receipts SET amount = ?", payment.left + 1))
    assert over in (await minji.get(f"/dashboard/payments/{payment.id}?lang={lang}")).text


@pytest.mark.parametrize(
    ("lang", "asked", "answered"),
    [("ko", "배송 등록", "30,000원 · 00 · 정상"), ("en", "report of the delivery", "₩30,000 · 00 · 정상")],
)
async def test_the_timeline_tells_what_was_asked_for_besides_money_and_what_was_said(
    town: Town, minji: Browser, lang: str, asked: str, answered: str
) -> None:
    payment = await town.pay(await town.add_site(), "paid")
    issued = {"amount": 30_000, "code": "00", "message": "정상"}
    tells: dict[str, dict[str, str | int]] = {"escrow.asked": {"reason": "delivery"}, "receipt.issued": issued}

    def write(turn: Turn) -> None:
        for event, detail in tells.items():
            audit.note(turn, site=payment.site, payment=payment.id, at=0, actor="wordpress", event=event, detail=detail)

    await town.context.ledger.write(write)
    page = (await minji.get(f"/dashboard/payments/{payment.id}?lang={lang}")).text

    assert re.findall(r'<p class="small quiet">([^<]*)</p>', page[page.index('class="timeline"') :])[:2] == [
        asked,
        answered,
    ]
    assert page.count("워드프레스" if lang == "ko" else 'small">WordPress') == 2


async def test_an_account_is_shown_without_what_is_not_known_and_its_end_in_korean_time(
    town: Town, minji: Browser
) -> None:
    payment = await town.pay(await town.add_site(), "awaiting_deposit")
    account = {"bank": "국민은행", "number": "12345678901234", "holder": "", "due": "2026-11-22T14:59:59+00:00"}
    told = "UPDATE payments SET account = ?, version = version + 1 WHERE id = ?"
    await town.context.ledger.write(lambda turn: turn.run(told, json.dumps(account), payment.id))
    page = (await minji.get(f"/dashboard/payments/{payment.id}?lang=ko")).text

    assert "<dt>입금 기한</dt><dd>2026-11-22 23:59:59 KST</dd>" in page
    assert "예금주" not in page


async def test_a_payments_slip_is_a_link_into_a_new_tab_where_its_gateway_has_one(town: Town, minji: Browser) -> None:
    site = await town.add_site()
    payment, without = await town.pay(site, "paid"), await town.pay(site, "paid")
    refs = json.dumps({"slip": "https://slip.example/?no=1&key=2"})
    told = "UPDATE payments SET refs = ?, version = version + 1 WHERE id = ?"
    await town.context.ledger.write(lambda turn: turn.run(told, refs, payment.id))
    page = (await minji.get(f"/dashboard/payments/{payment.id}")).text

    link = 'href="https://slip.example/?no=1&amp;key=2" target="_blank" rel="noopener noreferrer">'
    assert f"{link}결제사에서 보기 (새 창)</a>" in page
    assert "매출전표" not in (await minji.get(f"/dashboard/payments/{without.id}")).text


@pytest.mark.parametrize(
    ("lang", "points", "window"),
    [("ko", "카드 포인트 (원)", "결제창 번호 (aid)"), ("en", "Card points (KRW)", "Number of the window (aid)")],
)
async def test_operators_read_what_the_gateways_numbers_are(
    town: Town, minji: Browser, lang: str, points: str, window: str
) -> None:
    payment, refs = await town.pay(await town.add_site(), "paid"), json.dumps({"usePointAmt": "1500", "aid": "aid6f75"})
    told = "UPDATE payments SET refs = ?, version = version + 1 WHERE id = ?"
    await town.context.ledger.write(lambda turn: turn.run(told, refs, payment.id))
    page = (await minji.get(f"/dashboard/payments/{payment.id}?lang={lang}")).text

    assert f'<dt>{points}</dt><dd class="code">1500</dd>' in page
    assert f'<dt>{window}</dt><dd class="code">aid6f75</dd>' in page


async def test_the_bundle_explains_the_payment_and_names_nobody(town: Town, minji: Browser) -> None:
    payment = await town.pay(await town.add_site(), "paid", buyer=HONG)
    text = (await minji.get(f"/dashboard/payments/{payment.id}")).text
    bundle = text[text.index("<textarea") : text.index("</textarea>")]
    for word in (payment.id, payment.merchant_ref, "payment.paid", "홍*동", "1234 56** **** 7890"):
        assert word in bundle
    for secret in ("홍길동", "gildong", "1234-5678", "context_sealed", "raw_sealed"):
        assert secret not in bundle


async def test_the_bundle_says_when_a_notice_came_and_when_it_had_its_effect(town: Town, minji: Browser) -> None:
    payment = await town.pay(await town.add_site(), "paid")
    text = (await minji.get(f"/dashboard/payments/{payment.id}")).text
    bundle = json.loads(html.unescape(text[text.index("<textarea") : text.index("</textarea>")].partition(">")[2]))
    (notice,) = bundle["notices"]
    took = datetime.fromisoformat(notice["done_at"]) - datetime.fromisoformat(notice["received_at"])
    assert (took, notice["state"]) == (timedelta(milliseconds=4), "done")


async def test_a_tampered_audit_row_is_shown(town: Town, minji: Browser) -> None:
    payment = await town.pay(await town.add_site(), "paid")
    connection = sqlite3.connect(town.context.settings.database_path)
    connection.execute("DROP TRIGGER audit_fixed")
    connection.execute("UPDATE audit SET actor = 'nobody' WHERE seq = 3")
    connection.commit()
    connection.close()
    assert "3번째 줄부터 맞지 않아요" in (await minji.get(f"/dashboard/payments/{payment.id}")).text


async def test_a_case_shows_its_evidence_and_what_to_do(town: Town, minji: Browser) -> None:
    case = await lively(town)
    text = (await minji.get("/dashboard/cases")).text
    assert f"/dashboard/payments/{case}" in text
    for word in (
        "결제사 관리자 화면에서",
        "unknown_outcome",
        "net-cancel settled nothing",
        "승인 ",
        "확인 필요",
        "HTTP 200",
    ):
        assert word in text


async def test_a_payment_that_is_not_there_is_said_so(minji: Browser) -> None:
    answer = await minji.get("/dashboard/payments/0123456789abcdefghjkmnpqrs")
    assert answer.status_code == 404
    assert "그런 결제가 없어요" in answer.text
