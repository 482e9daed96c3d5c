"""A gateway's vectors, and its adapter at work: against the vectors alone, or against its sandbox alone.

A vector is an example as data, written from the gateway's documents: what is asked (`operation` with what it needs),
the `call` that must be sent (`form` or `body` in full, `also` names that must be there with any value), the `reply`,
and its `meaning`; or a notice (`raw`) with its meaning and acknowledgement. `standing` is printed, derived, seen or
disputed; a disputed one must not hold."""

import json
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import bridge.gateways
from bridge.domain.billing import BillingKey, CardEntry, KeyOrder, PlanOrder
from bridge.domain.exchange import Call, Reply, Stamp
from bridge.domain.failures import Malformed, NotGenuine, Unreadable
from bridge.domain.gateway import Return, Unknown, Urls
from bridge.domain.payment import Account, Buyer, Device, Method, Mode, Order, Payment, RefundOrder
from bridge.domain.services import EscrowStep, ReceiptIssued, ReceiptOrder
from bridge.domain.tax import Split
from bridge.sandbox.local import ask
from tests.sandbox.inside import Inside

BUYER = {"name": "홍길동", "email": "hong@example.com", "phone": "010-1234-5678", "id": "u1"}
URLS = {
    "approval": "http://bridge.test/r/x",
    "close": "http://bridge.test/r/x/close",
    "notice": "http://bridge.test/n/x",
}
STANDINGS = {"printed", "derived", "seen", "disputed"}
NONCE = "0000004d" + "0" * 24


def vectors(gateway: str) -> list[dict[str, Any]]:
    """Read a gateway's vectors."""
    folder = Path(bridge.gateways.__path__[0]) / gateway / "vectors"
    return [vector for path in sorted(folder.glob("*.json")) for vector in json.loads(path.read_text("utf-8"))]


def named(vector: dict[str, Any]) -> str:
    """paycancel-a-part and so on."""
    words = "-".join("".join(sign if sign.isalnum() else " " for sign in vector["name"]).split())
    return f"{vector['operation']}-{words}"


def build(gateway: str, values: Mapping[str, str]) -> Any:
    """Build a gateway for tests."""
    return bridge.gateways.build(gateway, values, Mode.TEST)


def stamp(told: Mapping[str, str] | None) -> Stamp:
    """Read a stamp."""
    told = told or {"at": "2026-11-20T12:00:00+09:00"}
    return Stamp(datetime.fromisoformat(told["at"]), told.get("nonce", NONCE))


def payment(gateway: str, told: Mapping[str, Any], at: datetime) -> Payment:
    """Make a payment of what a vector tells of it."""
    known = dict(told)
    paid_at = known.pop("paid_at", None)
    return Payment(
        id="p",
        site="s",
        order_ref="ORDER-1",
        order_version=1,
        gateway=gateway,
        method=Method(known.pop("method", "card")),
        device=Device(known.pop("device", "pc")),
        state=known.pop("state", "open"),
        amount=known.pop("amount"),
        version=3,
        merchant_ref=known.pop("merchant_ref"),
        created_at=at,
        expires_at=at + timedelta(minutes=15),
        paid_at=datetime.fromisoformat(paid_at) if paid_at else None,
        **known,
    )


def order(told: Mapping[str, Any] | None, amount: int) -> Order:
    """Make an order."""
    told = told or {}
    buyer = Buyer(**(BUYER | told.get("buyer", {})))
    return Order("ORDER-1", 1, told.get("title", "늦가을 음악회"), amount, buyer, "http://shop.test/r")


def refund(told: Mapping[str, Any]) -> RefundOrder:
    """Make a refund."""
    known = dict(told)
    tax, account = known.pop("tax", None), known.pop("account", None)
    base = {"ref": "REFUND1", "reason": "고객 요청", "full": True, "left_after": 0, "refunded_before": 0}
    return RefundOrder(
        **base | known, tax=Split(**tax) if tax else None, account=Account(**account) if account else None
    )


