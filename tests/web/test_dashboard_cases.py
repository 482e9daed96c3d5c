"""The case page: what is proposed and confirmed there, by whom, and what it refuses."""

import json
import re

import pytest

from bridge.flows.decide_case import Wish, propose
from bridge.flows.log_in import add_operator
from bridge.ledger import cases, looks, payments
from bridge.web.dashboard.overview import NEEDS_MAX
from tests.web.factory import Town
from tests.web.visitor import PASSWORD, Browser, Outline, csrf_on, lively

SAW = "콘솔 승인번호 30001234, 5월 1일 13:20 승인, 취소 내역 없음"


@pytest.fixture
async def case(town: Town, minji: Browser) -> str:
    """The address of a case about a payment whose outcome nobody knows."""
    await lively(town)
    page = await minji.get("/dashboard/cases")
    found = re.search(r'href="(/dashboard/cases/[0-9a-z]{26})"', page.text)
    assert found
    return found[1]


async def post(browser: Browser, address: str, **fields: str):
    return await browser.post(address, fields, csrf=csrf_on(await browser.get(address)))


async def colleague(town: Town, name: str, role: str = "operator") -> Browser:
    await add_operator(town.context, name, PASSWORD, role)
    browser = Browser(town, "198.51.100.2")
    assert (await browser.log_in(name)).status_code == 303
    return browser


def proposal_on(page) -> str:
    found = re.search(r'name="proposal" value="([0-9a-z]{26})"', page.text)
    assert found, page.text
    return found[1]


async def state_of(town: Town, browser: Browser, address: str) -> str:
    page = await browser.get(address)
    payment = re.search(r"/dashboard/payments/([0-9a-z]{26})", page.text)
    assert payment

    def look(turn) -> str:
        row = turn.one("SELECT * FROM payments WHERE id = ?", payment[1])
        return str(payments.read(row).state)

    return await town.context.ledger.read(look)


async def test_the_open_cases_go_page_by_page_and_are_all_counted(town: Town, minji: Browser) -> None:
    await town.open_cases(await town.add_site(), 110)
    path, seen, sizes = "/dashboard/cases", list[str](), list[int]()
    while path:
        page = await minji.get(path)
        found = re.findall(r'href="/dashboard/cases/([0-9a-z]{26})"', page.text)
        assert 'class="quiet">110</span></h1>' in page.text
        assert ("가장 오래된 것부터" in page.text) == bool(seen)
        seen, sizes = [*seen, *found], [*sizes, len(found)]
        following = re.search(r'href="(/dashboard/cases\?cursor=[^"]*)" rel="next"', page.text)
        path = following[1] if following else ""
    opened = await town.context.ledger.read(lambda turn: cases.open_cases(turn, None, 200))

    assert sizes == [50, 50, 10]
    assert seen == [row["id"] for row in opened]
    for cursor in ("x", "1.", "%27.a", "9" * 16 + ".a"):
        assert (await minji.get(f"/dashboard/cases?cursor={cursor}")).status_code == 400
    over = await minji.get("/dashboard/cases?cursor=99999999999999.zzz&lang=en")
    assert "No more open cases here" in over.text


async def test_the_overview_says_how_many_more_cases_there_are(town: Town, minji: Browser) -> None:
    await town.open_cases(await town.add_site(), 130)
    assert f"And {130 - NEEDS_MAX} more" in (await minji.get("/dashboard?lang=en")).text


async def test_one_proposes_and_a_colleague_confirms_with_the_password(town: Town, minji: Browser, case: str) -> None:
    done = await post(minji, case, action="propose", decision="voided", evidence=SAW)
    assert (done.status_code, done.headers["location"]) == (303, case)
    page = await minji.get(case)
    assert SAW in page.text
    assert "직접 제안한 일이에요" in page.text
    haneul = await colleague(town, "haneul")
    assert "제안을 확인하기" in (await haneul.get("/dashboard/cases")).text
    proposal = proposal_on(await haneul.get(case))
    wrong = await post(haneul, case, action="confirm", proposal=proposal, password="not the password")
    assert wrong.status_code == 401
    assert "비밀번호가 맞지 않아요" in wrong.text
    assert await state_of(town, haneul, case) == "needs_human"
    right = await post(haneul, case, action="confirm", proposal=proposal, password=PASSWORD)
    assert right.status_code == 303
    assert await state_of(town, haneul, case) == "voided"
    over = await haneul.get(case)
    assert "끝난 일이에요" in over.text
    assert "확인됨" in over.text
    await haneul.client.aclose()


async def test_nobody_confirms_their_own_proposal(town: Town, minji: Browser, case: str) -> None:
    await add_operator(town.context, "haneul", PASSWORD)
    await post(minji, case, action="propose", decision="paid", evidence=SAW)
    proposal = proposal_on(await minji.get(case))
    refused = await post(minji, case, action="confirm", proposal=proposal, password=PASSWORD, remark=SAW)
    assert refused.status_code == 403
    assert "다른 운영자가 확인해야 해요" in refused.text
    assert await state_of(town, minji, case) == "needs_human"


