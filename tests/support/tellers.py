"""Adapters for the teller, one of each kind of gateway: what they can is what they inherit."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from typing import Any, Literal

from bridge.domain.billing import BillingKey, CardEntry, Issued, KeyOrder, PlanMade, PlanOrder
from bridge.domain.card_owner import lacking_of_owner
from bridge.domain.exchange import Call, Exchange, Stamp
from bridge.domain.failures import NotGenuine, Unreadable
from bridge.domain.forms import parse_form
from bridge.domain.gateway import (
    Absent,
    Accepted,
    Ack,
    Allowed,
    ByHand,
    Circumstantial,
    CodeName,
    Declined,
    Done,
    Never,
    NothingThere,
    Notice,
    Paid,
    PerhapsPaid,
    Redirect,
    RefundRule,
    Refused,
    Return,
    Script,
    Seen,
    SharedValue,
    Undone,
    Unknown,
    Unpaid,
    Urls,
    Waiting,
    WindowPass,
)
from bridge.domain.machine import State
from bridge.domain.merchant_commands import AdminAnswer, AdminCommand, AdminField
from bridge.domain.payment import Account, Buyer, Device, Method, Mode, Order, Payment, RefundOrder
from bridge.domain.reasons import Reason
from bridge.domain.services import (
    CardKind,
    EscrowField,
    EscrowShown,
    EscrowStep,
    ReceiptIssued,
    ReceiptOrder,
    TransferShown,
    check_fields,
)
from tests.support.teller import SECRET, TELLER


@dataclass(frozen=True)
class Counter:
    """What every kind has: a window of the teller's, and refunds."""

    name: str = "teller"
    title: str = "텔러"
    methods: tuple[Method, ...] = (Method.CARD, Method.PHONE, Method.ACCOUNT, Method.VIRTUAL_ACCOUNT)
    hosts: frozenset[str] = frozenset({TELLER})
    deadline_seconds: float = 40.0
    human_after_seconds: float = 360.0
    least: int = 1_000
    offered_months_max: int = 36
    key_methods: tuple[Method, ...] = (Method.CARD, Method.PHONE)

    def smallest(self, method: Method) -> int:
        return self.least

    def open_window(self, payment: Payment, order: Order, urls: Urls, stamp: Stamp) -> Exchange[Any]:
        said = yield from self.ask("open", payment, amount=payment.amount)
        if said["code"] != "ok":
            return Declined(Reason.BAD_REQUEST, said["code"], said.get("message", ""))
        return Redirect(f"{TELLER}/window?ref={payment.merchant_ref}", {"number": said["number"]})

    def read_return(self, form: Mapping[str, str]) -> Return:
        if not form.get("number"):
            raise Unreadable("The return names no number.")
        refused = Declined(Reason.DECLINED, form["no"], "취소했어요") if form.get("no") else None
        return Return({"number": form["number"]}, refused)

    def refund(self, payment: Payment, refund: RefundOrder, stamp: Stamp) -> Exchange[Any]:
        said = yield from self.ask("refund", payment, moves=True, amount=refund.amount, full=refund.full)
        code, message = said["code"], said.get("message", "")
        if code == "ok":
            return Done({"refund_number": said["number"]})
        if code == "already" and refund.full:
            return Done(already=True)
        if code == "taken_in":
            return Accepted()
        if code == "too_much":
            return Refused(Reason.AMOUNT, code, message)
        return Unknown("the refund was answered with a code that proves nothing", code, message)

    def refund_rule(self, payment: Payment, stamp: Stamp) -> RefundRule:
        if payment.state not in (State.PAID, State.PART_REFUNDED):
            return Never("돌려드릴 돈이 없어요.")
        return Allowed(payment.left, partial=True)

    def codes(self, kind: str) -> tuple[CodeName, ...]:
        return ()

    def ask(self, op: str, payment: Payment, *, moves: bool = False, **fields: Any) -> Exchange[dict[str, Any]]:
        return (yield from self.send(op, payment.merchant_ref, moves=moves, **fields))

    def send(
        self, op: str, ref: str, *, moves: bool = False, once: bool = False, **fields: Any
    ) -> Exchange[dict[str, Any]]:
        body, secrets = {"ref": ref} | fields, frozenset({"key", "card", "expires"})
        url = f"{next(iter(self.hosts))}/{op}"
        reply = yield Call(op, "POST", url, body=body, moves_money=moves, once=once, secrets=secrets)
        reply.json_fields()
        said: dict[str, Any] = json.loads(reply.body)
        return said


