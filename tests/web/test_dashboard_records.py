"""The access log, the export and the page of checks: who saw what and why, and no formula in a file."""

import csv
import io

import pytest

from bridge.clock import to_ms
from bridge.flows.log_in import add_operator
from bridge.ledger import alarms, anchors, checks, looks
from bridge.ledger.anchors import AGREES, BROKEN, Anchor, Compared
from bridge.ledger.checks import Checked
from bridge.web.dashboard.export import write_csv
from tests.web.factory import Town
from tests.web.visitor import HONG, PASSWORD, Browser, csrf_on, lively


async def rows(town: Town) -> list[tuple[str, str, str, str]]:
    found = await town.context.ledger.read(looks.recent)
    return [(row["operator"], row["task"], row["subject"], row["reason"]) for row in reversed(found)]


async def take(browser: Browser, **fields: str):
    return await browser.post("/dashboard/export", fields, csrf=csrf_on(await browser.get("/dashboard/payments")))


async def test_who_looks_at_somebodys_data_is_written_down(town: Town, minji: Browser) -> None:
    payment = await town.pay(await town.add_site(), "paid", buyer=HONG)
    await minji.get("/dashboard")
    await minji.get("/dashboard/payments")
    await minji.get(f"/dashboard/payments/{payment.id}")
    await minji.get(f"/dashboard/payments/{payment.id}", x_pay_bridge_live="1")
    await minji.search("홍길동")

    assert await rows(town) == [("minji", "payment", payment.id, ""), ("minji", "search", "", "")]
    (first, *_) = await town.context.ledger.read(looks.recent)
    assert first["address"] == "198.51.100.1"
    page = (await minji.get("/dashboard/records")).text
    assert payment.id in page
    assert "홍길동" not in page


async def test_a_file_is_given_with_a_reason_that_is_kept(town: Town, minji: Browser) -> None:
    await town.pay(await town.add_site(), "paid", buyer=HONG, order_ref="=cmd|' /C calc'!A0", amount=55_000)
    await town.pay(town.context.sites.all()[0].id, "declined", buyer=HONG)
    answer = await take(minji, reason="10월 정산 대조")

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="pay-bridge-2026')
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert lines[0][:3] == ["결제 시작", "사이트", "주문번호"]
    assert len(lines) == 3
    assert {line[2] for line in lines[1:]} >= {"'=cmd|' /C calc'!A0"}
    assert all("홍길동" not in cell and "1234-5678" not in cell for line in lines for cell in line)
    assert (await rows(town))[-1] == ("minji", "export", "2 payments", "10월 정산 대조")
    only = await take(minji, reason="10월 정산 대조", state="declined")
    assert len(only.text.splitlines()) == 2


async def test_a_file_needs_a_reason_and_an_operator(town: Town, minji: Browser) -> None:
    await town.pay(await town.add_site(), "paid", buyer=HONG)
    assert (await take(minji, reason="x")).status_code == 400
    assert (await take(minji, reason="정산 대조", state="nonsense")).status_code == 400
    await add_operator(town.context, "bora", PASSWORD, "viewer")
    bora = Browser(town)
    await bora.log_in("bora")
    assert (await take(bora, reason="정산 대조")).status_code == 403
    assert "파일로 받기" not in (await bora.get("/dashboard/payments")).text
    assert await rows(town) == []
    await bora.client.aclose()


@pytest.mark.parametrize("text", ["=1+1", "+82", "-1", "@sum", "\tx", "\rx"])
def test_a_formula_is_harmless_in_a_file(text: str) -> None:
    (line,) = csv.reader(io.StringIO(write_csv([[text, 'a "quote", and a comma', -5]]).decode("utf-8-sig"), newline=""))
    assert line == [f"'{text}", 'a "quote", and a comma', "-5"]


async def test_the_page_of_records_says_what_the_checks_found(town: Town, minji: Browser) -> None:
    payment = await lively(town)
    at = to_ms(town.clock.at)
    write = town.context.ledger.write
    assert "울리는 알람이 없어요" in (await minji.get("/dashboard/records")).text
    await write(lambda turn: checks.keep(turn, Checked(at, False, 3, 0, 5, (("I8", payment, "told twice"),))))
    await write(lambda turn: checks.keep(turn, Checked(at, True, 12, 99, 50)))
    await write(
        lambda turn: alarms.settle(
            turn, {("case", "c1"): "unknown_outcome"}, lambda _: True, new_id=lambda: "a1", at=at
        )
    )
    page = (await minji.get("/dashboard/records?lang=en")).text
    for word in ("I8", "told twice", "12 payments", "all holds", "unknown_outcome"):
        assert word in page


async def test_old_looks_are_paged_and_dropped_after_two_years(town: Town, minji: Browser) -> None:
    at = to_ms(town.clock.at)

    def fill(turn) -> None:
        for place in range(60):
            who = {"operator": "minji", "address": "a", "task": "payment", "subject": "p" * 26}
            looks.add(turn, look_id=f"{place:026d}", at=at - 731 * 86_400_000 if place < 5 else at, **who)

    await town.context.ledger.write(fill)
    first = (await minji.get("/dashboard/records")).text
    assert f"before={10:026d}" in first
    assert "before=" not in (await minji.get(f"/dashboard/records?before={10:026d}")).text
    assert (await minji.get("/dashboard/records?before=nonsense")).status_code == 400
    assert await town.context.ledger.write(lambda turn: looks.drop_old(turn, at)) == 5


async def test_the_page_of_checks_says_when_anchors_were_compared_and_what_is_broken(
    town: Town, minji: Browser
) -> None:
    site = await town.add_site()
    assert "아직 보내지 않았어요" in (await minji.get("/dashboard/records")).text
    anchor, at = Anchor("2026-11-19", 7, "0" * 64, 0, 0, to_ms(town.clock.now())), to_ms(town.clock.now())
    await town.context.ledger.write(lambda turn: anchors.note(turn, site, at, [Compared(anchor, AGREES)]))
    page = (await minji.get("/dashboard/records")).text
    assert "WordPress의 사본과 대조" in page
    assert "맞아요" in page

    broken = Compared(anchor, BROKEN, "seal 7 is gone")
    await town.context.ledger.write(lambda turn: anchors.note(turn, site, at, [broken]))
    page = (await minji.get("/dashboard/records")).text
    assert "<b>I15</b> seal 7 is gone" in page
    overview = (await minji.get("/dashboard")).text
    assert "봉인 7번과 장부가 달라요" in overview