async def test_an_operator_alone_is_told_from_when_on_they_may(town: Town, minji: Browser, case: str) -> None:
    await post(minji, case, action="propose", decision="voided", evidence=SAW)
    fields = {"action": "confirm", "proposal": proposal_on(await minji.get(case)), "password": PASSWORD, "remark": SAW}
    refused = await post(minji, case, **fields)
    assert refused.status_code == 403
    assert re.search(r"이 계정으로는 \d{4}-\d\d-\d\d \d\d:\d\d 뒤에 확인할 수 있어요", refused.text)
    english = await minji.post(f"{case}?lang=en", fields, csrf=csrf_on(await minji.get(case)))
    assert "Otherwise this account may after 2" in english.text
    assert "하루 뒤에 근거를" in (await minji.get(f"{case}?lang=ko")).text
    object.__setattr__(town.context.settings, "lone_operator_confirms", False)
    page = (await minji.get(case)).text
    assert "다른 운영자가 확인해야 해요" in page
    assert "하루 뒤에 근거를" not in page
    assert "이 계정으로는" not in (await post(minji, case, **fields)).text


async def test_what_may_still_arrive_is_said_with_the_moment_from_when_on_to_decide(
    town: Town, minji: Browser, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        town.clock, "boot_id", lambda: "started anew"
    )  # when the one before sent, its clock does not tell
    fields = {"action": "propose", "decision": "declined", "evidence": SAW}
    refused = await post(minji, case, **fields)
    assert refused.status_code == 409
    assert re.search(r"\d\d:\d\d:\d\d 뒤에 관리자 화면을 다시 보고 답해 주세요", refused.text)
    english = await minji.post(f"{case}?lang=en", fields, csrf=csrf_on(await minji.get(case)))
    assert "Look in its console again after 2" in english.text


async def propose_by_key(town: Town, case: str) -> None:
    """Let the shop propose, as a site's signed request does."""

    def of_case(turn) -> str:
        return str(turn.one("SELECT site FROM cases WHERE id = ?", case.rpartition("/")[2])["site"])

    site = await town.context.ledger.read(of_case)
    await propose(town.context, Wish(case.rpartition("/")[2], "voided", SAW, f"{site}:wp:7"), site=site)


async def test_an_operator_alone_is_told_why_a_shops_proposal_waits(town: Town, minji: Browser, case: str) -> None:
    await propose_by_key(town, case)
    page = (await minji.get(f"{case}?lang=ko")).text
    assert "운영자가 혼자라면 제안하고 하루 뒤에 직접 본 것을 적고" in page
    assert re.search(r'id="remark"[^>]* required', page)
    fields = {"action": "confirm", "proposal": proposal_on(await minji.get(case)), "password": PASSWORD, "remark": SAW}
    refused = await post(minji, case, **fields)
    assert refused.status_code == 403
    assert re.search(r"이 계정으로는 \d{4}-\d\d-\d\d \d\d:\d\d 뒤에 확인할 수 있어요", refused.text)
    assert "As the only operator, confirm it after a day" in (await minji.get(f"{case}?lang=en")).text
    assert await state_of(town, minji, case) == "needs_human"

    object.__setattr__(town.context.settings, "lone_operator_confirms", False)
    assert "운영자가 한 명 더 있어야 확인할 수 있어요" in (await minji.get(f"{case}?lang=ko")).text
    assert "once there is a second operator" in (await minji.get(f"{case}?lang=en")).text
    assert "이 계정으로는" not in (await post(minji, case, **fields)).text
    assert await state_of(town, minji, case) == "needs_human"


async def test_a_shops_proposal_is_confirmed_at_once_where_there_are_two(town: Town, minji: Browser, case: str) -> None:
    await propose_by_key(town, case)
    await add_operator(town.context, "haneul", PASSWORD)
    page = await minji.get(f"{case}?lang=ko")
    assert "결제사 관리자 화면에서 직접 본 뒤에 확인해 주세요" in page.text
    assert "쇼핑몰에서 온 제안" not in page.text
    assert not re.search(r'id="remark"[^>]* required', page.text)
    done = await post(minji, case, action="confirm", proposal=proposal_on(page), password=PASSWORD)
    assert (done.status_code, await state_of(town, minji, case)) == (303, "voided")


async def test_whoever_is_shown_a_case_above_a_no_is_in_the_access_log_too(
    town: Town, minji: Browser, case: str
) -> None:
    bora = await colleague(town, "bora", "viewer")
    csrf = csrf_on(await bora.get("/dashboard/payments"))
    refused = await bora.post(case, {"action": "propose", "decision": "paid", "evidence": SAW}, csrf=csrf)

    assert (refused.status_code, "/dashboard/payments/" in refused.text) == (403, True)
    found = await town.context.ledger.read(looks.recent)
    assert [(row["operator"], row["task"], row["subject"]) for row in found] == [("bora", "case", case[-26:])]