class Approving(Counter):
    """Money moves by our call."""

    def approve(self, payment: Payment, returned: Return, stamp: Stamp) -> Exchange[Any]:
        said = yield from self.ask("approve", payment, moves=True, amount=payment.amount)
        code, message = said["code"], said.get("message", "")
        if code == "ok":
            return Paid(said["amount"], payment.refs | {"number": said["number"]})
        if code == "declined":
            return Declined(Reason.LIMIT, code, message)
        return Unknown("approve was answered with a code that proves nothing", code, message, code == "odd")


class Inquiring(Counter):
    """It can be asked."""

    def inquire(self, payment: Payment, stamp: Stamp) -> Exchange[Any]:
        said = yield from self.ask("inquire", payment)
        if said["code"] == "absent":
            return Absent()
        if said["code"] != "ok":
            return Unknown("the inquiry was answered with a code that proves nothing", said["code"])
        return Seen(said["captured"], said.get("refunded"), {"number": said["number"]})


class Undoing(Counter):
    """It takes back by our reference."""

    def undo(self, payment: Payment, returned: Return, sent: Stamp, stamp: Stamp) -> Exchange[Any]:
        said = yield from self.ask("undo", payment, moves=True)
        if said["code"] == "ok":
            return Undone()
        return NothingThere() if said["code"] == "nothing" else Unknown("undo proves nothing", said["code"])


class Probing(Counter):
    """Its request can be withdrawn as long as nobody has paid it."""

    request_number = "number"

    def was_requested(self, payment: Payment) -> bool:
        return bool(payment.refs.get("number"))

    def probe_unpaid(self, payment: Payment, stamp: Stamp) -> Exchange[Any]:
        said = yield from self.ask("probe", payment)
        if said["code"] == "ok":
            return Unpaid()
        if said["code"] == "not_cancellable":
            return PerhapsPaid(said["code"], said.get("message", ""))
        return Unknown("the probe was answered with a code that proves nothing", said["code"])

    def read_return(self, form: Mapping[str, str]) -> Return:
        return Return({})


class Telling(Counter):
    """It sends notices: with the shared secret, or without any proof."""

    notice_kinds = ("feedback",)
    signed = True

    def read_notice(self, raw: bytes, kind: str) -> Notice:
        form = parse_form(raw)
        if self.signed and form.get("secret") != SECRET:
            raise NotGenuine("The notice does not carry the secret.")
        readings = tuple(int(part) for part in form.get("readings", "").split() if part)
        return Notice(
            event=form["event"],
            dedupe=hashlib.sha256(raw).hexdigest()[:32],
            merchant_ref=form.get("ref", ""),
            amount=int(form.get("amount", "0")),
            proof=SharedValue() if self.signed else Circumstantial("nothing"),
            refs={"refund_number": form["refund_number"]} if form.get("refund_number") else {},
            currency=form.get("currency", "KRW"),
            binding={"number": form["number"]} if form.get("number") else {},
            readings=readings,
            left=int(form["left"]) if "left" in form else None,
            account={"number": "110-1", "bank": "04"} if form["event"] == "issued" else {},
            foreign=form.get("route") == "common",
            round=form.get("round", ""),
            plan=form.get("plan", ""),
            code=form.get("code", ""),
            message=form.get("message", ""),
        )

    def acknowledge(self, raw: bytes, kind: str) -> Ack:
        return Ack("SUCCESS", "text/plain")

    def allows_source(self, address: str) -> bool:
        return True


class Hinting(Telling):
    """Its notices carry no proof."""

    signed = False


WINDOW = Script(
    scripts=(f"{TELLER}/pay.js",),
    function="Teller.open",
    fields={},
    origins=(TELLER,),
    argument="object",
    callback="done",
    functions={"teller_closed": "close"},
)