def key(told: Mapping[str, Any]) -> BillingKey:
    """Make a billing key."""
    known = dict(told)
    issued = datetime.fromisoformat(known.pop("issued_at", "2026-11-01T12:00:00+09:00"))
    return BillingKey("k", "u1", Method(known.pop("method", "card")), known.pop("key"), issued, **known)


def key_order(told: Mapping[str, Any] | None, at: datetime) -> KeyOrder:
    """Make the order of a billing key."""
    known = dict(told or {})
    method = Method(known.pop("method", "card"))
    buyer = Buyer(**(BUYER | known.pop("buyer", {})))
    title = known.pop("title", "정기 결제")
    return KeyOrder(known.pop("ref", "KEY1"), "u1", title, buyer, at, method, **known)


def plan(told: Mapping[str, Any]) -> PlanOrder:
    """Make a recurring plan."""
    known = dict(told)
    ends = date.fromisoformat(known.pop("ends"))
    return PlanOrder(known.pop("ref", "PLAN1"), known.pop("title", "회비"), known.pop("amount"), Buyer(**BUYER),
                     known.pop("cycle"), ends, **known)  # fmt: skip


def receipt(told: Mapping[str, Any]) -> ReceiptOrder:
    """Make the order of a cash receipt."""
    known = dict(told)
    traded = datetime.fromisoformat(known.pop("traded_at"))
    split = Split(**known.pop("split"))
    return ReceiptOrder(known.pop("ref", "RECEIPT1"), known.pop("title", "늦가을 음악회"), split, known.pop("purpose"),
                        known.pop("identity", ""), known.pop("buyer_name", "홍길동"), traded, **known)  # fmt: skip


def begin(gateway: Any, vector: dict[str, Any]) -> Any:
    """Begin the conversation a vector is an example of."""
    now = stamp(vector.get("stamp"))
    urls = Urls(**URLS | vector.get("urls", {}))
    paid = payment(gateway.name, vector["payment"], now.at) if "payment" in vector else None
    bought = order(vector.get("order"), paid.amount if paid else 0)
    returned = Return(vector.get("returned", {}))
    starts: dict[str, Callable[[], Any]] = {
        "open_window": lambda: gateway.open_window(paid, bought, urls, now),
        "approve": lambda: gateway.approve(paid, returned, now),
        "undo": lambda: gateway.undo(paid, returned, stamp(vector.get("sent")), now),
        "inquire": lambda: gateway.inquire(paid, now),
        "probe": lambda: gateway.probe_unpaid(paid, now),
        "vouch": lambda: gateway.vouch(paid, vector.get("returned", {}), now),
        "refund": lambda: gateway.refund(paid, refund(vector["refund"]), now),
        "charge": lambda: gateway.charge(paid, bought, key(vector["key"]), urls, now),
        "key_in": lambda: gateway.key_in(paid, bought, CardEntry(**vector["card"]), now),
        "issue_key": lambda: gateway.issue_key(key_order(vector.get("key_order"), now.at), returned, now),
        "open_key_window": lambda: gateway.open_key_window(key_order(vector.get("key_order"), now.at), urls, now),
        "issue_key_by_card": lambda: gateway.issue_key_by_card(
            key_order(vector.get("key_order"), now.at), CardEntry(**vector["card"]), now
        ),
        "delete_key": lambda: gateway.delete_key(key(vector["key"]), now),
        "show_key": lambda: gateway.show_key(key(vector["key"]), now),
        "register_plan": lambda: gateway.register_plan(plan(vector["plan"]), urls, now),
        "cancel_plan": lambda: gateway.cancel_plan(vector["plan"], now),
        "stop_plan": lambda: gateway.stop_plan(vector["plan"], now),
        "start_plan": lambda: gateway.start_plan(vector["plan"], now),
        "issue_receipt": lambda: gateway.issue_receipt(receipt(vector["receipt"]), now),
        "cancel_receipt": lambda: gateway.cancel_receipt(
            receipt(vector["receipt"]), ReceiptIssued(**vector["issued"]), now
        ),
        "administer": lambda: gateway.administer(vector["command"], vector["fields"], now),
        "look_up_card": lambda: gateway.look_up_card(vector["prefix"], now),
        "escrow": lambda: gateway.take_escrow_step(paid, EscrowStep(vector["step"], vector.get("fields", {})), now),
        "void_account": lambda: gateway.void_account(paid, now),
    }
    return starts[vector["operation"]]()


