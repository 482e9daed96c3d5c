"""Settings that are longer than the gateway's own field for them: refused when they are given, in words."""

import pytest

from bridge.domain.failures import Misconfigured
from bridge.domain.payment import Mode
from bridge.gateways.mainpay import settings as mainpay
from bridge.gateways.mainpay.settings import read_settings as read_mainpay
from bridge.gateways.payapp import settings as payapp
from bridge.gateways.payple import settings as payple
from bridge.gateways.paystory import settings as paystory
from bridge.gateways.paystory.settings import read_settings as read_paystory
from bridge.gateways.welcome import settings as welcome
from bridge.gateways.welcome.settings import read_settings as read_welcome

LONGEST = [
    (read_mainpay, "goods_code", "TICKET12", r"mainpay\.goods_code must be at most 8 bytes"),
    (read_mainpay, "goods_code", "입장", r"mainpay\.goods_code must be at most 8 bytes"),
    (read_paystory, "canceller_id", "box-office", r"paystory\.canceller_id must be at most 10 bytes"),
    (read_paystory, "canceller_name", "매표소와사무실홍길동", r"paystory\.canceller_name must be at most 30 bytes"),
    (read_paystory, "canceller_ip", "203.0.113.1234567890", r"paystory\.canceller_ip must be at most 20 bytes"),
    (read_welcome, "mid", "wpaybill01", r"welcome\.mid must be at most ten letters and digits"),
]
"""The longest that goes, and what is said of one letter more."""


@pytest.mark.parametrize(("read", "name", "longest", "words"), LONGEST)
def test_one_letter_more_than_the_gateway_has_room_for_is_refused(read, name, longest, words):
    more = "가" if not longest.isascii() else "1"

    assert getattr(read({name: longest}, Mode.TEST), name) == longest
    with pytest.raises(Misconfigured, match=words):
        read({name: longest + more}, Mode.TEST)


ADDRESSES = [
    *((mainpay, name) for name in ("api_url", "relay_url")),
    *((payapp, name) for name in ("api_url", "script_url")),
    *((payple, name) for name in ("host_url", "more_hosts", "referer", "helper_script")),
    *((paystory, name) for name in ("pg_url", "office_url")),
    *((welcome, name) for name in ("api_url", "approval_urls")),
]
SECRET = "k" * 16


@pytest.mark.parametrize(
    ("gateway", "name"), [pytest.param(*one, id=f"{one[0].__name__.split('.')[2]}-{one[1]}") for one in ADDRESSES]
)
def test_a_live_sites_addresses_are_https_as_nothing_else_is_ever_called(gateway, name):
    as_for_a_test = {one.name: SECRET if one.test is None else one.test for one in gateway.SETTINGS}
    live = as_for_a_test | {"notice_sources": "192.0.2.1", "referer": "https://shop.example/"}
    live = {one: live[one] for one in as_for_a_test}

    assert gateway.read_settings(live | {name: "https://gateway.example"}, Mode.LIVE)
    with pytest.raises(Misconfigured, match=rf"\.{name} must be https for a site in mode live"):
        gateway.read_settings(live | {name: "http://gateway.example"}, Mode.LIVE)


@pytest.mark.parametrize("given", ["shop-00001", "상점", "shop 1"])
def test_welcomes_shop_is_letters_and_digits(given):
    with pytest.raises(Misconfigured, match="at most ten letters and digits"):
        read_welcome({"mid": given}, Mode.TEST)


@pytest.mark.parametrize("given", ["2001:db8::1", "shop.example", "203.0.113.7.1", "127.0.0.1 "])
def test_welcomes_client_address_is_an_ipv4_address(given):
    assert read_welcome({"server_address": "203.0.113.199"}, Mode.TEST).server_address == "203.0.113.199"
    with pytest.raises(Misconfigured, match=r"welcome\.server_address must be an IPv4 address"):
        read_welcome({"server_address": given}, Mode.TEST)
