"""Sites and their keys: nothing half kept, secrets shown once, rotation without a gap."""

import json
from datetime import UTC, datetime

import pytest

from bridge import gateways
from bridge.domain.exchange import Stamp
from bridge.domain.failures import GatewayOff, Malformed, Misconfigured, NotFound, TooEarly
from bridge.domain.payment import Method, Mode
from bridge.flows.alarms import watch
from bridge.flows.check_health import check_health
from bridge.flows.decide_case import Wish, propose
from bridge.flows.manage_sites import add_site, change_settings, list_sites, revoke_key, rotate_key
from bridge.gateways.mainpay.adapter import build
from bridge.ledger import sites as rows
from bridge.signing.keys import read_pairing_code
from tests.flows.test_cases import SEEN, case_of, decide
from tests.flows.test_deposits import waiting
from tests.flows.test_services import paid, unheard_word

__all__ = ["paid"]
LIVE = {"mbr_no": "123456", "api_key": "k" * 44}


async def add(world, url="https://new.test", mode=Mode.TEST, names=("mainpay",), **settings):
    return await add_site(world.context, url=url, gateways=list(names), settings=settings, mode=mode)


@pytest.mark.parametrize(
    "url",
    ["", "shop.test", "ftp://shop.test", "https://", "https://shop.test?x=1", "https://shop.test#x", "//shop.test",
     "https://a@shop.test", "https://shop.test/ x", "https://shop.test\\x", "javascript:alert(1)"],
)  # fmt: skip
async def test_an_address_that_is_none_is_refused(world, url):
    with pytest.raises(Malformed):
        await add(world, url)
    assert len(list_sites(world.context)) == 1


async def test_what_cannot_be_set_up_is_not_kept(world):
    for expected, call in (
        (Malformed, {"url": "http://new.test", "mode": Mode.LIVE, "mainpay": LIVE}),
        (Malformed, {"url": world.site.url}),
        (Malformed, {"url": world.site.url + "/"}),
        (Malformed, {"names": ()}),
        (Malformed, {"payapp": {"userid": "x"}}),
        (Misconfigured, {"names": ("nobody",)}),
        (Misconfigured, {"mode": Mode.LIVE}),
        (Misconfigured, {"mode": Mode.LIVE, "mainpay": LIVE | {"api_key": ""}}),
        (Misconfigured, {"mode": Mode.LIVE, "mainpay": LIVE | {"mbr_no": ""}}),
        (Misconfigured, {"mode": Mode.LIVE, "mainpay": LIVE | {"api_url": "http://api.test"}}),
        (Misconfigured, {"mode": Mode.LIVE, "mainpay": LIVE | {"relay_url": "https://a@b.test"}}),
        (Misconfigured, {"mode": Mode.LIVE, "mainpay": LIVE | {"notice_sources": ""}}),
        (Misconfigured, {"mainpay": {"api_url": "ftp://x"}}),
        (Misconfigured, {"mainpay": {"timestamp": "17"}}),
        (Misconfigured, {"mainpay": {"cancel_reference": "maybe"}}),
        (Misconfigured, {"mainpay": {"unheard": "x"}}),
    ):
        with pytest.raises(expected):
            await add(world, **call)
    assert [site["url"] for site in list_sites(world.context)] == [world.site.url]
    assert len(await world.all("SELECT 1 FROM site_keys")) == 1


async def test_a_public_address_that_makes_addresses_too_long_for_a_gateway_is_refused_with_the_site(world):
    made = await add(world)
    fits = "http://" + "h" * (250 - 7 - len("/r/") - 97)  # a return's token is 97 bytes
    object.__setattr__(world.context.settings, "public_url", fits + "h")
    for call in (
        add(world, "https://other.test", names=("welcome",)),
        change_settings(world.context, url="https://new.test", settings={"welcome": {}}),
    ):
        with pytest.raises(Misconfigured, match=r"BRIDGE_PUBLIC_URL makes addresses of 251 bytes.* 1 bytes shorter"):
            await call
    assert list(world.context.sites.get(made["site"]).gateways) == ["mainpay"]
    await add(world, "https://third.test", names=("mainpay", "payple"))
    object.__setattr__(world.context.settings, "public_url", fits)
    await add(world, "https://other.test", names=("welcome",))


