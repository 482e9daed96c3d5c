"""What others do: the bank pays into accounts, the gateway's console refunds, strangers forge, operators turn keys."""

import asyncio
import random
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bridge.flows.manage_sites import rotate_key
from bridge.sandbox.bank import Book
from bridge.sandbox.world import ControlRefused
from tests.storm.people import Sale
from tests.storm.stand import site_key
from tests.storm.tab import BUYER_ADDRESS, FORM

if TYPE_CHECKING:
    from tests.storm.gate import Gate
    from tests.storm.storm import Storm

DAY = 86_400.0
LEAST_IN_PARTS = 3_000


async def bank(storm: "Storm", chance: random.Random) -> None:
    """Pay into every account that was issued: rightly, wrongly, late, or never."""
    served: set[str] = set()
    for _ in range(60):
        await asyncio.sleep(chance.uniform(20.0, 60.0))
        for gate in storm.gates.values():
            for book in gate.accounts():
                if book.merchant_ref in served:
                    continue
                served.add(book.merchant_ref)
                if chance.random() < 0.8:
                    await _deposit(storm, gate, book, chance)


async def _deposit(storm: "Storm", gate: "Gate", book: Book, chance: random.Random) -> None:
    values: dict[str, object] = {"merchant_ref": book.merchant_ref}
    is_wrong = storm.weather.strikes("wrong_deposit")
    if is_wrong:
        values["amount"] = max(1, book.amount + chance.choice((-1_000, 500)))
    if storm.weather.strikes("late_deposit"):
        storm.long_wait = True
        storm.later(chance.uniform(4.0, 6.0) * DAY, lambda: _pay_in(storm, gate, values | {"late": True}))
        return
    await asyncio.sleep(chance.uniform(0.0, 30.0))
    if not _pay_in(storm, gate, values) and is_wrong:
        storm.weather.missed("wrong_deposit")


def _pay_in(storm: "Storm", gate: "Gate", values: dict[str, object]) -> bool:
    storm.must_tell.add(str(values["merchant_ref"]))
    try:
        gate.desk.deposit(values)
    except ControlRefused as refused:
        storm.note(f"the bank refuses: {refused}")
        return False
    storm.note(f"deposited {values}")
    storm.paid_in[str(values["merchant_ref"])] += 1
    return True


async def pays_again(storm: "Storm", chance: random.Random) -> None:
    """Pay into accounts a second time, the price or another sum; a clerk wires some of it back, past the gateway.

    A minute after the first at the earliest: notices tell seconds, so two equal deposits of one second are one notice
    that comes twice, to everybody.
    """
    seen: set[str] = set()
    served: set[str] = set()
    for _ in range(20):
        await asyncio.sleep(chance.uniform(60.0, 180.0))
        for gate in (one for one in storm.gates.values() if one.site.setup.many_deposits):
            for book in gate.paid_accounts():
                if book.merchant_ref in served or book.merchant_ref not in seen:
                    seen.add(book.merchant_ref)
                    continue
                served.add(book.merchant_ref)
                if chance.random() < 0.7:
                    gate.desk.set({gate.site.setup.many_deposits: True})
                    _deposit_again(storm, gate, book, chance)


def _deposit_again(storm: "Storm", gate: "Gate", book: Book, chance: random.Random) -> None:
    many, amount = len(book.captures), chance.choice((book.amount, book.amount, max(1, book.amount - 1_000)))
    _pay_in(storm, gate, {"merchant_ref": book.merchant_ref, "amount": amount, "late": True})
    is_other = book.captures[0].amount == book.amount  # else the second may be what pays for the order
    if len(book.captures) > many and is_other and book.net >= amount and chance.random() < 0.5:
        gate.world.bank.refund(book, amount, f"wire{many}", gate.world.now().isoformat(), "clerk")
        storm.checks.deeds["wired back"] += 1
        storm.note(f"{amount} of {book.merchant_ref} are wired back")


