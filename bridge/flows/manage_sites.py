"""Adds sites and turns their keys; what is secret is shown once, to the one who asked."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from bridge.clock import new_id, now_ms
from bridge.domain.failures import Malformed, Misconfigured, NotFound, NotNow
from bridge.domain.gateway import Gateway, captures_itself
from bridge.domain.machine import State
from bridge.domain.payment import Mode
from bridge.domain.services import OfMerchant
from bridge.flows.context import Context
from bridge.flows.sites import CARD_ENTRY, CARD_ENTRY_WARNING, Site
from bridge.flows.urls import check_addresses, notice_urls
from bridge.ledger import payments
from bridge.ledger import sites as rows
from bridge.ledger.ledger import Row, Turn
from bridge.signing import base64url
from bridge.signing.keys import pairing_code

SITE_URL = re.compile(r"https?://[^\s/?#@\\]+(?:/[^\s?#\\]*[^\s/?#\\])?\Z", re.ASCII)


async def add_site(
    context: Context, *, url: str, gateways: list[str], settings: Mapping[str, Mapping[str, str]], mode: Mode
) -> dict[str, Any]:
    """Add a site with its first key and its gateways; the first gateway named is the default.

    Answers {site, key_id, secret, pairing_code, notice_urls}. Raises Malformed or Misconfigured; nothing is kept then.
    """
    url = url.rstrip("/")
    if not SITE_URL.match(url):
        raise Malformed("The site's address must look like https://shop.example.com.")
    parts = urlsplit(url)
    url = f"{parts.scheme}://{parts.netloc.lower()}{parts.path}"  # as browsers write an origin
    if urlsplit(url).scheme == "http" and mode is Mode.LIVE:
        raise Malformed("A live site must be https.")
    if mode is Mode.LIVE and not context.settings.public_url.startswith("https://"):
        raise Misconfigured("BRIDGE_PUBLIC_URL must be https before a live site is added.")
    strange = set(settings) - set(gateways)
    if strange or not gateways:
        raise Malformed(f"Settings for {', '.join(sorted(strange)) or 'no gateway'}: name it with --gateway too.")
    site, at = new_id(context.clock), now_ms(context.clock)
    for name in gateways:
        check_addresses(context, site, context.sites.check_gateway(name, settings.get(name, {}), mode))
    key_id, secret = _new_key(context)

    def work(turn: Turn) -> None:
        if rows.by_url(turn, url):
            raise Malformed("This site is there already; `pay-bridge site rotate-key` makes a new key for it.")
        rows.add(turn, site=site, url=url, mode=mode, default_gateway=gateways[0], at=at)
        for name in gateways:
            sealed = context.vault.seal(json.dumps(dict(settings.get(name, {}))).encode(), f"gateway:{site}:{name}")
            rows.set_gateway(turn, site=site, gateway=name, settings_sealed=sealed, at=at)
        _keep_key(turn, context, site, key_id, secret, at)

    await context.ledger.write(work)
    await context.sites.refresh()
    return _shown(context, context.sites.get(site), key_id, secret) | _warnings(settings)


async def change_settings(context: Context, *, url: str, settings: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Change some settings of a site's gateways, or add a gateway; the rest stays. Answers their names, not values.

    One that the gateway does not know, as of another version, is taken out by an empty value. Raises NotFound,
    Malformed, Misconfigured, NotNow (another merchant, while money is under way); nothing is kept then.
    """
    at = now_ms(context.clock)

    def work(turn: Turn) -> dict[str, Any]:
        row = rows.by_url(turn, url.rstrip("/"))
        if row is None:
            raise NotFound("There is no site with this address.")
        site, kept = row["id"], {one["gateway"]: one for one in rows.all_gateways(turn) if one["site"] == row["id"]}
        for name, given in settings.items():
            purpose = f"gateway:{site}:{name}"
            earlier = json.loads(context.vault.open(kept[name]["settings_sealed"], purpose)) if name in kept else {}
            gateway, values = _changed(context, name, earlier | dict(given), given, Mode(row["mode"]))
            check_addresses(context, site, gateway)
            if name in kept:
                _refuse_another_merchant(turn, context, row, name, earlier, gateway)
            sealed = context.vault.seal(json.dumps(values).encode(), purpose)
            rows.set_gateway(turn, site=site, gateway=name, settings_sealed=sealed, at=at)
        rows.touch(turn, f"{at}:{new_id(context.clock)}")
        changed = sorted(f"{name}.{key}" for name, given in settings.items() for key in given)
        return {"site": site, "changed": changed} | _warnings(settings)

    changed = await context.ledger.write(work)
    await context.sites.refresh()
    return changed


