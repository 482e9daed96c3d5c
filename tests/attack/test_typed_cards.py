"""A card that was typed is in memory and in the request to the gateway, and nowhere else: everything else is searched.

The real server, as a process, at debug level: whatever may happen to a card happens, then every answer, file, row,
page, backup and line of output is read byte by byte, and what is sealed is opened first.
"""

import base64
import gzip
import hashlib
import json
import secrets
import sqlite3
import threading
from contextlib import closing

import httpx2
import pytest

from tests.attack.card_entry import BUG, CARDS, CUSTOMER, EXPIRES_ODDLY, KEYS_IN, LATE_BUG, REGISTERS, CardLab
from tests.support.scanner import Scanner
from tests.web.visitor import PASSWORD

CARD = CARDS["mainpay"]
FORM = {"content-type": "application/x-www-form-urlencoded"}
BODY = json.dumps({"card": CARD.json()}).encode()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def lab(request, tmp_path):
    """A running bridge with four gateways that take typed cards."""
    address = ""
    if request.param == "postgres":
        address = request.getfixturevalue("postgres").create(f"typed_{secrets.token_hex(4)}")
    lab = CardLab(tmp_path / "lab", None, address)
    try:
        lab.open()
        yield lab
    finally:
        lab.close()


def pay_and_fail(lab: CardLab) -> set[str]:
    """Charge and register cards at every gateway: yes, no, no in words that repeat the card, no answer, nonsense.

    Gives the states that payments and keys came to.
    """
    states = set()
    for gateway, op in [*KEYS_IN.items(), *REGISTERS.items()]:
        act = lab.key_in if op == "keyin" else lab.register
        for kind in ("", "decline", "drop_after", "garbage_after", "5xx_after"):
            if kind:
                no = "F005" if op == REGISTERS["paystory"] else "2003"
                more = {"code": no, "message": repeated(CARDS[gateway].number)} if kind == "decline" else {}
                lab.fault(gateway, op, kind, **more)
            answer = act(gateway)
            assert answer is not None
            assert answer.status_code in (201, 202), answer.text
            states.add(f"{op} {answer.json()['state']}")
            if answer.json()["state"] == "active":
                forget_and_charge(lab, answer.json()["id"])
    wrong = CARDS["welcome"].number[:-1] + "1"
    lab.fault("welcome", "keyin", "decline", code="01", message=repeated(wrong))
    answer = lab.key_in("welcome", CARDS["welcome"].json() | {"number": wrong})
    assert answer is not None
    assert "카드번호 •••" in answer.json()["message"], answer.text
    return states


def type_on_our_pages(lab: CardLab) -> set[str]:
    """Type cards on our own pages: yes, no in words that repeat the card, no answer, nonsense, and what is no form.

    Gives the states that keys and payments came to.
    """
    for gateway, op in {"mainpay": "key_issue", "payapp": "billRegist", "welcome": "billkey"}.items():
        for kind in ("", "drop_after", "garbage_after"):
            url = lab.open_page(gateway)
            for tries, wrong in enumerate(("decline", kind)):
                if wrong:
                    lab.fault(gateway, op, wrong, code="2003", message=repeated(CARDS[gateway].number))
                sent = lab.type_card(url, gateway, tries)
                assert sent is not None
                assert sent.status_code == 303, sent.text
    for gateway, op in KEYS_IN.items():
        for kind in ("", "decline", "drop_after"):
            url = lab.open_page(gateway, pays=True)
            if kind:
                lab.fault(gateway, op, kind, code="2003", message=repeated(CARDS[gateway].number))
            lab.type_card(url, gateway)
    return {
        str(row["state"]) for table in ("payments", "billing_keys") for row in lab.rows(f"SELECT state FROM {table}")
    }


def send_nonsense_to_our_pages(lab: CardLab) -> set[int]:
    """Send forms with cards in them that our pages do not take; gives the statuses."""
    number = CARD.number
    statuses = []
    for url in (lab.open_page("mainpay"), lab.open_page("mainpay", pays=True)):
        odd = ({"month": number}, {"holder": number}, {"password": CARD.holder}, {"filling": number * 900})
        statuses += [lab.type_card(url, "mainpay", **one) for one in odd]
        statuses += [
            lab.type_card(url, "mainpay", month=EXPIRES_ODDLY[2:], year=EXPIRES_ODDLY[:2]),
            lab.type_card(f"{url}?number={number}", "mainpay", year="20"),
            lab.browse(httpx2.Request("POST", url, json={"number": number})),
            lab.browse(httpx2.Request("POST", url, data={"number": number}, headers={"origin": "https://evil.test"})),
            lab.browse(httpx2.Request("POST", url, content=b"number=" + number.encode() + b"&number=1", headers=FORM)),
            lab.browse(httpx2.Request("POST", f"{lab.url}/k/{number}/card", data={"number": number})),
        ]
    return {answer.status_code for answer in statuses if answer is not None}


def repeated(number: str) -> str:
    """A gateway's message that repeats what it was told."""
    return f"카드번호 {number[:4]}-{number[4:8]}-{number[8:12]}-{number[12:]} 오류 ({number})"