def call_of(gateway: Any, vector: dict[str, Any]) -> Call:
    """Give the first call of a vector's conversation."""
    talk = begin(gateway, vector)
    call: Call = next(talk)
    talk.close()
    return call


def outcome_of(gateway: Any, vector: dict[str, Any]) -> Any:
    """Let the adapter read the vector's reply, or its replies one after the other, as the wire would."""
    talk = begin(gateway, vector)
    try:
        next(talk)
        for told in vector.get("replies") or [vector["reply"]]:
            body = told["text"] if "text" in told else json.dumps(told["body"], ensure_ascii=False)
            talk.send(Reply(told.get("status", 200), body.encode()))
    except StopIteration as end:
        return end.value
    except Unreadable as error:
        return Unknown(f"Unreadable: {error.detail}")
    raise AssertionError("more calls than answers")


def is_spoken(call: Call, told: Mapping[str, Any]) -> bool:
    """Tell whether a call is the vector's: the same address, and every field of it; the named ones with any value."""
    sent = dict(call.form or call.body or {})
    wanted = told.get("form", told.get("body", {}))
    return (
        (call.method, call.url) == (told["method"], told["url"])
        and {name: sent.get(name) for name in wanted} == wanted
        and all(sent.get(name) for name in told.get("also", ()))
        and not any(name in sent for name in told.get("without", ()))
        and {name.lower(): value for name, value in call.headers.items()}.items() >= told.get("headers", {}).items()
    )


def means(value: Any, told: Any) -> bool:
    """Tell whether a value is what `meaning` says, as far as it says anything."""
    if isinstance(told, dict) and "type" in told:
        inner = {name: wanted for name, wanted in told.items() if name != "type"}
        return type(value).__name__ == told["type"] and all(means(getattr(value, name), inner[name]) for name in inner)
    if isinstance(told, dict):
        return all(name in value and means(value[name], wanted) for name, wanted in told.items())
    if isinstance(told, list):
        return list(value) == told
    if isinstance(value, datetime):
        return value.isoformat() == told
    if is_dataclass(value) and isinstance(told, str):
        return type(value).__name__ == told
    return bool(value == told)


def notice_of(gateway: Any, vector: dict[str, Any]) -> Any:
    """Read a vector's notice; gives the failure's name where it is refused."""
    raw = vector["raw"].encode(vector.get("charset", "utf-8"))
    try:
        return gateway.read_notice(raw, vector.get("kind", gateway.notice_kinds[0]))
    except (NotGenuine, Unreadable, Malformed) as error:
        return type(error).__name__


def holds(gateway: Any, vector: dict[str, Any]) -> bool:
    """Tell whether an adapter does all that a vector says: speaks its call, understands its reply or notice."""
    if "covered" in vector:
        signed = gateway.sign([tuple(pair) for pair in vector["covered"]], vector["moment"])
        return bool(signed == vector["signature"])
    if "mkey" in vector:
        return bool(gateway.mkey() == vector["mkey"])
    if "cipher" in vector:
        return bool(gateway.encrypt(vector["plain"]) == vector["cipher"])
    if vector["operation"] == "moment":
        return bool(gateway.timestamp(stamp(vector["stamp"])) == vector["moment"])
    if vector["operation"] == "return":
        return means(gateway.read_return(vector["returned"]), vector["meaning"])
    if "raw" in vector:
        notice = notice_of(gateway, vector)
        if "refused" in vector:
            return bool(notice == vector["refused"])
        ack = gateway.acknowledge(vector["raw"].encode(), vector.get("kind", gateway.notice_kinds[0]))
        return means(notice, vector["meaning"]) and (ack.status, ack.body) == (200, vector["ack"])
    if "call" in vector and not is_spoken(call_of(gateway, vector), vector["call"]):
        return False
    return "meaning" not in vector or means(outcome_of(gateway, vector), vector["meaning"])