class Scripted(Counter):
    """Its window is opened by its script, which asks us for a token first."""

    def open_window(self, payment: Payment, order: Order, urls: Urls, stamp: Stamp) -> Exchange[Any]:
        said = yield from self.ask("open", payment, amount=payment.amount)
        fields = {"ordNo": payment.merchant_ref, "buyer": order.buyer.name, "auth": urls.auth, "back": urls.approval}
        fields["number"] = said["number"]
        return replace(WINDOW, fields=fields, refs={"number": said["number"]})

    def vouch(self, payment: Payment, form: Mapping[str, str], stamp: Stamp) -> Exchange[Any]:
        said = yield from self.ask("vouch", payment)
        if said["code"] != "ok":
            return Declined(Reason.MERCHANT, said["code"], said["message"])
        return WindowPass({"result": "success", "AuthKey": said["token"]}, {"auth_key": said["token"]})


class Billing(Counter):
    """It issues billing keys in its window, for a card or a phone, charges them and deletes them."""

    def open_key_window(self, order: KeyOrder, urls: Urls, stamp: Stamp) -> Exchange[Any]:
        said = yield from self.send("key_open", order.ref)
        if said["code"] != "ok":
            return Declined(Reason.MERCHANT, said["code"], said["message"])
        return Redirect(f"{TELLER}/key?back={urls.approval}", {"number": said["number"]})

    def issue_key(self, order: KeyOrder, returned: Return, stamp: Stamp) -> Exchange[Any]:
        return (yield from self._issue(order, {}))

    def charge(self, payment: Payment, order: Order, key: BillingKey, urls: Urls, stamp: Stamp) -> Exchange[Any]:
        return (yield from self._pay("charge", payment, key=key.key))

    def delete_key(self, key: BillingKey, stamp: Stamp) -> Exchange[Any]:
        said = yield from self.send("key_delete", "", key=key.key)
        if said["code"] == "no":
            return Refused(Reason.MERCHANT, "no", "지금은 지울 수 없어요")
        return Done(already=said["code"] == "gone")

    def _issue(self, order: KeyOrder, card: dict[str, str]) -> Exchange[Any]:
        fields = {"customer": order.customer, "amount": order.amount} | card
        said = yield from self.send("key_issue", order.ref, moves=True, **fields)
        if said["code"] == "ok":
            paid = Paid(said["amount"], {"number": said["number"]}) if order.amount else None
            return Issued(said["key"], {"number": said["number"]}, {"name": "신한", "last4": "1234"}, paid)
        return Declined(Reason.DECLINED, said["code"], said["message"])

    def _pay(self, op: str, payment: Payment, **fields: Any) -> Exchange[Any]:
        said = yield from self.ask(op, payment, moves=True, amount=payment.amount, **fields)
        if said["code"] == "ok":
            return Paid(said["amount"], {"number": said["number"]})
        if said["code"] == "declined":
            return Declined(Reason.LIMIT, said["code"], said["message"])
        return Unknown("the charge was answered with a code that proves nothing", said["code"])


class TypedCards(Billing):
    """It takes cards typed on the site."""

    def issue_key_by_card(self, order: KeyOrder, card: CardEntry, stamp: Stamp) -> Exchange[Any]:
        return (yield from self._issue(order, {"card": card.number}))

    def key_in(self, payment: Payment, order: Order, card: CardEntry, stamp: Stamp) -> Exchange[Any]:
        return (yield from self._pay("key_in", payment, card=card.number, expires=card.expires))


class Receipting(Approving):
    """It issues cash receipts."""

    def issue_receipt(self, order: ReceiptOrder, stamp: Stamp) -> Exchange[Any]:
        said = yield from self.send(
            "receipt",
            order.ref,
            moves=True,
            amount=order.split.total,
            vat=order.split.vat,
            tax_free=order.split.tax_free,
            card=order.identity,
        )
        if said["code"] == "ok":
            return ReceiptIssued(said["number"], {"receipt": said["number"]}, f"{TELLER}/receipt")
        if said["code"] == "no":
            return Refused(Reason.BAD_REQUEST, "no", f"번호가 맞지 않아요: {order.identity}")
        return Unknown("the receipt was answered with a code that proves nothing", said["code"])

    def cancel_receipt(self, order: ReceiptOrder, issued: ReceiptIssued, stamp: Stamp) -> Exchange[Any]:
        said = yield from self.send("receipt_cancel", order.ref)
        if said["code"] == "no":
            return Refused(Reason.BAD_REQUEST, "no", f"취소 기간이 지났어요: {order.identity}")
        return Done()