async def test_a_public_address_that_makes_notice_addresses_too_long_for_a_gateway_is_refused_too(world):
    rest = len("/n/") + len(world.site.id) + len("/paystory/noti/") + 43  # a signature has 43 bytes
    fits = "http://" + "h" * (200 - 7 - rest)
    object.__setattr__(world.context.settings, "public_url", fits + "h")
    with pytest.raises(Misconfigured, match=r"addresses of 201 bytes, and 페이스토리 takes 200.* 1 bytes shorter"):
        await add(world, "https://other.test", names=("paystory",))
    object.__setattr__(world.context.settings, "public_url", fits)
    await add(world, "https://other.test", names=("paystory",))


async def test_a_live_site_has_no_test_identity_by_default(world):
    made = await add(world, mode=Mode.LIVE, mainpay=LIVE)
    gateway = world.context.sites.get(made["site"]).gateway()

    assert gateway.hosts == {"https://api-std.mainpay.co.kr", "https://relay.mainpay.co.kr"}
    assert gateway.allows_source("211.43.193.87")
    assert not gateway.allows_source("192.0.2.1")
    assert not world.context.sites.get(made["site"]).loopback_allowed


async def test_the_secret_is_shown_once_and_the_pairing_code_holds_it(world):
    made = await add(world)
    pairing = read_pairing_code(made["pairing_code"])

    assert (pairing.site, pairing.key_id, pairing.secret) == (made["site"], made["key_id"], made["secret"])
    assert pairing.url == "https://pay.test"
    listed = json.dumps(list_sites(world.context))
    assert made["secret"] not in listed
    assert made["key_id"] in listed


async def test_a_turned_key_lets_the_old_one_work_until_it_is_revoked(world):
    made = await rotate_key(world.context, url=world.site.url)
    (site,) = [one for one in list_sites(world.context) if one["url"] == world.site.url]
    assert {key["state"] for key in site["keys"]} == {"retiring", "active"}
    assert (await world.call("GET", "/v1/payments")).status_code == 200
    revoked = await revoke_key(world.context, url=world.site.url, key_id=world.site.key.key_id)
    assert revoked["state"] == "revoked"
    assert (await world.call("GET", "/v1/payments")).json()["code"] == "unknown_key"
    assert made["key_id"] != world.site.key.key_id


async def test_what_is_not_there_is_said_to_be_not_there(world):
    other = await add(world)
    for call in (
        rotate_key(world.context, url="https://nobody.test"),
        revoke_key(world.context, url="https://nobody.test", key_id="k"),
        revoke_key(world.context, url=world.site.url, key_id="k-nobody"),
        revoke_key(world.context, url=world.site.url, key_id=other["key_id"]),
        change_settings(world.context, url="https://nobody.test", settings={}),
    ):
        with pytest.raises(NotFound):
            await call


async def test_changing_one_setting_keeps_the_others(world):
    changed = await change_settings(
        world.context, url=world.site.url, settings={"mainpay": {"notice_sources": "192.0.2.1, 192.0.2.2"}}
    )
    gateway = world.context.sites.get(world.site.id).gateway()

    assert changed["changed"] == ["mainpay.notice_sources"]
    assert gateway.hosts == {"http://sandbox.test"}
    assert gateway.allows_source("192.0.2.2")
    assert not gateway.allows_source("211.43.193.87")
    assert (await world.buy()).state == "paid"
    with pytest.raises(Misconfigured):
        await change_settings(world.context, url=world.site.url, settings={"mainpay": {"api_key": ""}})
    assert (await world.buy()).state == "paid"


async def test_typed_cards_are_switched_on_with_a_warning_and_by_nothing_else_than_on(world):
    async def switch(value):
        return await change_settings(world.context, url=world.site.url, settings={"mainpay": {"card_entry": value}})

    on = await switch("on")
    site = world.context.sites.get(world.site.id)
    assert "PCI DSS" in on["warning"]
    assert site.takes_typed_cards(site.gateway())
    with pytest.raises(Misconfigured):
        await switch("yes")
    assert "warning" not in await switch("off")
    site = world.context.sites.get(world.site.id)
    assert not site.takes_typed_cards(site.gateway())


async def test_another_process_hears_of_a_revoked_key(world):
    """The heartbeat reads the sites again when another process changed them."""
    await world.context.ledger.write(
        lambda turn: (
            turn.run("UPDATE site_keys SET state = 'revoked'"),
            turn.run("UPDATE meta SET value = 'elsewhere' WHERE name = 'sites_changed'"),
        )
    )
    assert (await world.call("GET", "/v1/payments")).status_code == 200
    await world.beat(0)
    assert (await world.call("GET", "/v1/payments")).json()["code"] == "unknown_key"