async def console(storm: "Storm", chance: random.Random) -> None:
    """Refund at the gateway's own console, without asking the bridge."""
    await asyncio.sleep(chance.uniform(60.0, 1_500.0))
    for gate in storm.gates.values():
        for book in gate.books():
            kind = storm.weather.one_of(("console_refund", "console_part_refund")) if book.net else ""
            if not kind:
                continue
            if book.account:
                storm.weather.missed(kind)
                continue
            storm.must_tell.add(book.merchant_ref)
            part = {"amount": max(1, book.net // 3)} if kind == "console_part_refund" else {}
            try:
                gate.desk.refund({"merchant_ref": book.merchant_ref} | part)
            except ControlRefused as refused:
                storm.note(f"the console refuses: {refused}")
                storm.weather.missed(kind)
            else:
                storm.note(f"{kind} of {book.merchant_ref}")


async def office_parts(storm: "Storm", chance: random.Random) -> None:
    """Give two or three unequal parts of a payment back at the gateway's own console, one soon after the other."""
    await asyncio.sleep(chance.uniform(120.0, 1_500.0))
    for gate in storm.gates.values():
        for book in [one for one in gate.books() if one.net > LEAST_IN_PARTS and not one.account]:
            if chance.random() < 0.5:
                continue
            storm.must_tell.add(book.merchant_ref)
            for share in chance.sample((3, 5, 7), chance.choice((2, 3))):
                part = {"merchant_ref": book.merchant_ref, "amount": book.amount // share}
                try:
                    gate.desk.refund(part)
                except ControlRefused as refused:
                    storm.note(f"the console refuses: {refused}")
                    break
                storm.weather.struck["console_part_refund"] += 1
                storm.note(f"one of several parts: {part}")
                await asyncio.sleep(chance.choice((0.0, 1.0, 30.0)))


async def strangers(storm: "Storm", sales: list[Sale], chance: random.Random) -> None:
    """Forge notices and returns, and use one site's key on another's payments."""
    for _ in range(3):
        await asyncio.sleep(chance.uniform(20.0, 600.0))
        if storm.weather.strikes("forged_notice") and not await _forge_notice(storm, chance):
            storm.weather.missed("forged_notice")
        if storm.weather.strikes("foreign_return") and not await _cross_returns(storm, chance):
            storm.weather.missed("foreign_return")
        if storm.weather.strikes("foreign_site") and not await _foreign_refund(storm, sales, chance):
            storm.weather.missed("foreign_site")


async def _forge_notice(storm: "Storm", chance: random.Random) -> bool:
    """Tell from a strange address what was never true of any money; answers whether there was a notice to forge."""
    has_forged = False
    for gate in storm.gates.values():
        setup = gate.site.setup
        heard = [(url, body) for url, body in gate.heard_notices if setup.forge(body) != body]
        if not heard:
            continue
        url, body = chance.choice(heard)
        forged = setup.forge(body)
        headers = [FORM, (b"content-length", str(len(forged)).encode())]
        path = urlsplit(url).path
        answer = await storm.to_bridge("POST", path, headers, forged, client="192.0.2.66")
        if setup.is_signed(body):
            storm.checks.refuses_stranger(answer)
        has_forged = True
    return has_forged


async def cross_early(storm: "Storm", chance: random.Random) -> None:
    """Come back to payments with what belongs to others from early on, when some are still open."""
    for _ in range(60):
        await asyncio.sleep(chance.uniform(3.0, 30.0))
        if storm.weather.calm:
            return
        if await _cross_returns(storm, chance):
            storm.weather.struck["foreign_return"] += 1


async def _cross_returns(storm: "Storm", chance: random.Random) -> bool:
    """Come back to one payment with what belongs to another; answers whether there were two.

    Where the schedule lets nobody come first, the other's approval was begun: what nobody was approved with yet moves
    the other's money at Welcome, where nothing but the answer says whose it is.
    """
    if len(storm.returns) < 2:
        return False
    (payment, mine), (theirs, other) = chance.sample(storm.returns, 2)
    path, query = urlsplit(mine.url).path, urlsplit(other.url).query
    if path == urlsplit(other.url).path or storm.crossing.is_swap(payment, theirs):
        return False
    is_first = not storm.crossing.has_begun(theirs)
    if is_first and not storm.extras.first:
        return False
    storm.crossing.bring(payment, theirs, other)
    storm.note(f"{mine.method}s to {payment} what belongs to another{' that has not begun' if is_first else ''}")
    headers = [FORM, (b"content-length", str(len(other.body)).encode())] if mine.method == "POST" else []
    await storm.to_bridge(mine.method, f"{path}?{query}", headers, other.body, client=BUYER_ADDRESS)
    return True


async def overhears(storm: "Storm", chance: random.Random) -> None:
    """Tell of money that nobody took or gave back, with all that a gateway tells whoever asks it for a payment."""
    for _ in range(40):
        await asyncio.sleep(chance.uniform(5.0, 60.0))
        if storm.weather.calm:
            return
        for gate in storm.gates.values():
            told = gate.site.setup.overheard(gate.desk, chance)
            if told is not None:
                url, body = told
                storm.weather.struck["forged_notice"] += 1
                storm.note(f"somebody tells what was never true: {body.decode()}")
                headers = [FORM, (b"content-length", str(len(body)).encode())]
                await storm.to_bridge("POST", urlsplit(url).path, headers, body, client="192.0.2.66")


async def _foreign_refund(storm: "Storm", sales: list[Sale], chance: random.Random) -> bool:
    """Sign with one site's key for another's payment; answers whether there was one."""
    shops = list(storm.shops.values())
    victims = [said for shop in shops for said in shop.known.values()]
    if len(shops) < 2 or not victims:
        return False
    payment = chance.choice(victims)["payment"]
    thief = next(shop for shop in shops if shop.site.id != payment["site"])
    wish = {"reason": "x", "actor": "wp:7", "site": payment["site"]}
    path = f"/v1/payments/{payment['id']}"
    storm.checks.refuses_foreign(await thief.send(thief.sign("POST", f"{path}/refunds", wish)))
    storm.checks.refuses_foreign(await thief.send(thief.sign("GET", f"{path}?site={payment['site']}")))
    return True


async def operator(storm: "Storm", chance: random.Random) -> None:
    """Turn a site's key while everything goes on."""
    await asyncio.sleep(chance.uniform(10.0, 900.0))
    for shop in storm.shops.values():
        if not storm.weather.strikes("key_rotated"):
            continue
        said = await storm.in_bridge(lambda context, url=shop.site.url: rotate_key(context, url=url))
        if isinstance(said, dict):
            shop.keys.append(site_key(said))