def _refuse_another_merchant(
    turn: Turn, context: Context, site: Row, name: str, earlier: Mapping[str, str], gateway: Gateway
) -> None:
    """Refuse another merchant's id while money is under way: asked in that one's name, the gateway would say that
    nothing of it was ever there, and hear of none that comes. Raises NotNow.
    """
    try:
        before = context.sites.check_gateway(name, earlier, Mode(site["mode"]))
    except Misconfigured:
        return  # settings that cannot be used speak for nobody
    ours, theirs = (one.merchant if isinstance(one, OfMerchant) else "" for one in (before, gateway))
    windows = (State.OPEN,) if captures_itself(before) else ()
    many = payments.count_under_way(turn, site["id"], name, windows) if ours != theirs else 0
    if many:
        raise NotNow(
            f"{many} payments at {name} have no outcome yet, wait for a deposit, or have an open window that takes"
            f" money by itself. Asked in the name of {theirs} the gateway knows none of them, and they would end as"
            " unpaid: change the merchant when they have ended."
        )


def _changed(
    context: Context, name: str, values: dict[str, str], given: Mapping[str, str], mode: Mode
) -> tuple[Gateway, dict[str, str]]:
    """Build a gateway from its changed settings, without those given as empty that it says are none of its own."""
    while True:
        try:
            return context.sites.check_gateway(name, values, mode), values
        except Misconfigured as error:
            said = (key for key, value in given.items() if not value and f"{name}.{key} is no setting" in error.detail)
            gone = next(said, "")
            if gone not in values:
                raise
            values = {key: value for key, value in values.items() if key != gone}


def _warnings(settings: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Say what a setting that was just given brings with it."""
    typed = any(given.get(CARD_ENTRY) == "on" for given in settings.values())
    return {"warning": CARD_ENTRY_WARNING} if typed else {}


async def rotate_key(context: Context, *, url: str) -> dict[str, Any]:
    """Add a key to a site; the older ones go on working until they are revoked. Raises NotFound."""
    at = now_ms(context.clock)
    key_id, secret = _new_key(context)

    def work(turn: Turn) -> str:
        row = rows.by_url(turn, url.rstrip("/"))
        if row is None:
            raise NotFound("There is no site with this address.")
        for key in rows.all_keys(turn):
            if key["site"] == row["id"] and key["state"] == "active":
                rows.set_key_state(turn, key_id=key["key_id"], site=row["id"], state="retiring", at=at)
        _keep_key(turn, context, row["id"], key_id, secret, at)
        return str(row["id"])

    site = await context.ledger.write(work)
    await context.sites.refresh()
    return _shown(context, context.sites.get(site), key_id, secret)


async def revoke_key(context: Context, *, url: str, key_id: str) -> dict[str, Any]:
    """End a key within seconds. Raises NotFound."""
    at = now_ms(context.clock)

    def work(turn: Turn) -> None:
        row = rows.by_url(turn, url.rstrip("/"))
        if row is None or not rows.set_key_state(turn, key_id=key_id, site=row["id"], state="revoked", at=at):
            raise NotFound("There is no such key of this site.")
        rows.touch(turn, f"{at}:{key_id}")

    await context.ledger.write(work)
    await context.sites.refresh()
    return {"key_id": key_id, "state": "revoked"}


def list_sites(context: Context) -> list[dict[str, Any]]:
    """List the sites without their secrets."""
    return [
        {
            "site": site.id,
            "url": site.url,
            "mode": str(site.mode),
            "default_gateway": site.default_gateway,
            "gateways": list(site.gateways),
            **({"refused": dict(site.refused)} if site.refused else {}),
            "keys": [{"key_id": key.key_id, "state": key.state} for key in site.keys],
            "notice_urls": _notices(context, site),
        }
        for site in context.sites.all()
    ]


def _new_key(context: Context) -> tuple[str, str]:
    return f"k-{new_id(context.clock)}", base64url.encode(context.clock.random_bytes(32))


def _keep_key(turn: Turn, context: Context, site: str, key_id: str, secret: str, at: int) -> None:
    sealed = context.vault.seal(secret.encode(), f"site_key:{key_id}")
    rows.add_key(turn, key_id=key_id, site=site, secret_sealed=sealed, state="active", at=at)
    rows.touch(turn, f"{at}:{key_id}")


def _shown(context: Context, site: Site, key_id: str, secret: str) -> dict[str, Any]:
    return {
        "site": site.id,
        "key_id": key_id,
        "secret": secret,
        "pairing_code": pairing_code(context.settings.public_url, site.id, key_id, secret),
        "notice_urls": _notices(context, site),
    }


def _notices(context: Context, site: Site) -> list[dict[str, str]]:
    return [{"gateway": name, "kind": kind, "url": url} for name, kind, url in notice_urls(context, site)]