async def test_a_site_that_cannot_be_read_again_keeps_nobody_elses_money_waiting(world):
    opened = await world.checkout(world.order())
    world.fault("approve", "drop_after")
    await world.come_back(opened)
    await world.context.ledger.write(
        lambda turn: (
            turn.run("UPDATE site_keys SET secret_sealed = 'altered'"),
            turn.run("UPDATE meta SET value = 'elsewhere' WHERE name = 'sites_changed'"),
        )
    )

    await world.live(600)

    assert (await world.payment(opened.payment)).state in ("paid", "voided")


def test_gateways_are_found_by_their_folders():
    assert "mainpay" in gateways.names()
    assert {setting.name for setting in gateways.settings("mainpay")} >= {"mbr_no", "api_key", "api_url", "relay_url"}
    assert next(one for one in gateways.settings("mainpay") if one.name == "api_key").secret
    with pytest.raises(Misconfigured):
        gateways.build("../evil", {}, Mode.TEST)


async def test_a_gateway_is_chosen_by_name_or_by_what_it_can(world):
    site = world.context.sites.get(world.site.id)
    assert [one.name for one in site.gateways_for(Method.CARD)] == ["mainpay"]
    assert [one.name for one in site.gateways_for(Method.CARD, "mainpay")] == ["mainpay"]
    with pytest.raises(GatewayOff):
        site.gateways_for(Method.WECHAT)
    with pytest.raises(GatewayOff):
        site.gateways_for(Method.WECHAT, "mainpay")
    with pytest.raises(GatewayOff):
        site.gateways_for(Method.CARD, "payapp")


def test_the_timestamp_may_have_fifteen_digits():
    stamp = Stamp(datetime(2025, 12, 30, 3, 27, 48, tzinfo=UTC), "00001f8c" + "0" * 24)
    assert build({"timestamp": "15"}, Mode.TEST).timestamp(stamp) == "251230122748076"
    assert build({}, Mode.TEST).timestamp(stamp) == "202512301227488076"


async def keep_as_another_version_did(world, site, gateway, **values):
    """Write settings that this version does not take, and start on them."""

    def work(turn):
        text = json.dumps(values).encode()
        sealed = world.context.vault.seal(text, f"gateway:{site}:{gateway}")
        rows.set_gateway(turn, site=site, gateway=gateway, settings_sealed=sealed, at=1)
        rows.touch(turn, "another version")

    await world.context.ledger.write(work)
    await world.restart()


async def test_settings_that_this_version_refuses_stop_that_gateway_alone(world):
    """After an update, or the way back from one: no site waits for another's, and a command mends it."""
    made = await add(world, names=("mainpay", "paystory"))
    await keep_as_another_version_did(world, made["site"], "mainpay", unheard="x")

    assert (await world.buy()).state == "paid", "the other site sells"
    site = world.context.sites.get(made["site"])
    assert list(site.gateways) == [one.name for one in site.in_order()] == ["paystory"], "and this one by the other"
    with pytest.raises(GatewayOff):
        site.gateway("mainpay")
    shown = next(one for one in list_sites(world.context) if one["site"] == made["site"])
    assert "unheard" in shown["refused"]["mainpay"]
    await watch(world.context)
    (alarm,) = await world.all("SELECT detail FROM alarms WHERE name = 'settings' AND ended_at IS NULL")
    assert "mainpay of https://new.test is not used: mainpay.unheard" in alarm["detail"]
    health = await check_health(world.context, None)
    assert [one.verdict for one in health.checks if one.name == "mainpay.settings"] == ["warn"]

    await change_settings(world.context, url="https://new.test", settings={"mainpay": {"unheard": ""}})
    assert sorted(world.context.sites.get(made["site"]).gateways) == ["mainpay", "paystory"]
    await watch(world.context)
    assert await world.all("SELECT 1 FROM alarms WHERE name = 'settings' AND ended_at IS NULL") == []


async def test_where_all_of_a_sites_settings_are_refused_it_says_that_its_gateway_is_off(world):
    made = await add(world)
    await keep_as_another_version_did(world, made["site"], "mainpay", unheard="x")
    site = world.context.sites.get(made["site"])

    for ask in (site.gateway, site.in_order, lambda: site.gateways_for(Method.CARD)):
        with pytest.raises(GatewayOff):
            ask()


