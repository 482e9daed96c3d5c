"""What every gateway's vectors are played with: the port's methods by name, calls compared field by field, meanings.

A vector names an `operation`, a method of the port, with its arguments; `talk` is the conversation, call and reply in
turn; `meaning` what comes of it. Disputed vectors are asserted not to hold."""

import dataclasses
import json
from collections.abc import Callable, Generator, Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import bridge.gateways
from bridge.domain.billing import BillingKey, CardEntry, KeyOrder
from bridge.domain.exchange import Call, Reply, Stamp
from bridge.domain.failures import BridgeError, Unreadable
from bridge.domain.gateway import Return, Unknown, Urls
from bridge.domain.payment import Account, Buyer, Device, Method, Mode, Order, Payment, RefundOrder
from bridge.domain.services import ReceiptIssued, ReceiptOrder
from bridge.domain.tax import split

FOLDER = Path(bridge.gateways.__file__).parent
URLS = Urls(
    "https://bridge.test/r/x",
    "https://bridge.test/c/x",
    "https://bridge.test/n/x",
    "https://bridge.test/checkout/x/auth",
)
BUYER = {"name": "홍길동", "email": "hong@shop.test", "phone": "010-1234-5678"}
Vector = dict[str, Any]


def load(gateway: str, part: str = "") -> list[Vector]:
    """Read a gateway's vectors, or those of a part that has a folder of its own."""
    files = sorted((FOLDER / gateway / "vectors" / part).glob("*.json"))
    found = [vector for path in files for vector in json.loads(path.read_text("utf-8"))]
    return [vector | {"gateway": gateway} for vector in found]


def load_codes(gateway: str) -> dict[str, dict[str, list[str]]]:
    """Read a gateway's table of codes: by operation, then code: its Korean name, the outcome's type, its reason."""
    found: dict[str, dict[str, list[str]]] = json.loads(
        (FOLDER / gateway / "vectors" / "codes" / "table.json").read_text()
    )
    return found


def named(vector: Vector) -> str:
    """paystory/approve: a card is charged."""
    return f"{vector['gateway']}/{vector['operation']}: {vector['name']}"


def built(vector: Vector, **settings: str) -> Any:
    """Build the gateway a vector speaks of."""
    return bridge.gateways.build(vector["gateway"], vector["settings"] | settings, Mode(vector.get("mode", "test")))


def stamp(given: Mapping[str, str] | None) -> Stamp:
    """Read a stamp."""
    given = given or {"at": "2026-11-20T11:30:00+09:00", "nonce": "0" * 32}
    return Stamp(datetime.fromisoformat(given["at"]), given["nonce"])


def payment(vector: Vector) -> Payment:
    """Make the payment of a vector."""
    told = vector["payment"]
    made = stamp(vector.get("sent", vector.get("stamp"))).at
    captured = told.get("captured", 0)
    return Payment(
        id="p",
        site="s",
        order_ref="ORDER-1",
        order_version=1,
        gateway=vector["gateway"],
        method=Method(told.get("method", "card")),
        device=Device(told.get("device", "pc")),
        state="paid" if captured else "approving",
        amount=told["amount"],
        version=3,
        merchant_ref=told["merchant_ref"],
        created_at=datetime.fromisoformat(told["created_at"]) if "created_at" in told else made,
        expires_at=made + timedelta(minutes=15),
        captured=captured,
        refunded=told.get("refunded", 0),
        tax_free=told.get("tax_free", 0),
        instalment_months=told.get("instalment_months", 0),
        refs=told.get("refs", {}),
        account=told.get("account", {}),
        paid_at=made if captured else None,
    )


def order(vector: Vector) -> Order:
    """Make the order of a vector."""
    told = {"title": "봄의 제전 R석", "locale": "ko_KR"} | vector.get("order", {})
    buyer = Buyer(**(BUYER | told.pop("buyer", {})))
    amount = vector["payment"]["amount"] if "payment" in vector else 0
    return Order("ORDER-1", 1, told["title"], amount, buyer, "https://shop.test/r", locale=told["locale"])


