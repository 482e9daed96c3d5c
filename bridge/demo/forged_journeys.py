"""Journeys of forgers: a return that is another window's, one that they wrote themselves, notices of no payment."""

from dataclasses import replace
from urllib.parse import parse_qsl, urlencode, urlsplit

from bridge.demo.visit import Return, Visit, expect, never_said_failed
from bridge.demo.window_journeys import way_back

NOBODYS = "https://gateway.invalid/approve"
PENCE_WON = 100


async def return_of_another_window(visit: Visit) -> None:
    """Somebody comes back with what another window gave, which counts for nothing; then the buyer does, and pays."""
    strange, _ = await _another(visit, "child")
    returned = await visit.authenticate(await visit.open_window("r"))
    await _refused(visit, _crossed(returned, strange))
    await visit.come_back(returned)
    expect((await visit.payment())["captured"] == visit.price, "the buyer's own return does not count any more")


async def return_of_another_window_that_names_nothing(visit: Visit) -> None:
    """Nothing in Welcome's return says whose it is, but the approval's answer does: what it took is taken back."""
    strange, other = await _another(visit, "r")
    returned = await visit.authenticate(await visit.open_window("r"))
    never_said_failed(await visit.come_back(_crossed(returned, strange)))
    await visit.until("voided")
    for one in (visit, other):
        expect((await one.book())["net"] == 0, "money stayed that was taken for another order")


async def return_of_another_window_that_took_the_money(visit: Visit) -> None:
    """The window took the money of the order that it names, whatever order's address its buyer comes back to."""
    strange, _ = await _another(visit, "child")
    await _refused(visit, Return(await way_back(visit), strange.posted))


async def forged_return(visit: Visit) -> None:
    """Somebody writes another address for the approval into a return, then another price: neither is believed."""
    returned = await visit.authenticate(await visit.open_window("r"))
    for name in visit.door.return_addresses:
        await _refused(visit, _changed(returned, name, NOBODYS))
    await visit.come_back(_changed(returned, visit.door.return_price, str(PENCE_WON)))
    wanted = 0 if visit.door.compares_return_price else visit.price
    expect(await visit.captured() == (wanted, wanted), "the browser's price counted")


async def forged_return_that_says_paid(visit: Visit) -> None:
    """Somebody who paid nothing comes back saying that it is paid: such a return proves nothing, so they wait."""
    back = await way_back(visit)
    (lie,) = visit.door.lie.values()
    ref = (await visit.payment())["merchant_ref"]
    told = {name: value.format(ref=ref, price=visit.price) for name, value in lie.items() if name != "mul_no"}
    for name in visit.door.return_addresses:
        await _refused(visit, Return(back, told | {name: NOBODYS}))
    page = await visit.come_back(Return(back, told))
    never_said_failed(page)
    expect("예매가 끝났어요" not in page.text, "the buyer is told of a ticket that nobody paid for")
    expect(await visit.captured() == (0, 0), "a forged return moved money")


async def forged_notice(visit: Visit) -> None:
    """Somebody posts notices about money that never came: in the right form, at a wrong and at the right address."""
    await visit.open_window("r")
    ref = (await visit.payment())["merchant_ref"]
    url = next(iter(visit.stand.notice_urls[visit.dialect].values()))
    for kind, lie in visit.door.lie.items():
        told = {name: value.format(ref=ref, price=visit.price) for name, value in lie.items()}
        elsewhere = await visit.forge_notice(f"{url[:-6]}AAAAAA", kind, told)
        expect(elsewhere["status"] in (400, 404), f"a guessed notice address was answered with {elsewhere['status']}")
        await visit.forge_notice(url, kind, told)
    expect((await visit.payment())["captured"] == 0, "a forged notice moved money")


async def _another(visit: Visit, ticket: str) -> tuple[Return, Visit]:
    """Authenticate in a window of another order, without coming back."""
    other = replace(visit, notes={})
    return await other.authenticate(await other.open_window(ticket)), other


async def _refused(visit: Visit, forged: Return) -> None:
    """Come back with a forgery, and insist that it is refused and nothing moves."""
    page = await visit.come_back(forged)
    expect(page.status == 400, f"a forged return was answered with {page.status}")
    expect(await visit.captured() == (0, 0), "a forged return moved money")


def _crossed(returned: Return, strange: Return) -> Return:
    """This payment's address with what another window gave."""
    base = returned.url.split("?")[0]
    return Return(base, strange.posted) if strange.posted else Return(f"{base}?{urlsplit(strange.url).query}", {})


def _changed(returned: Return, name: str, value: str) -> Return:
    """The same return with another value of one field."""
    if returned.posted:
        return Return(returned.url, returned.posted | {name: value})
    parts = urlsplit(returned.url)
    query = dict(parse_qsl(parts.query)) | {name: value}
    return Return(f"{returned.url.split('?')[0]}?{urlencode(query)}", {})
