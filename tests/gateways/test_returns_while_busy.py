"""A browser that comes back while the books cannot be read or written for a moment loses nothing, however it came."""

import html
import re
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from bridge.domain.failures import Busy
from tests.gateways.house import House, hidden
from tests.gateways.paired import paired
from tests.gateways.street import Street
from tests.support.world import Coming

IN_A_FRAME = {"sec-fetch-dest": "iframe"}


@pytest.fixture(params=["payple", "paystory", "welcome"])
async def place(request, tmp_path):
    """A bridge, a shop, one gateway whose window is left by a form."""
    made = House(tmp_path) if request.param == "welcome" else Street(tmp_path)
    async with paired(made, request.param) as opened:
        yield opened


def by_form(coming):
    """Say as a form what a window may send in an address too."""
    address, _, query = coming.url.partition("?")
    return coming if coming.method == "POST" else Coming("POST", address, dict(parse_qsl(query)))


async def posted(world, coming, monkeypatch, what, **headers):
    """Come back by a form while the books cannot be read, or not written; gives the page, and what its form sends."""

    async def broken(_):
        raise Busy("for a moment")

    form = {"content-type": "application/x-www-form-urlencoded"} | headers
    with monkeypatch.context() as moment:
        moment.setattr(world.context.ledger, what, broken)
        async with world.client() as client:
            page = await client.post(coming.url, content=urlencode(coming.fields).encode(), headers=form)
    address = re.search(r'<form id="again" method="post" action="([^"]*)"', page.text)
    assert address, page.text
    assert "refresh" not in page.headers, "an address alone would lose what the window posted"
    parts = urlsplit(coming.url)
    assert html.unescape(address[1]) == parts.path + (f"?{parts.query}" if parts.query else "")
    return page, Coming("POST", coming.url, hidden(page.text))


@pytest.mark.parametrize("what", ["read", "write"])
async def test_what_a_window_posted_is_sent_again_and_pays(place, monkeypatch, what):
    opened = await place.checkout()
    coming = by_form(await place.authenticate(opened))
    page, again = await posted(place, coming, monkeypatch, what)

    assert page.status_code == 503
    assert "다시 결제하지 마세요" in page.text
    assert "창을 닫지 말고" in page.text
    assert again.fields == coming.fields
    landed = await place.go(again)
    await place.quiet()
    assert landed.headers["location"].startswith(f"{place.site.url}/result")
    assert await place.state(opened.payment) == "paid"
    assert len([sent for sent in place.net.sent if sent.moves_money]) == 1
    await place.check_books()


async def test_what_the_guides_window_posted_is_sent_again_and_pays(guide_world, monkeypatch):
    world = guide_world
    opened = await world.checkout()
    coming = by_form(await world.authenticate(opened))
    _, again = await posted(world, coming, monkeypatch, "read")
    await world.go(again)

    assert await world.state(opened.payment) == "paid"


async def test_in_a_frame_of_the_window_the_page_may_be_shown_and_leads_to_the_shop_alone(place, monkeypatch):
    opened = await place.checkout()
    coming = by_form(await place.authenticate(opened))
    page, _ = await posted(place, coming, monkeypatch, "read", **IN_A_FRAME)

    policy = page.headers["content-security-policy"]
    assert "frame-ancestors *" in policy
    assert f"form-action 'self' {place.site.url};" in policy, "browsers hold the redirect after a form to it too"