def arguments(vector: Vector) -> dict[str, Any]:
    """Give everything that a method of the port may ask for, by the parameter's name."""
    found: dict[str, Any] = {"stamp": stamp(vector.get("stamp")), "urls": URLS, "form": vector.get("form", {})}
    if "payment" in vector:
        found |= {"payment": payment(vector), "order": order(vector)}
    if "returned" in vector:
        found["returned"] = Return(vector["returned"])
    if "sent" in vector:
        found["sent"] = stamp(vector["sent"])
    if "refund" in vector:
        told = dict(vector["refund"])
        account = Account(**told.pop("account")) if "account" in told else None
        found["refund"] = RefundOrder(**told, account=account)
    if "key" in vector:
        told = {"id": "k", "customer": "user1", "issued_at": found["stamp"].at} | vector["key"]
        found["key"] = BillingKey(**(told | {"method": Method(told.get("method", "card"))}))
    if "key_order" in vector:
        told = {"customer": "user1", "title": "회원권", "created_at": found["stamp"].at} | vector["key_order"]
        made = {"method": Method(told.get("method", "card")), "buyer": Buyer(**BUYER)}
        found["order"] = KeyOrder(**(told | made))
    if "card" in vector:
        found["card"] = CardEntry(**vector["card"])
    return found | _of_services(vector, found["stamp"].at)


def _of_services(vector: Vector, at: datetime) -> dict[str, Any]:
    """Give what accounts, transfers and receipts are asked for with."""
    found: dict[str, Any] = {name: vector[name] for name in ("bank", "ref", "amount", "refs") if name in vector}
    if "due" in vector:
        found["due"] = datetime.fromisoformat(vector["due"])
    if "account" in vector:
        found["account"] = Account(**vector["account"])
    if "issued" in vector:
        found["issued"] = ReceiptIssued(**vector["issued"])
    if "receipt_order" in vector:
        told = dict(vector["receipt_order"])
        parts = split(told.pop("amount"), told.pop("tax_free"))
        found["order"] = ReceiptOrder(split=parts, traded_at=at, **told)
    return found


def begin(gateway: Any, vector: Vector) -> Generator[Call, Reply, Any]:
    """Begin the conversation a vector is an example of."""
    method = getattr(gateway, vector["operation"])
    known = arguments(vector)
    code = method.__func__.__code__
    wanted = code.co_varnames[1 : code.co_argcount]
    exchange: Generator[Call, Reply, Any] = method(**{name: known[name] for name in wanted})
    return exchange


def reply_of(told: Mapping[str, Any]) -> Reply:
    """Make the reply a vector tells of."""
    body = told["text"] if "text" in told else json.dumps(told["body"], ensure_ascii=False)
    return Reply(told.get("status", 200), body.encode())


def played(gateway: Any, vector: Vector, replies: Iterable[Mapping[str, Any]] | None = None) -> tuple[list[Call], Any]:
    """Let a conversation run on the vector's replies; gives the calls and what came of it, as the wire would say."""
    given = list(replies if replies is not None else [one["reply"] for one in vector["talk"]])
    exchange, calls = begin(gateway, vector), []
    try:
        call = next(exchange)
        while True:
            calls.append(call)
            if len(calls) > len(given):
                return calls, None
            call = exchange.send(reply_of(given[len(calls) - 1]))
    except StopIteration as end:
        return calls, end.value
    except Unreadable as error:
        return calls, Unknown(f"Unreadable: {error.detail}")


