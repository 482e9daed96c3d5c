"""The operator: logs in to the bridge's dashboard, sees whether all is well, finds a payment and its story."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Browse
from tests.browser.lane import Lane, until
from tests.browser.steps import paid_order
from tests.wordpress.bridge import OPERATOR

pytestmark = pytest.mark.browser


def test_an_operator_logs_in_and_out(lane: Lane, browse: Browse) -> None:
    page = browse(lane)
    page.goto(f"{lane.bridge.url}/dashboard")
    expect(page.get_by_role("heading", level=1)).to_have_text("로그인")
    page.get_by_label("이름").fill(OPERATOR)
    page.get_by_label("비밀번호").fill("wrong")
    page.get_by_role("button", name="로그인").click()
    expect(page.get_by_role("alert")).to_have_text("이름이나 비밀번호가 맞지 않아요.")

    page.get_by_label("비밀번호").fill(lane.bridge.password)
    page.get_by_role("button", name="로그인").click()
    expect(page.locator("#headline")).to_be_visible()
    page.get_by_role("button", name="로그아웃").click()
    page.goto(f"{lane.bridge.url}/dashboard/payments")

    expect(page.get_by_role("heading", level=1)).to_have_text("로그인")


def test_an_operator_finds_a_payment_and_reads_its_timeline(lane: Lane, browse: Browse) -> None:
    _, ref = paid_order(lane, browse)
    page = dashboard(lane, browse)

    page.get_by_role("link", name="결제", exact=True).click()
    page.get_by_role("searchbox").fill(ref)
    page.get_by_role("button", name="찾기").click()
    page.get_by_role("link", name=ref).click()

    expect(page.get_by_role("heading", level=1)).to_have_text("21,000원")
    timeline = page.locator("ol.timeline li")
    assert timeline.count() >= 4
    expect(page.locator("ol.timeline")).to_contain_text("결제")
    expect(page.get_by_text("감사 기록")).to_be_visible()
    text = page.inner_text("body")
    assert "이보라" not in text
    assert "010-2345-6789" not in text
    assert "bora@buyer.example" not in text


def test_the_verdict_is_the_same_in_wp_admin(lane: Lane, browse: Browse) -> None:
    page = dashboard(lane, browse)
    admin = browse(lane, user="admin")

    def same() -> bool:
        page.reload()
        admin.goto(f"{lane.url}/wp-admin/admin.php?page=pay-bridge-health")
        return page.locator("#headline").inner_text() == admin.locator(".pay-bridge-verdict").inner_text()

    until(same, "the same verdict in both")
    link = admin.get_by_role("link", name="결제 서비스 대시보드 열기")
    expect(link).to_have_attribute("href", f"{lane.bridge.url}/dashboard")


def test_the_dashboard_follows_by_itself(lane: Lane, browse: Browse) -> None:
    page = dashboard(lane, browse)

    _, ref = paid_order(lane, browse)

    expect(page.locator("#recent")).to_contain_text(ref, timeout=20_000)


def test_the_dashboard_speaks_english_too(lane: Lane, browse: Browse) -> None:
    page = dashboard(lane, browse)

    page.get_by_role("link", name="English").click()

    expect(page.get_by_role("link", name="Payments", exact=True)).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def dashboard(lane: Lane, browse: Browse, device: str = "desktop", **settings: str) -> Page:
    """The dashboard, logged in."""
    page = browse(lane, device, **settings)
    page.goto(f"{lane.bridge.url}/dashboard/login")
    page.get_by_label("이름").fill(OPERATOR)
    page.get_by_label("비밀번호").fill(lane.bridge.password)
    page.get_by_role("button", name="로그인").click()
    expect(page.locator("#headline")).to_be_visible()
    return page