class Bench(Inside):
    """An adapter and a sandbox, with nothing of the bridge between them."""

    def __init__(self, gateway: str, values: Mapping[str, str], kind: type | None = None, **more: Any) -> None:
        super().__init__(gateway, **more)
        own = build(gateway, values)
        self.adapter: Any = own if kind is None else kind(own.settings)
        self.urls = Urls(**URLS)
        self._many = 0

    def stamp(self) -> Stamp:
        """Give this moment's stamp."""
        self._many += 1
        return Stamp(self.clock.now(), f"{self._many:08x}" + "0" * 24)

    async def talk(self, exchange: Any) -> Any:
        """Carry a conversation to its end, as the wire does; what is lost is unknown."""
        try:
            call = next(exchange)
            while True:
                reply = await self.send(call)
                if reply is None:
                    return Unknown("the answer was lost")
                call = exchange.send(reply)
        except StopIteration as end:
            return end.value
        except Unreadable as error:
            return Unknown(f"Unreadable: {error.detail}")

    async def send(self, call: Call) -> Reply | None:
        """Send one call into the sandbox."""
        parts = urlsplit(call.url)
        query, body, kind = parts.query, b"", "application/x-www-form-urlencoded"
        if call.body is not None:
            body, kind = json.dumps(call.body).encode(), "application/json"
        elif call.form is not None and call.method == "GET":
            query = urlencode(call.form)
        elif call.form is not None:
            body = urlencode(call.form).encode()
        url = f"http://sandbox{parts.path}" + (f"?{query}" if query else "")
        heard = await ask(self.app, call.method, url, body, kind, call.headers)
        return None if heard.cut else Reply(heard.status, heard.body)

    def payment(self, merchant_ref: str = "PAY1", amount: int = 55_000, **more: Any) -> Payment:
        """Make a payment of this moment."""
        return payment(self.gateway, {"merchant_ref": merchant_ref, "amount": amount, **more}, self.clock.now())

    def order(self, amount: int = 55_000, **buyer: str) -> Order:
        """Make an order."""
        return order({"buyer": buyer}, amount)

    def net(self, merchant_ref: str = "PAY1") -> int:
        """Say what the shop holds of a payment, by the books."""
        return sum(book.net for book in self.world.bank.of(merchant_ref))


def changed(kind: type, change: Callable[[Call], Call]) -> type:
    """Make an adapter whose calls are changed on their way out; `call` is the method that makes them."""

    class Mutant(kind):  # type: ignore[misc, valid-type]  # the class is chosen by the caller
        def call(self, *given: Any, **more: Any) -> Call:
            return change(kind.call(self, *given, **more))  # type: ignore[attr-defined]  # each adapter has it

    return Mutant


def with_form(call: Call, form: Mapping[str, str]) -> Call:
    """Give a call another form."""
    return Call(call.op, call.method, call.url, form=form, moves_money=call.moves_money, secrets=call.secrets)


def renamed(old: str, new: str) -> Callable[[Call], Call]:
    """Misspell a field's name."""
    return lambda call: with_form(call, {new if one == old else one: text for one, text in (call.form or {}).items()})


def bent(name: str, how: Callable[[str], str]) -> Callable[[Call], Call]:
    """Write a field's value in another way."""
    return lambda call: with_form(
        call, {one: how(text) if one == name else text for one, text in (call.form or {}).items()}
    )


def dropped(name: str) -> Callable[[Call], Call]:
    """Forget a field."""
    return lambda call: with_form(call, {one: text for one, text in (call.form or {}).items() if one != name})


def spoils_vectors(gateway: str, kind: type) -> bool:
    """Tell whether any undisputed vector does not hold for an adapter."""
    for vector in vectors(gateway):
        if vector["standing"] == "disputed":
            continue
        own = build(gateway, vector["settings"])
        if not holds(kind(own.settings), vector):
            return True
    return False