class Planning(Probing, Telling):
    """It has recurring plans of its own, and tells of each round."""

    def register_plan(self, order: PlanOrder, urls: Urls, stamp: Stamp) -> Exchange[Any]:
        said = yield from self.send("plan", order.ref, amount=order.amount, back=urls.approval)
        if said["code"] != "ok":
            return Declined(Reason.MERCHANT, said["code"], said["message"])
        return PlanMade(said["plan"], f"{TELLER}/plan/{said['plan']}")

    def cancel_plan(self, plan: str, stamp: Stamp) -> Exchange[Any]:
        return (yield from self._change_plan(plan, "ended"))

    def stop_plan(self, plan: str, stamp: Stamp) -> Exchange[Any]:
        return (yield from self._change_plan(plan, "resting"))

    def start_plan(self, plan: str, stamp: Stamp) -> Exchange[Any]:
        return (yield from self._change_plan(plan, "active"))

    def _change_plan(self, plan: str, becomes: str) -> Exchange[Any]:
        said = yield from self.send("plan_change", "", once=True, plan=plan, becomes=becomes)
        return Done() if said["code"] == "ok" else Refused(Reason.MERCHANT, said["code"], said["message"])


class PlanningByScript(Planning):
    """Its buyers agree to a plan in a window that its script opens (as PayApp's)."""

    plans_by_script = True

    def plan_window(self, order: PlanOrder, urls: Urls) -> Script:
        return replace(WINDOW, fields={"plan": order.ref})


class Accounts(Telling, Approving, Undoing):
    """It issues accounts without a window, closes them, and refunds by transfer."""

    def issue_account(self, payment: Payment, order: Order, bank: str, due: datetime, stamp: Stamp) -> Exchange[Any]:
        said = yield from self.ask("account", payment, moves=True, amount=payment.amount, bank=bank)
        if said["code"] != "ok":
            return Declined(Reason.MERCHANT, said["code"], said["message"])
        return Waiting({"bank": bank, "number": said["account"]}, {"number": said["number"]}, due)

    def void_account(self, payment: Payment, stamp: Stamp) -> Exchange[Any]:
        said = yield from self.ask("account_void", payment, moves=True)
        if said["code"] == "ok":
            return Undone()
        if said["code"] == "deposited":
            return Refused(Reason.CANCEL_FAILED, said["code"], said["message"])
        return Unknown("closing the account proves nothing", said["code"])

    def refund_rule(self, payment: Payment, stamp: Stamp) -> RefundRule:
        return ByHand("구매자의 계좌로 보내 주세요.")

    def may_transfer(self, payment: Payment) -> bool:
        return True

    def register_transfer(
        self, payment: Payment, ref: str, amount: int, account: Account, stamp: Stamp
    ) -> Exchange[Any]:
        to = ":".join(part for part in astuple(account) if part)
        said = yield from self.ask("transfer", payment, moves=True, amount=amount, transfer=ref, card=to)
        if said["code"] == "ok":
            return Done({"transfer": said["number"]})
        if said["code"] == "no":
            return Refused(Reason.BAD_REQUEST, "no", said["message"])
        return Unknown("the transfer was answered with a code that proves nothing", said["code"])

    def show_transfer(self, payment: Payment, refs: Mapping[str, str], amount: int, stamp: Stamp) -> Exchange[Any]:
        said = yield from self.ask("transfer_status", payment, transfer=refs["transfer"])
        if said["code"] != "ok":
            return Unknown("the transfer's status proves nothing", said["code"])
        return TransferShown(said["state"], said["state"], "은행 답")

    def find_transfer(self, payment: Payment, ref: str, amount: int, sent: Stamp, stamp: Stamp) -> Exchange[Any]:
        said = yield from self.ask("transfer_search", payment, transfer=ref)
        if said["code"] == "absent":
            return Absent("absent")
        if said["code"] != "ok":
            return Unknown("the transfer's search proves nothing", said["code"])
        return TransferShown(said["state"], said["state"], "은행 답", {"transfer": ref})

    def cancel_transfer(self, payment: Payment, refs: Mapping[str, str], stamp: Stamp) -> Exchange[Any]:
        said = yield from self.ask("transfer_cancel", payment, moves=True, transfer=refs["transfer"])
        if said["code"] == "ok":
            return Done()
        if said["code"] == "no":
            return Refused(Reason.CANCEL_FAILED, said["code"], said["message"])
        return Unknown("the transfer's cancel proves nothing", said["code"])


