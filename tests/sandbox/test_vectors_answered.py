"""Every vector with a `sandbox` part is played against the sandbox: given that call, it gives that answer.

The values that a gateway makes up (aid, tokens, transaction numbers) are put in from this very run; the signature does
not cover them. What a vector lists as `generated` is compared by its presence and type only."""

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

import bridge.gateways.mainpay
from bridge.gateways.mainpay import sandbox_notices
from bridge.gateways.mainpay.sandbox_desk import Session, Till, Trade
from bridge.sandbox.app import build
from bridge.sandbox.faults import Armed, Fault
from bridge.sandbox.local import ask
from bridge.sandbox.world import World

FOLDER = Path(bridge.gateways.mainpay.__file__).parent / "vectors"
VECTORS = [vector for path in sorted(FOLDER.glob("*.json")) for vector in json.loads(path.read_text())]
STANDINGS = {"printed", "derived", "seen", "disputed"}
METHODS = {"card": "CARD", "virtual_account": "VACCT"}


def named(vector: dict[str, Any]) -> str:
    return f"{vector['operation']}/{vector['name']}"


def digest(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def digits(stamp: dict[str, str]) -> str:
    """A call's timestamp: the moment in Korea, then four digits of the nonce."""
    return f"{datetime.fromisoformat(stamp['at']):%Y%m%d%H%M%S}{int(stamp['nonce'][:8], 16) % 10000:04d}"


class FrozenClock:
    def __init__(self, at: str) -> None:
        self.at = datetime.fromisoformat(at)

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        assert seconds >= 0


class Player:
    """One vector, one fresh sandbox, standing at the moment of the vector's call."""

    def __init__(self, vector: dict[str, Any]) -> None:
        self.vector = vector
        self.guide = vector["dialect"] == "guide"
        self.ref = vector["payment"]["merchant_ref"]
        self.amount = vector["payment"]["amount"]
        self.method = METHODS[vector["payment"]["method"]]
        self.clock = FrozenClock(vector.get("sent", vector["stamp"])["at"])
        self.app = build(clock=self.clock, public_url="http://sandbox", seed=7)
        self.world: World = self.app.state.world
        self.world.faults.amounts_choose = False
        self.back: dict[str, str] = {}
        self.paid: dict[str, Any] = {}
        self.opened: dict[str, Any] = {}
        self.pay_form: dict[str, str] = {}
        self.part = 0

    def base(self, host: str) -> str:
        return f"/{'mainpay-guide' if self.guide else 'mainpay'}/{host}"

    def signed(self, form: dict[str, str], stamp: str | None = None) -> dict[str, str]:
        form = {**form, "timestamp": stamp or digits(self.vector["stamp"])}
        shop = form.get("mchtId") or form["mbrNo"]
        amount = form.get("cancelAmount") or form["amount"]
        key = self.vector["settings"]["api_key"]
        return {**form, "signature": digest(shop, form["mbrRefNo"], amount, key, form["timestamp"])}

    async def post(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        heard = await ask(self.app, "POST", "http://sandbox" + path, urlencode(form).encode())
        return heard.status, json.loads(heard.body) if heard.status == 200 else None

    def form(self, op: str, stamp: str | None = None) -> tuple[str, dict[str, str]]:
        """Make the usual call of an operation."""
        shop = {"version": "V001", "mbrNo": "100011", "mbrRefNo": self.ref, "amount": str(self.amount)}
        guide = {"mchtId": "100011", "mbrRefNo": self.ref}
        who = {"customerName": "고객명", "customerEmail": "buyer@shop.test"}
        urls = {"approvalUrl": "https://bridge.test/r/x", "closeUrl": "https://bridge.test/c"}
        payments = self.base("relay") + "/v1/api/payments/payment"
        match op:
            case "ready":
                goods = {"goodsName": "카약-슬라이더406", "goodsCode": "GOOD0001"}
                form = {**shop, **urls, **who, **goods, "paymethod": self.method}
                return self.base("api") + "/v1/payment/ready", self.signed(form, stamp)
            case "pay" if self.guide:
                form = {**guide, "refNo": self.back["refNo"], "authCode": self.back["authCode"]}
                return self.base("api") + "/v1/payment/pay", self.signed({**form, "amount": str(self.amount)}, stamp)
            case "pay" | "net_cancel" if not self.guide:
                passed = {name: self.back[name] for name in ("aid", "authToken", "payType", "merchantData")}
                path = "pay" if op == "pay" else "net-cancel"
                form = self.signed({**shop, **passed, "paymethod": self.method}, stamp)
                return self.base("api") + f"/v1/payment/{path}", self.pay_form or form
            case "cancel" | "part_cancel" | "net_cancel" if self.guide:
                amount = str(self.part or self.amount)
                form = {**guide, "refNo": self.opened["refNo"], "cancelAmount": amount, "cancelReason": "고객 요청"}
                return self.base("relay") + "/v1/payment/cancel", self.signed(form, stamp)
            case "cancel_by_order":
                form = {**shop, "orgTranDate": "251230", "paymethod": self.method, "isNetCancel": "Y"}
                return payments + "/cancel", self.signed(form, stamp)
        original = {"orgRefNo": self.paid["refNo"], "orgTranDate": self.paid["tranDate"], "payType": "A"}
        form = {**shop, **original, "mbrRefNo": "BEFORE00001", "paymethod": self.method, "isNetCancel": "N"}
        form["amount"] = str(self.part or self.amount)
        return payments + ("/cancel" if op == "cancel" else "/part-cancel"), self.signed(form, stamp)

    async def do(self, step: str) -> None:
        """Take one step towards the vector's call. The part of a vector's own call comes from the vector."""
        op, _, part = step.partition(":")
        self.part = int(part or 0)
        if op == "return":
            await self.come_back()
            return
        sent = digits(self.vector["sent"]) if op == "pay" and "sent" in self.vector else None
        path, form = self.form(op, sent)
        status, body = await self.post(path, form)
        assert (status, body["resultCode"]) == (200, "200"), body
        if op == "ready":
            self.opened = body["data"]
        elif op == "pay":
            self.paid, self.pay_form = body["data"], form
        self.part = 0

    async def come_back(self) -> None:
        url = self.opened["payUrl" if self.guide else "nextPcUrl"]
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        choice = {**query, "action": "pay", "card": "04", "installment": "00", "bank": "04"}
        heard = await ask(self.app, "POST", url.partition("?")[0], urlencode(choice).encode())
        if self.guide:
            session = self.world.desks["mainpay"]._till.sessions[query["refNo"]]  # type: ignore[attr-defined]
            self.back = {"refNo": session.id, "authCode": session.token}
            return
        assert heard.status == 303
        back = parse_qs(urlsplit(heard.headers["location"]).query, keep_blank_values=True)
        self.back = {name: values[0] for name, values in back.items()}

    def call(self) -> tuple[str, dict[str, str]]:
        """Give the vector's call, with what this run's gateway made up in place of the vector's own."""
        vector = self.vector
        if "call" not in vector:
            refund = vector.get("refund", {})
            self.part = refund.get("amount", 0)
            path, form = self.form(vector["operation"])
            return path, {**form, **vector["sandbox"].get("bend", {})}
        form = dict(vector["call"]["form"])
        for name in vector["call"].get("also", ()):
            form[name] = "TICKET01" if name == "goodsCode" else "고객 요청"
        made_up = {**self.back, **({"refNo": self.opened["refNo"]} if self.guide and self.opened else {})}
        if self.paid:
            made_up |= {"orgRefNo": self.paid["refNo"], "accountNo": self.paid.get("accountNo", "")}
        form |= {name: made_up[name] for name in form.keys() & made_up.keys()}
        if form.keys() >= {"aid"} and self.pay_form:
            assert form == self.pay_form, "a net-cancel repeats the parameters of pay"
        host = "api" if vector["call"]["url"].startswith(vector["settings"]["api_url"]) else "relay"
        return self.base(host) + urlsplit(vector["call"]["url"]).path, form


@pytest.mark.parametrize("vector", [vector for vector in VECTORS if "sandbox" in vector], ids=named)
async def test_the_sandbox_answers_a_vector(vector):
    player = Player(vector)
    told = vector["sandbox"]
    player.world.desks["mainpay"].set(told.get("settings", {}))
    fault = told.get("fault", {})
    if fault:
        what = Fault(fault["kind"], code=fault.get("code", ""), message=fault.get("message", ""))
        player.world.faults.arm(Armed("mainpay", fault["op"], what))
    for step in told["before"]:
        await player.do(step)
    player.clock.at = datetime.fromisoformat(vector["stamp"]["at"])
    path, form = player.call()
    status, body = await player.post(path, form)

    if "status" in told:
        assert status == told["status"]
        return
    assert status == vector["reply"]["status"]
    expected = json.loads(json.dumps(vector["reply"]["body"]))
    if not vector.get("exact_message", True):
        assert body["resultMessage"].startswith(expected["resultMessage"])
        body["resultMessage"] = expected["resultMessage"]
    for name in vector.get("generated", ()):
        assert type(body["data"][name]) is type(expected["data"][name])
        assert body["data"][name] != ""
        body["data"][name] = expected["data"][name]
    assert body == expected
    await player.world.close()


@pytest.mark.parametrize("vector", VECTORS, ids=named)
def test_a_vector_has_its_parts(vector):
    assert vector["standing"] in STANDINGS
    assert vector["dialect"] in ("live", "guide")
    assert vector["source"]
    assert vector["settings"].keys() == {"mbr_no", "api_key", "api_url", "relay_url"}
    assert "meaning" in vector or vector["standing"] == "disputed" or vector["operation"] == "signature"
    if vector["standing"] == "disputed":
        assert vector["note"], "a disputed vector says why"


@pytest.mark.parametrize("vector", [one for one in VECTORS if "call" in one], ids=named)
def test_a_vectors_call_is_signed_over_its_own_strings(vector):
    form, key = vector["call"]["form"], vector["settings"]["api_key"]
    shop, amount = form.get("mchtId", form.get("mbrNo")), form.get("cancelAmount", form.get("amount"))
    assert form["signature"] == digest(shop, form["mbrRefNo"], amount, key, form["timestamp"])
    stamp = vector["sent"] if vector["operation"] == "net_cancel" and "aid" in form else vector["stamp"]
    assert form["timestamp"] == digits(stamp)


@pytest.mark.parametrize("vector", [one for one in VECTORS if one["operation"] == "signature"], ids=named)
def test_a_signature_is_what_the_formula_gives(vector):
    given = vector["given"]
    made = digest(given["mbrNo"], given["mbrRefNo"], given["amount"], given["apiKey"], given["timestamp"])
    assert (made == vector["signature"]) is (vector["standing"] != "disputed")


@pytest.mark.parametrize("vector", [one for one in VECTORS if "raw" in one], ids=named)
def test_the_sandbox_sends_the_fields_of_a_notice_vector_and_takes_its_acknowledgement(vector):
    world = World(clock=FrozenClock("2025-12-30T12:28:08+09:00"), seed=1)
    till = Till(world)
    now = world.now()
    session = Session(
        "aid0", "live", "100011", "P1", 1004, "VACCT", "표", "", "", "", "", {"name": "고객명"}, 91, now, now, ""
    )
    book = world.bank.open("mainpay", "live", "100011", "P1", 1004)
    trade = Trade(session, book, "1230SA000001", now, 1004, {"accountNo": "1", "bankCode": "04"})
    names = set(parse_qs(vector["raw"], keep_blank_values=True))
    ack = vector.get("ack", {})
    if vector["operation"] == "deposit_notice":
        assert names <= set(sandbox_notices.deposit_fields(till, trade, "1", 1004, ""))
        assert not ack or sandbox_notices.deposit_acked(ack["status"], ack["body"].encode())
    else:
        assert names == set(sandbox_notices.card_fields(till, trade, "0", "1", 1004))
        assert not ack or sandbox_notices.card_acked(ack["status"], json.dumps(ack["json"]).encode())
