"""What comes back from a window as no form can be, alike at all five gateways: refused, and no request leaves."""

from urllib.parse import urlencode

import pytest

from tests.gateways.house import House
from tests.gateways.paired import paired
from tests.gateways.street import Street

FORM = {"content-type": "application/x-www-form-urlencoded"}
FIELDS_MAX = 128


@pytest.fixture(params=["payapp", "payple", "paystory", "welcome"])
async def place(request, tmp_path):
    """A bridge, a shop, one gateway; Mainpay has a fixture of its own."""
    made = Street(tmp_path) if request.param in ("paystory", "payple") else House(tmp_path)
    async with paired(made, request.param) as opened:
        yield opened


def bent(fields):
    """Give bodies, each the right form but for one thing that no form has."""
    right = urlencode(fields or {"state": "1"}).encode()
    name = right.partition(b"=")[0]
    return {
        "too large": right + b"&x=" + b"y" * 200_000,
        "a field twice": right + b"&" + name + b"=other",
        "no charset": right + b"&x=\xff\xfe",
        "no charset, in signs": right + b"&x=%FF%FE",
        "nothing but bytes": b"\x00\xff" * 50,
        "too many fields": right + b"".join(b"&f%d=1" % number for number in range(FIELDS_MAX)),
    }


async def test_a_return_that_is_no_form_is_refused_and_the_right_one_is_still_heard(place):
    await comes_back_bent(place)


async def test_mainpays_return_that_is_no_form_is_refused_and_the_right_one_is_still_heard(world):
    await comes_back_bent(world)


async def comes_back_bent(place):
    """Come back in every bent way, and then rightly."""
    opened = await place.checkout()
    coming = await place.authenticate(opened)
    before = len(place.net.sent)
    async with place.client() as client:
        heard = {
            what: (await client.post(coming.url, content=raw, headers=FORM)).status_code
            for what, raw in bent(coming.fields).items()
        }
    await place.quiet()

    assert all(400 <= status < 500 for status in heard.values()), heard
    assert len(place.net.sent) == before
    assert "payment.failed" not in place.shop.kinds()
    assert (await place.go(coming)).status_code in (200, 303)
    await place.live(60.0, 1.0)
    assert await place.state(opened.payment) == "paid", "and the right return still pays"
