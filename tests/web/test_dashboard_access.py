"""Who may see the dashboard, and what may be asked of it."""

import re
from pathlib import Path

import pytest

from bridge.flows.log_in import add_operator
from bridge.web import static
from tests.web.factory import Town, open_town
from tests.web.visitor import PAGES, PASSWORD, Browser, csrf_on


@pytest.mark.parametrize("path", [*PAGES, "/dashboard/payments/0123456789abcdefghjkmnpqrs"])
async def test_a_stranger_sees_nothing_and_is_led_to_the_log_in_and_back(stranger: Browser, path: str) -> None:
    away = await stranger.get(path)
    assert away.status_code == 303
    assert away.text == ""
    entered = await stranger.get(away.headers["location"])
    form = {"next": re.search(r'name="next" value="([^"]*)"', entered.text)[1]}  # type: ignore[index]
    assert (await stranger.log_in(**form)).headers["location"] == path


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/elsewhere",
        "/dashboard/login",
        "/dashboardx",
        "javascript:alert(1)",
    ],
)
async def test_the_log_in_leads_nowhere_but_to_the_dashboard(stranger: Browser, wanted: str) -> None:
    assert (await stranger.log_in(next=wanted)).headers["location"] == "/dashboard"


async def test_the_session_cookie_is_for_this_host_alone_and_out_of_reach_of_scripts(
    tmp_path: Path, cheap_passwords: None
) -> None:
    async with open_town(tmp_path, "https://pay.example.kr") as town:
        await add_operator(town.context, "minji", PASSWORD)
        browser = Browser(town)
        cookies = (await browser.log_in()).headers.get_list("set-cookie")
        await browser.client.aclose()
    session = next(one for one in cookies if one.startswith("__Host-pay_bridge="))
    for word in ("Secure", "HttpOnly", "SameSite=strict", "Path=/"):
        assert word in session
    assert "Domain" not in session


async def test_the_cookie_changes_at_log_in_so_that_none_can_be_planted(stranger: Browser) -> None:
    await stranger.get("/dashboard/login")
    before = stranger.client.cookies["pay_bridge"]
    await stranger.log_in()
    assert stranger.client.cookies["pay_bridge"] != before


async def test_logging_out_ends_the_session_on_the_server(minji: Browser) -> None:
    stolen = minji.client.cookies["pay_bridge"]
    csrf = csrf_on(await minji.get("/dashboard"))
    assert (await minji.post("/dashboard/logout", {}, csrf=csrf)).status_code == 303
    minji.client.cookies.set("pay_bridge", stolen)
    assert (await minji.get("/dashboard")).status_code == 303


async def test_a_wrong_password_is_told_in_words_and_keeps_the_name(stranger: Browser) -> None:
    answer = await stranger.log_in(password="a wrong password")
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert 'value="minji"' in answer.text
    assert "a wrong password" not in answer.text


async def test_after_five_misses_the_page_says_when_to_come_back(stranger: Browser) -> None:
    for _ in range(5):
        await stranger.log_in(password="a wrong password")
    answer = await stranger.log_in()
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "60"
    assert "1분 뒤에" in answer.text


@pytest.mark.parametrize(
    ("csrf", "site"),
    [("0" * 64, "same-origin"), ("", "same-origin"), (None, "cross-site"), (None, "same-site"), (None, "none")],
)
async def test_a_log_in_form_that_is_not_ours_is_refused(stranger: Browser, csrf: str | None, site: str) -> None:
    fields = {"name": "minji", "password": PASSWORD}
    answer = await stranger.post("/dashboard/login", fields, csrf=csrf, site=site)
    assert answer.status_code == 400
    assert (await stranger.get("/dashboard")).status_code == 303


@pytest.mark.parametrize(("csrf", "site"), [("0" * 64, "same-origin"), ("힝", "same-origin"), (None, "cross-site")])
async def test_a_search_or_log_out_that_is_not_ours_is_refused(minji: Browser, csrf: str | None, site: str) -> None:
    own = csrf_on(await minji.get("/dashboard"))
    for path in ("/dashboard/payments", "/dashboard/logout"):
        assert (await minji.post(path, {}, csrf=csrf or own, site=site)).status_code == 400
    assert (await minji.get("/dashboard")).status_code == 200


async def test_without_fetch_metadata_a_foreign_origin_is_refused(minji: Browser) -> None:
    csrf = csrf_on(await minji.get("/dashboard"))
    for origin, status in (("https://evil.example", 400), ("http://127.0.0.1:8080", 200)):
        answer = await minji.client.post("/dashboard/payments", data={"csrf": csrf}, headers={"Origin": origin})
        assert answer.status_code == status


async def test_a_form_too_large_or_of_another_kind_is_refused(minji: Browser) -> None:
    assert (await minji.search("x" * 20_000)).status_code == 413
    answer = await minji.client.post("/dashboard/payments", json={"q": "x"})
    assert answer.status_code == 415


async def test_a_link_from_another_site_is_asked_for_again_from_our_own_page(stranger: Browser) -> None:
    page = await stranger.get("/dashboard/payments?state=paid", sec_fetch_site="cross-site")
    assert page.status_code == 200
    assert 'content="0;url=/dashboard/payments?state=paid"' in page.text
    assert (await stranger.get("/dashboard/payments?state=paid", sec_fetch_site="same-origin")).status_code == 303


async def test_a_page_that_refreshes_itself_ends_with_the_session(town: Town, minji: Browser) -> None:
    town.clock.forward(29 * 60)
    assert (await minji.get("/dashboard", x_pay_bridge_live="1")).status_code == 200
    town.clock.forward(2 * 60)
    ended = await minji.get("/dashboard", x_pay_bridge_live="1")
    assert (ended.status_code, ended.text) == (401, "")


async def test_a_viewer_sees_the_sites_but_not_the_notice_addresses(town: Town, minji: Browser) -> None:
    await town.add_site()
    assert "/mainpay/noti/" in (await minji.get("/dashboard/sites")).text
    await add_operator(town.context, "seoyeon", PASSWORD, "viewer")
    viewer = Browser(town)
    await viewer.log_in("seoyeon")
    page = await viewer.get("/dashboard/sites")
    await viewer.client.aclose()
    assert "tickets.example.kr" in page.text
    assert "/mainpay/noti/" not in page.text


async def test_files_are_kept_for_a_year_under_a_name_that_changes_with_them(stranger: Browser) -> None:
    page = await stranger.get("/dashboard/login")
    addresses = re.findall(r'(?:href|src)="(/static/[^"]*)"', page.text)
    assert len(addresses) >= 2
    for address in addresses:
        assert re.fullmatch(r"/static/\w+\.[0-9a-f]{12}\.(css|js|svg)", address)
        answer = await stranger.get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    ["/static/bridge.css", "/static/..%2fbase.html", "/static/%2e%2e/base.html", "/static/bridge.000000000000.css"],
)
async def test_nothing_but_the_listed_files_is_served(stranger: Browser, path: str) -> None:
    assert (await stranger.get(path)).status_code == 404


def test_the_files_are_small() -> None:
    sizes = {name: len(content) for name, (_, content) in static.manifest().items()}
    assert sizes["bridge.css"] <= 12 * 1024
    assert sizes["desk.js"] <= 3 * 1024