_ESCROW = {
    "status": (),
    "delivery": (EscrowField("courier", "택배사", "Courier", {"EPOST": "우체국"}),),
    "confirm": (),
    "deny": (EscrowField("reason", "이유", "Why", needed=False),),
}


class Serving(Approving, Undoing):
    """It answers much besides payments."""

    admin_commands = (
        AdminCommand(
            "check", "아는 이름인지 확인", "tells whether a name is known", (AdminField("userid", "이름", "name"),)
        ),
        AdminCommand(
            "enrol",
            "직원 등록",
            "enrols a member of staff",
            (
                AdminField("userid", "이름", "name", needed=True, holds="person"),
                AdminField("pwd", "비밀번호", "password", needed=True, holds="secret"),
                AdminField("rank", "직급", "rank", choices={"1": ("직원", "staff"), "2": ("관리자", "administrator")}),
            ),
            changes=True,
        ),
    )

    def look_up_card(self, prefix: str, stamp: Stamp) -> Exchange[Any]:
        said = yield from self.send("card_kind", "", prefix=prefix)
        if said["code"] == "ok":
            return CardKind(said["issuer"], "현대카드", "credit")
        return Absent() if said["code"] == "absent" else Unknown("the look-up proves nothing", said["code"])

    def escrow_steps(self, payment: Payment) -> dict[str, tuple[EscrowField, ...]]:
        return {} if payment.method is Method.PHONE else _ESCROW

    def check_escrow_step(self, step: EscrowStep) -> None:
        check_fields(step, _ESCROW[step.step])

    def take_escrow_step(self, payment: Payment, step: EscrowStep, stamp: Stamp) -> Exchange[Any]:
        said = yield from self.ask("escrow", payment, step=step.step, fields=dict(step.fields))
        if said["code"] == "no":
            return Refused(Reason.BAD_REQUEST, "no", said["message"])
        told: dict[str, Literal["kept", "confirmed", "denied"]]
        told = {"kept": "kept", "confirm": "confirmed", "deny": "denied"}
        decided = told.get(said["state"], "")
        return EscrowShown(said["state"], said["code"], said["message"], decided, said["state"] == "cancelled")

    def administer(self, name: str, fields: Mapping[str, str], stamp: Stamp) -> Exchange[Any]:
        said = yield from self.send("admin", "", name=name, fields=dict(fields))
        known, message = {"known": said.get("known", "")}, said.get("message", "")
        return AdminAnswer(said["code"] == "ok", known, said["code"], message)

    def receipt_link(self, payment: Payment) -> str:
        return f"{TELLER}/slip/{payment.refs['number']}"


class Asked(Approving, Inquiring):
    """It approves and can be asked; nothing is taken back but by a refund (as Payple)."""


class AskedAndUndone(Approving, Inquiring, Undoing):
    """It approves, can be asked, and takes back by our reference (as Pay-Story)."""


class BillingUndone(Billing, Approving, Undoing):
    """It charges billing keys, and takes back by our reference."""


class TypedCardsTold(TypedCards, Probing, Telling):
    """It registers typed cards, and captures by itself in its window (as PayApp)."""


class BillingFirst(BillingUndone):
    """It charges a card's first payment by its registration, where that is asked for (as Payple)."""

    first_charge_methods = (Method.CARD,)


class TypedCardsUndone(TypedCards, Approving, Undoing):
    """It takes typed cards too."""