async def test_a_viewer_sees_the_evidence_and_no_form(town: Town, minji: Browser, case: str) -> None:
    bora = await colleague(town, "bora", "viewer")
    page = await bora.get(f"{case}?lang=en")
    assert "Nobody knows whether it was approved" in page.text
    assert 'name="decision"' not in page.text
    tried = await post(bora, case, action="propose", decision="paid", evidence=SAW)
    assert tried.status_code == 403
    assert "제안하기" not in tried.text
    await bora.client.aclose()


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({"action": "propose", "decision": "paid", "evidence": "확인"}, 400, "10자 이상"),
        ({"action": "propose", "decision": "paid", "evidence": SAW, "amount": "1e3"}, 422, "정수로"),
        ({"action": "propose", "decision": "refunded", "evidence": SAW}, 409, "그 사이 내용이 바뀌었어요"),
        ({"action": "close", "decision": "paid", "evidence": SAW}, 400, "10자 이상"),
    ],
)
async def test_what_does_not_do_is_said_and_what_was_typed_stays(
    minji: Browser, case: str, fields: dict[str, str], status: int, sentence: str
) -> None:
    answer = await post(minji, case, **fields)
    assert answer.status_code == status
    assert sentence in answer.text
    assert fields["evidence"] in answer.text


async def test_a_form_that_is_not_ours_decides_nothing(minji: Browser, case: str) -> None:
    fields = {"action": "propose", "decision": "paid", "evidence": SAW}
    assert (await minji.post(case, fields, csrf="0" * 64)).status_code == 400
    ours = csrf_on(await minji.get(case))
    assert (await minji.post(case, fields, csrf=ours, site="cross-site")).status_code == 400
    assert 'name="proposal"' not in (await minji.get(case)).text


async def test_a_proposal_is_rejected_with_a_reason(town: Town, minji: Browser, case: str) -> None:
    await post(minji, case, action="propose", decision="paid", evidence=SAW)
    haneul = await colleague(town, "haneul")
    proposal = proposal_on(await haneul.get(case))
    assert (await post(haneul, case, action="reject", proposal=proposal, remark="다른 번호예요")).status_code == 303
    page = (await haneul.get(case)).text
    assert "다른 번호예요" in page
    assert "반려됨" in page
    assert 'name="decision"' in page, "it may be proposed again"
    await haneul.client.aclose()


async def test_a_case_that_is_not_there_is_said_so(minji: Browser, case: str) -> None:
    assert (await minji.get("/dashboard/cases/0123456789abcdefghjkmnpqrs")).status_code == 404
    fields = {"action": "propose", "decision": "paid", "evidence": SAW}
    assert (
        await minji.post("/dashboard/cases/0123456789abcdefghjkmnpqrs", fields, csrf=csrf_on(await minji.get(case)))
    ).status_code == 404


@pytest.mark.parametrize("lang", ["ko", "en"])
async def test_every_field_has_a_name_that_is_read_aloud(minji: Browser, case: str, lang: str) -> None:
    await post(minji, case, action="propose", decision="paid", evidence=SAW)
    for address in (case,):
        outline = Outline((await minji.get(f"{address}?lang={lang}")).text)
        named = {label.get("for") for label in outline.all("label")}
        for field in (*outline.all("input"), *outline.all("textarea")):
            assert field.get("type") in ("hidden", "radio") or field["id"] in named
        assert len(outline.all("h1")) == 1
        assert not any("style" in attributes or "onclick" in attributes for _, attributes in outline.tags)


async def test_a_case_of_other_money_says_which_and_asks_for_a_sum_that_nothing_tells(
    town: Town, minji: Browser, case: str
) -> None:
    def find(turn) -> str:
        row = turn.one("SELECT id, site, refs FROM payments WHERE state = 'paid' AND refs LIKE '%refNo%' LIMIT 1")
        about = {"site": row["site"], "payment": row["id"], "reason": "money_on_ended_payment"}
        cases.open_case(turn, case_id="0" * 26, **about, detail="the buyer was charged twice", at=1)
        return str(json.loads(row["refs"])["refNo"])

    number = await town.context.ledger.write(find)
    address = f"/dashboard/cases/{'0' * 26}"
    page = await minji.get(address)
    assert "바로 그 돈이라면 장부가 맞다고 답해 주세요" in page.text
    assert 'name="amount"' in page.text
    wish = {"action": "propose", "decision": "money_found", "evidence": SAW}
    unsaid = await post(minji, address, **wish)
    assert (unsaid.status_code, "정수로" in unsaid.text) == (422, True)
    own = await post(minji, address, **wish | {"amount": "1000", "evidence": f"{SAW} {number}"})
    assert (own.status_code, "이 결제의 번호이고" in own.text) == (409, True)
    assert (await post(minji, address, **wish | {"amount": "1000"})).status_code == 303