def forget_and_charge(lab: CardLab, key: str) -> None:
    charged = {"customer": CUSTOMER, "order": lab.order(), "actor": "wp:7"}
    paid = lab.ask("POST", f"/v1/billing-keys/{key}/charges", charged)
    assert paid is not None
    assert paid.json()["state"] == "paid", paid.text
    assert lab.ask("GET", f"/v1/payments/{paid.json()['id']}") is not None
    gone = lab.ask("DELETE", f"/v1/billing-keys/{key}", {"customer": CUSTOMER})
    assert gone is not None
    assert gone.json()["state"] in ("deleted", "deleting"), gone.text


def send_nonsense(lab: CardLab) -> set[int]:
    """Send cards as no shop should; gives the statuses."""
    card = CARD.json()
    good = {"order": lab.order(), "card": card, "actor": "wp:7", "gateway": "mainpay"}
    whole = json.dumps(good).encode()
    bodies = [
        whole[:-1],
        whole.replace(b'"actor"', b"actor"),
        whole + b"x",
        whole.decode().encode("utf-16"),
        b"\xff" + whole,
        whole[:-1] + b"," + whole[1:],
        json.dumps(good | {"card": {"cardNo": CARD.number, "birth": CARD.holder, "cvc": CARD.number[:10]}}).encode(),
        json.dumps(good | {"card": CARD.number}).encode(),
        json.dumps(good | {"card": card | {"number": int(CARD.number)}}).encode(),
        json.dumps(good | {"card": card | {"number": "4000-0566-5566-5556"}}).encode(),
        json.dumps(good | {"card": card | {"password": CARD.holder}}).encode(),
        json.dumps(good | {"card": card | {"expires": CARD.number}}).encode(),
        json.dumps(good | {"amount": CARD.number}).encode()[:-1] + b',"x":' + b"[" * 40 + b"]" * 40 + b"}",
        json.dumps(good | {"order": lab.order() | {"amount": CARD.number}}).encode(),
        json.dumps(good | {"actor": CARD.number}).encode(),
        json.dumps(good | {"gateway": CARD.number}).encode(),
        json.dumps(good | {"filling": CARD.number * 9_000}).encode(),
    ]
    statuses = []
    for body in bodies:
        for path in ("/v1/card-payments", "/v1/billing-keys"):
            statuses.append(lab.ask("POST", path, body))
    for name, value in (("content-type", "text/plain"), ("content-encoding", "gzip"), ("signature", "x")):
        more = {name: value}
        statuses.append(lab.ask("POST", "/v1/card-payments", whole, **more))
    statuses += [
        lab.ask("POST", f"/v1/card-payments?card={CARD.number}", b"{"),
        lab.ask("GET", f"/v1/billing-keys?customer={CUSTOMER}&number={CARD.number}"),
        lab.ask("GET", f"/v1/billing-keys/{CARD.number}?customer={CUSTOMER}"),
        lab.ask("POST", "/v1/card-kinds", {"prefix": CARD.number}),
        lab.ask("POST", "/v1/card-payments", whole, key=CARD.number),
    ]
    lab.send_half(whole[:-9])
    once = secrets.token_hex(16)
    assert lab.key_in("mainpay", key=once) is not None
    statuses.append(lab.key_in("mainpay", card | {"password": "93"}, key=once))
    return {answer.status_code for answer in statuses if answer is not None}


def look_at_everything(lab: CardLab) -> None:
    """Do what operators and the plugin do: pages, lists, metrics, health, an export, a backup, the doctor."""
    password = lab.directory.parent / "password"
    password.write_text(PASSWORD)
    lab.type("operator", "add", "minji", "--password-file", str(password))
    assert set(lab.visit_dashboard()) == {200}
    for path in ("/v1/payments", f"/v1/billing-keys?customer={CUSTOMER}", "/v1/health", "/v1/cases"):
        assert lab.ask("GET", path) is not None
    for words in (
        ("doctor",),
        ("payments", "list", "--json"),
        ("privacy", "export", lab.wordpress.url, "--email", "buyer@shop.example"),
        ("backup", str(lab.directory / "by-hand.backup")),
    ):
        assert lab.type(*words) in (0, 1 if words == ("doctor",) else 0), lab.heard
    metrics = lab.browse(httpx2.Request("GET", f"{lab.url}/metrics"))
    assert metrics is not None
    assert metrics.status_code == 200


def die_with_a_card_in_memory(lab: CardLab) -> None:
    """Kill the server while a gateway holds back its answer to a typed card, and let it take up what it left."""
    lab.fault("mainpay", "keyin", "hang", delay_seconds=20.0)
    buyer = threading.Thread(target=lab.key_in, args=("mainpay",))
    buyer.start()
    lab.wait_for(lambda: bool(lab.rows("SELECT 1 FROM operations WHERE state = 'sent'")), "the card is on its way")
    lab.kill()
    buyer.join(20)
    if not lab.postgres:  # there a lease has to run out first
        lab.restart()
        lab.kill()