class TypedCardsInMonths(TypedCardsUndone):
    """It takes them in instalments, and cannot say what is free of tax (as Mainpay)."""

    instalment_months_max = 12
    taxes_whole = frozenset({"key_in"})


class TypedCardsOfKnown(TypedCardsUndone):
    """It must know the buyer's phone for what needs no window (as PayApp)."""

    def lacking(self, call: str, buyer: Buyer, card: CardEntry | None = None) -> tuple[str, str] | None:
        return None if buyer.phone else (f"Set buyer.phone to {call}.", "전화번호가 필요해요.")


class TypedCardsOfOwner(TypedCardsUndone):
    """It must know whose a card is that is registered (as Welcome with `billing_key` auth)."""

    def lacking(self, call: str, buyer: Buyer, card: CardEntry | None = None) -> tuple[str, str] | None:
        return lacking_of_owner(card, "Teller", "텔러") if card and call == "issue_key_by_card" else None


class AskedTaxedWhole(Approving, Inquiring):
    """Its window cannot be told what is free of tax (as Welcome's link)."""

    taxes_whole = frozenset({"open_window"})


class Unnamed(Accounts):
    """Its transfers cannot name the payment they would give back."""

    def may_transfer(self, payment: Payment) -> bool:
        return False


class AccountsTaxedWhole(Accounts):
    """Its accounts cannot say what is free of tax."""

    taxes_whole = frozenset({"issue_account"})


class AskedFromApps(Approving, Inquiring):
    """It must know the buyer's phone where the shop's own app opens its window (as PayApp)."""

    def lacking_for_window(self, device: Device, buyer: Buyer) -> tuple[str, str] | None:
        if device is not Device.APP or buyer.phone:
            return None
        return "Set teller.phone.", "앱에서는 전화번호가 필요해요."


class AskedByScript(Scripted, Approving, Inquiring):
    """As Payple in mode CERT, its window too."""


class KeysByScript(Scripted, Billing, Approving, Undoing):
    """Its script opens the window of a billing key too (as Payple's)."""

    def open_key_window(self, order: KeyOrder, urls: Urls, stamp: Stamp) -> Exchange[Any]:
        said = yield from self.send("key_open", order.ref)
        number = {"number": said["number"]}
        return replace(WINDOW, fields=number | {"back": urls.approval}, refs=number)


class AskedOnHint(Hinting, Approving, Inquiring):
    """It can be asked, and its notices make us ask."""


class AskedAndTold(Telling, Approving, Inquiring):
    """It can be asked, and its notices are proven (as Pay-Story)."""


class Mute(Approving):
    """Nothing can be asked, nothing taken back (as Welcome's billing)."""


class SelfTold(Probing, Telling):
    """It captures by itself and tells (as PayApp)."""


class SelfAsked(Hinting, Inquiring):
    """It captures by itself and can be asked (as Payple in mode PAY)."""


KINDS = {
    kind.__name__: kind
    for kind in (
        BillingUndone,
        TypedCardsTold,
        BillingFirst,
        Receipting,
        Serving,
        Accounts,
        Planning,
        TypedCardsUndone,
        TypedCardsInMonths,
        TypedCardsOfKnown,
        TypedCardsOfOwner,
        AccountsTaxedWhole,
        Unnamed,
        AskedTaxedWhole,
        Asked,
        AskedAndUndone,
        AskedFromApps,
        AskedByScript,
        KeysByScript,
        PlanningByScript,
        AskedOnHint,
        AskedAndTold,
        Mute,
        SelfTold,
        SelfAsked,
    )
}


def build(name: str, values: Mapping[str, str], mode: Mode) -> Counter:
    """Build a site's teller: `values["kind"]` says of which kind."""
    made = KINDS[values.get("kind", "Asked")]()
    methods = tuple(Method(word) for word in values.get("methods", "").split()) or made.methods
    hosts = frozenset({values.get("at", TELLER)})
    keys = tuple(Method(word) for word in values.get("keys", "card phone").split())
    least, months = int(values.get("least", "1000")), int(values.get("months", "36"))
    given = {"least": least, "methods": methods, "hosts": hosts, "key_methods": keys, "offered_months_max": months}
    return replace(made, name=name, title=f"텔러 {name}", **given)