def is_spoken(call: Call, told: Mapping[str, Any]) -> bool:
    """Tell whether a call is the vector's: address, every field, and the headers it names."""
    said = dict(call.form or {}) if "form" in told else dict(call.body or {})
    wanted = told.get("form", told.get("body", {}))
    same_kind = (call.form is None) == ("form" not in told)
    headers = {name: call.headers.get(name) for name in told.get("headers", {})}
    there = (call.method, call.url, headers) == (told["method"], told["url"], told.get("headers", {}))
    return there and same_kind and said == wanted


def means(value: Any, told: Any) -> bool:
    """Tell whether a value is what `meaning` says, as far as it says anything."""
    if isinstance(told, dict) and "type" in told:
        inner = {name: wanted for name, wanted in told.items() if name != "type"}
        if inner.keys() - {one.name for one in dataclasses.fields(value)}:
            raise AssertionError(f"{type(value).__name__} has not all of {sorted(inner)}")
        return type(value).__name__ == told["type"] and all(means(getattr(value, name), inner[name]) for name in inner)
    if isinstance(told, dict):
        return all(name in value and means(value[name], wanted) for name, wanted in told.items())
    if isinstance(value, datetime | date):
        return value.isoformat().startswith(told)
    if isinstance(value, tuple):
        return list(value) == list(told)
    return bool(value == told)


def holds(gateway: Any, vector: Vector) -> bool:
    """Tell whether a vector holds for a gateway: it speaks it, and understands it."""
    try:
        calls, outcome = played(gateway, vector)
    except (BridgeError, AssertionError, AttributeError, KeyError, TypeError, ValueError):
        return False
    spoken = [one["call"] for one in vector["talk"]]
    if len(calls) != len(spoken) or not all(is_spoken(call, told) for call, told in zip(calls, spoken, strict=True)):
        return False
    return type(outcome).__name__ == vector["meaning"]["type"] and means(outcome, vector["meaning"])


class Bent:
    """A gateway whose calls are changed on their way out: the mistake of whoever read the document wrongly."""

    def __init__(self, gateway: Any, change: Callable[[Call], Call]) -> None:
        self._gateway = gateway
        self._change = change

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._gateway, name)
        if not hasattr(found, "__func__"):
            return found

        def method(*args: Any, **more: Any) -> Any:
            made = found(*args, **more)
            return self._talk(made) if isinstance(made, Generator) else made

        method.__func__ = found.__func__  # type: ignore[attr-defined]  # as a bound method has it
        return method

    def _talk(self, exchange: Generator[Call, Reply, Any]) -> Generator[Call, Reply, Any]:
        try:
            call = next(exchange)
            while True:
                reply = yield self._change(call)
                call = exchange.send(reply)
        except StopIteration as end:
            return end.value


def bent(change: Callable[[Call], Call]) -> Callable[[Any], Bent]:
    """Make of the right adapter one whose calls are changed."""
    return lambda right: Bent(right, change)


def _changed(call: Call, form: Mapping[str, Any]) -> Call:
    return dataclasses.replace(call, **({"form": dict(form)} if call.form is not None else {"body": dict(form)}))


def rename(old: str, new: str) -> Callable[[Call], Call]:
    """Misspell a field."""

    def change(call: Call) -> Call:
        said = call.form if call.form is not None else call.body or {}
        return _changed(call, {new if name == old else name: value for name, value in said.items()})

    return change


def bend(name: str, how: Callable[[Any], Any]) -> Callable[[Call], Call]:
    """Write a field's value in another way."""

    def change(call: Call) -> Call:
        said = call.form if call.form is not None else call.body or {}
        return _changed(call, {**said, name: how(said[name])} if name in said else said)

    return change


def drop(name: str) -> Callable[[Call], Call]:
    """Leave a field out."""

    def change(call: Call) -> Call:
        said = call.form if call.form is not None else call.body or {}
        return _changed(call, {other: value for other, value in said.items() if other != name})

    return change


def at(old: str, new: str) -> Callable[[Call], Call]:
    """Call another address."""
    return lambda call: dataclasses.replace(call, url=call.url.replace(old, new))
