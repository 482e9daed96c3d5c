"""Nothing personal and no secret in any address, log, journal, exception or database column that is not sealed."""

import contextlib
import re
import sqlite3

import pytest
import structlog

from tests.support.world import World

NAME, MAIL, PHONE = "남궁별난", "byulnan.unique@example.com", "010-9876-5432"
PERSONAL = (NAME, MAIL, PHONE, "01098765432", "9876-5432")
KEY = "U1FVQVJFLTEwMDAxMTIwMTgwNDA2MDkyNTMyMTA1MjM0"
LUHN = re.compile(r"(?<!\d)\d{13,19}(?!\d)")


@pytest.fixture
async def lived(folder):
    """A world where a bit of everything happened, with all it said."""
    world, logs = World(folder), []
    structlog.configure(processors=[lambda _, __, event: logs.append(dict(event)) or str(event)])
    await world.start()
    world.site = await world.pair()
    buyer = {"name": NAME, "email": MAIL, "phone": PHONE, "id": "u-7"}
    places = []

    async def walk(order, fault=None, **fields):
        if fault:
            world.fault(*fault)
        async with world.client() as client:
            opening = await client.post("/checkout", data={"token": world.token(order), **fields})
        places.append(str(opening.headers))
        heard = await world.press(opening.headers["location"])
        async with world.client() as client:
            landed = await client.get(heard.headers["location"])
        places.append(str(landed.headers) + landed.text)
        await world.quiet()
        return heard.headers["location"]

    returns = [
        await walk(world.order(buyer=buyer)),
        await walk(world.order(buyer=buyer), ("pay", "decline")),
        await walk(world.order(buyer=buyer), ("pay", "drop_after")),
        await walk(world.order(buyer=buyer), ("pay", "garbage_after")),
        await walk(world.order(buyer=buyer), method="virtual_account"),
    ]
    (paid,) = await world.all("SELECT id FROM payments WHERE state = 'paid'")
    await world.refund(paid["id"], 5_000)
    world.fault("part_cancel", "5xx_after")
    await world.refund(paid["id"], 6_000)
    await world.post_notice(b"cmd=0&mbrNo=999999&customerName=" + NAME.encode())
    await world.call("POST", "/v1/payments", {"order": world.order(buyer=buyer | {"phone": PHONE + "5" * 20})})
    await world.post_checkout("v1.k.nonsense")
    await world.beat()
    yield world, places, logs, returns
    structlog.reset_defaults()
    await world.close()


async def test_addresses_carry_opaque_ids_alone(lived):
    world, places, _, _ = lived
    addresses = " ".join(sent.url for sent in world.net.sent) + " ".join(places)

    for personal in (*PERSONAL, KEY, world.site.secret):
        assert personal not in addresses


async def test_logs_hold_neither_people_nor_secrets_nor_tokens(lived):
    world, _, logs, returns = lived
    text = str(logs)

    for secret in (*PERSONAL, KEY, world.site.secret, "authToken", *(one.partition("?")[2] for one in returns)):
        assert secret not in text


async def test_metrics_count_and_name_nobody(lived):
    world, *_ = lived
    async with world.client() as client:
        figures = (await client.get("/metrics")).text

    assert 'pay_bridge_payments_live{state="awaiting_deposit"} 1.0' in figures
    orders = [row["ref"] for row in await world.all("SELECT ref FROM orders")]
    assert len(orders) == 5
    for told in (*PERSONAL, KEY, world.site.secret, *orders):
        assert told not in figures


@pytest.mark.sqlite
async def test_the_journal_and_every_column_hold_no_secret(lived):
    """What is sealed is sealed; the buyer stands in the orders alone."""
    world, _, _, returns = lived
    tokens = [re.search("authToken=(AUTH[0-9a-f]+)", one)[1] for one in returns]
    with contextlib.closing(sqlite3.connect(world.folder / "bridge.db")) as copy:
        tables = [row[0] for row in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in copy.execute(f"SELECT * FROM {table}"):
                text = "\x1f".join(str(value) for value in row)
                for secret in (KEY, world.site.secret, *tokens):
                    assert secret not in text, table
                if table != "orders":
                    for personal in PERSONAL:
                        assert personal not in text, (table, text)


@pytest.mark.sqlite
async def test_the_bytes_on_disk_hold_no_key(lived):
    world, *_ = lived
    raw = b"".join(path.read_bytes() for path in world.folder.iterdir() if path.is_file())

    for secret in (KEY.encode(), world.site.secret.encode(), bytes(range(32))):
        assert secret not in raw


async def test_nothing_that_prints_shows_a_key(lived):
    world, *_ = lived
    context = world.context
    shown = " ".join(
        repr(one)
        for one in (context.settings, context.sites.all(), context.vault, context.tokens, context.sites.all()[0].keys,
                    context.sites.all()[0].gateway(), context.settings.master_key, world.site.key)
    )  # fmt: skip

    for secret in (KEY, world.site.secret, repr(bytes(range(32))), "\\x01\\x02\\x03"):
        assert secret not in shown
    for key in context.sites.all()[0].keys:
        assert repr(key.request) not in shown