@pytest.mark.kill
def test_a_typed_card_is_found_nowhere_whatever_happens_to_it(lab):
    states = pay_and_fail(lab)
    assert {"keyin paid", "keyin declined"} <= states
    assert {"keyin voided", "keyin voiding", "keyin unknown"} & states, "answers were lost"
    assert {f"{op} {state}" for op in REGISTERS.values() for state in ("active", "refused", "lost")} <= states
    statuses = send_nonsense(lab)
    assert statuses >= {400, 401, 404, 413, 415, 422}, statuses
    assert {"paid", "declined", "active", "lost"} <= type_on_our_pages(lab)
    statuses = send_nonsense_to_our_pages(lab)
    assert statuses >= {400, 413, 415, 422, 500}, statuses
    for gateway, issuer in (("mainpay", BUG), ("payapp", LATE_BUG)):
        lab.register(gateway, issuer=issuer)
    look_at_everything(lab)
    lab.wait_for(lambda: any(lab.backups.glob("*.backup")), "the server makes a backup by itself")
    die_with_a_card_in_memory(lab)

    places = dict(lab.remains())
    assert {"server.log", "table calls", "pay-bridge doctor", "by-hand.backup"} <= set(places)
    assert lab.postgres or {"bridge.db", "bridge.db-wal"} <= set(places)
    assert any(name.endswith(", opened") for name in places), "the server made a backup by itself"
    assert places["server.log"].count(b"an odd card") >= 4, "every bug was written down"
    assert lab.find() == []


@pytest.mark.kill
def test_a_leak_in_any_place_is_found(lab):
    """The same run with a shop that puts a card where it has no business: what remains is scanned as ever."""
    password = lab.directory.parent / "password"
    password.write_text(PASSWORD)
    lab.type("operator", "add", "minji", "--password-file", str(password))
    body = {"order": lab.order() | {"title": CARD.number}, "card": CARD.json(), "actor": "wp:7", "gateway": "mainpay"}
    paid = lab.ask("POST", "/v1/card-payments", body)
    assert paid is not None
    lab.visit_dashboard()
    lab.type("payments", "show", paid.json()["id"])
    lab.type("backup", str(lab.backups / "by-hand.backup"))
    lab.kill()
    with (lab.directory / "server.log").open("a") as log:
        log.write(f"a line with {CARD.number[:10]} in it\n")
    (lab.directory / "core").write_bytes(CARD.holder.encode("utf-16-le"))
    if not lab.postgres:
        with closing(sqlite3.connect(lab.database)) as books, books:
            books.execute("INSERT INTO meta (name, value) VALUES ('x', ?)", (lab.seal(CARD.number),))

    found = {hit.place for hit in lab.find()}
    assert {"server.log", "core", "table orders", "by-hand.backup, opened"} <= found, found
    assert any(place.endswith(f"GET /dashboard/payments/{paid.json()['id']}") for place in found), found
    assert f"pay-bridge payments show {paid.json()['id']}" in found
    assert lab.postgres or {"bridge.db", "table meta, what was sealed"} <= found, found


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("as it is", CARD.number.encode()),
        ("ten digits of it", b"x" + CARD.number[3:13].encode() + b"y"),
        ("in groups", b"4000 0566 5566 5556"),
        ("with dashes", b"4000-0566-5566-5556"),
        ("in a query", b"?number=4000%200566%205566%205556"),
        ("in a form", b"number=4000+0566+5566+5556"),
        ("percent by percent", b"".join(b"%%%02X" % byte for byte in CARD.number.encode())),
        ("escaped for JSON", b"".join(b"\\u%04x" % byte for byte in CARD.number.encode())),
        ("escaped for a page", b"".join(b"&#%d;" % byte for byte in CARD.number.encode())),
        ("in hex", CARD.number.encode().hex().encode()),
        ("in UTF-16", CARD.number.encode("utf-16-le")),
        ("in UTF-16, the other way", CARD.number.encode("utf-16-be")),
        ("in base64", base64.b64encode(BODY)),
        ("in base64, one on", base64.b64encode(b"." + BODY)),
        ("in base64, two on", base64.b64encode(b".." + BODY)),
        ("compressed", b"before" + gzip.compress(BODY) + b"after"),
        ("hashed", hashlib.sha256(CARD.number.encode()).hexdigest().encode()),
        ("hashed with its request", hashlib.sha256(BODY).digest()),
        ("its holder", b'{"regNo": "2208162517"}'),
        ("its last month", b'{"expires": "4711"}'),
        ("its last month, in a form", b"a=1&expireYymm=4711&b=2"),
        ("its password", b"cardPw=92&b=2"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_scanner_finds_a_card(form, text):
    assert Scanner([CARD], [BODY]).look("here", b"some bytes " + text + b" more") != [], form


@pytest.mark.parametrize(
    "text", [b"400005******5556", b"40000566****5556", b"expires_at=1764296400000", b"4711", b"92", b"password", b""]
)
def test_the_scanner_does_not_take_a_mask_for_a_card(text):
    assert Scanner([CARD], [BODY]).look("here", text) == []