@pytest.mark.parametrize("name", gateways.names())
async def test_what_no_gateway_knows_is_taken_out_by_an_empty_value_and_nothing_else_is(world, name):
    needed = {"linkkey": "LINK-KEY", "linkval": "LINK-VALUE"} if name == "payapp" else {}
    made = await add(world, names=(name,), **{name: needed})
    await keep_as_another_version_did(world, made["site"], name, unheard="x", unknown="y", **needed)
    for settings in ({"unheard": ""}, {"unheard": "", "unknown": "z"}, {"unheard": "", "unmentioned": "z"}):
        with pytest.raises(Misconfigured):
            await change_settings(world.context, url="https://new.test", settings={name: settings})
    assert list(world.context.sites.get(made["site"]).gateways) == []

    both = {"unheard": "", "unknown": ""}
    await change_settings(world.context, url="https://new.test", settings={name: both})
    assert list(world.context.sites.get(made["site"]).gateways) == [name]


async def test_while_its_settings_are_refused_no_window_of_a_gateway_ends(world):
    """Its buyer may have paid, and nobody can be asked before the settings are mended."""
    opened = await world.checkout()
    await refuse_its_settings(world)
    await world.live(3_600, step=120)
    assert await world.state(opened.payment) == "open"
    await change_settings(world.context, url=world.site.url, settings={"mainpay": {"unheard": ""}})
    await world.live(10, step=5)

    assert await world.state(opened.payment) == "expired"


@pytest.mark.parametrize(("seconds", "early"), [(5, True), (123, True), (126, False)])
async def test_while_its_settings_are_refused_what_may_still_arrive_is_not_called_absent(world, seconds, early):
    payment = await world.buy()
    world.fault("cancel" if world.dialect == "guide" else "part_cancel", "drop_before")
    world.fault("notice", "notice_lost")
    await world.refund(payment.id, 10_000)
    await world.quiet()
    await refuse_its_settings(world)
    case = await case_of(world, payment.id, "refund_unknown")
    await world.clock.forward(seconds)
    asked = propose(world.context, Wish(case["id"], "not_refunded", SEEN, "operator:maker"))
    if early:
        with pytest.raises(TooEarly):
            await asked
    else:
        assert (await asked).decision == "not_refunded"


@pytest.mark.parametrize("decision", ["word_taken", "word_not_taken"])
async def test_while_its_settings_are_refused_people_decide_what_became_of_a_buyers_word(world, paid, decision):
    await unheard_word(world, paid, "odd")
    await world.live(1_200, step=5)
    await keep_as_another_version_did(world, world.site.id, "teller", kind="Serving", card_entry="maybe")
    await decide(world, await case_of(world, paid, "word_unknown"), decision)

    assert await world.cases(paid) == []
    assert (await world.payment(paid)).escrow == ("denied" if decision == "word_taken" else "kept")


@pytest.mark.parametrize("refused", [True, False])
async def test_an_account_that_ends_unpaid_after_its_gateways_settings_were_refused_is_a_persons(world, refused):
    """Its deposit may have been told then, and this gateway cannot be asked."""
    _, waits = await waiting(world)
    if refused:
        await refuse_its_settings(world)
        await watch(world.context)
        world.sandbox.desks["mainpay"].deposit({"merchant_ref": waits.merchant_ref})
        await world.live(60, step=20)
        await change_settings(world.context, url=world.site.url, settings={"mainpay": {"unheard": ""}})
        await watch(world.context)
    await world.clock.forward(1)
    _, later = await waiting(world)
    await world.live(9 * 86_400, step=7_200)

    assert world.book(waits).net == (55_000 if refused else 0)
    assert await world.state(waits.id) == await world.state(later.id) == "expired"
    assert await world.cases(waits.id) == (["unexpected_deposit"] if refused else [])
    assert await world.cases(later.id) == []


async def refuse_its_settings(world):
    """Start on settings of the world's own gateway of which this version does not know one."""
    (row,) = [one for one in await world.context.ledger.read(rows.all_gateways) if one["site"] == world.site.id]
    values = json.loads(world.context.vault.open(row["settings_sealed"], f"gateway:{world.site.id}:mainpay"))
    await keep_as_another_version_did(world, world.site.id, "mainpay", unheard="x", **values)
