"""Welcome's escrow (에스크로): the delivery, the buyer's yes or no, the state. (PAYAPI 6; mobile 9)"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from bridge.domain.exchange import Exchange, Stamp
from bridge.domain.failures import Malformed
from bridge.domain.gateway import Refused, Unknown
from bridge.domain.payment import Method, Payment
from bridge.domain.reasons import Reason
from bridge.domain.services import DECIDED, UNHEARD, EscrowField, EscrowShown, EscrowStep, check_fields
from bridge.gateways.welcome import codes
from bridge.gateways.welcome.talk import Talk, read

IN_ESCROW = "&useescrow=Y"
METHODS = (Method.CARD, Method.ACCOUNT, Method.VIRTUAL_ACCOUNT)
"""What a buyer may pay into an escrow with. (mobile 9.1)"""
DELIVERY = (
    EscrowField("report", "등록 또는 변경", "New or changed", {"I": "등록", "U": "변경"}),
    EscrowField("exCode", "택배사", "Courier", codes.COURIERS),
    EscrowField("invoice", "송장번호", "Invoice number"),
    EscrowField("invoiceDay", "발송일 (예: 20261128)", "Day sent, such as 20261128"),
    EscrowField("charge", "배송비", "Paid by", {"S": "보내는 쪽이 냄", "B": "받는 쪽이 냄"}),
    EscrowField("registName", "등록하는 사람", "Registered by"),
    EscrowField("sendName", "보내는 사람", "Sender"),
    EscrowField("sendTel", "보내는 사람 전화", "Sender's telephone"),
    EscrowField("sendPost", "보내는 곳 우편번호", "Sender's postal code"),
    EscrowField("sendAddr1", "보내는 곳 주소", "Sender's address"),
    EscrowField("sendAddr2", "보내는 곳 상세 주소", "Sender's address, second line"),
    EscrowField("recvName", "받는 사람", "Recipient"),
    EscrowField("recvTel", "받는 사람 전화", "Recipient's telephone"),
    EscrowField("recvPost", "받는 곳 우편번호", "Recipient's postal code"),
    EscrowField("recvAddr", "받는 곳 주소", "Recipient's address"),
)
"""What a delivery is registered with (6.1); of its other fields the payment and the settings tell."""
SERIAL = "1"
"""soid: which of an order's deliveries it is. There is one."""
BUYER = EscrowField("buyName", "처리하는 사람", "Decided by", is_buyer=True)
STEPS: Mapping[str, tuple[EscrowField, ...]] = {
    "status": (),
    "delivery": DELIVERY,
    "confirm": (BUYER,),
    "deny": (
        BUYER,
        EscrowField("refundName", "환불 계좌 예금주", "Holder of the account for the refund"),
        EscrowField("denyMsg", "구매를 거절하는 이유", "Why the purchase is denied", needed=False),
        EscrowField("refundBankCode", "환불 은행", "Bank of the refund", codes.BANKS, needed=False),
        EscrowField("refundAccount", "환불 계좌번호", "Account for the refund", needed=False),
    ),
}
PATHS = {"delivery": "delivery", "confirm": "buyconfirm", "deny": "buydeny", "status": "checkstatus"}
POSTCODES = ("sendPost", "recvPost")
"""Without separators (구분자없이)."""


class Escrow(Talk):
    """Asks about a payment's escrow, and reports to it. None of its calls may move money."""

    def escrow_steps(self, payment: Payment) -> Mapping[str, tuple[EscrowField, ...]]:
        """Name the steps, for a payment whose window was in escrow and whose number is known: each names it so."""
        return STEPS if payment.escrow and payment.refs.get("tid") else {}

    def opens_in_escrow(self, payment: Payment) -> bool:
        """Tell whether a payment's window is to be in escrow: that stays so, whatever the setting becomes."""
        return self.settings.in_escrow and payment.method in METHODS

    def check_escrow_step(self, step: EscrowStep) -> None:
        """Refuse fields that a step has not, and 구매거절 확인: no page says whether that gives the money back.

        Raises Malformed.
        """
        if "dcnfName" in step.fields:
            raise Malformed(
                "That a denial was seen (denyconfirm) may give the whole sum back, unseen by our books: "
                "do it in Welcome's own console.",
                message_ko="구매거절 확인은 돈이 돌아갈 수 있는 일이라 여기서 하지 않아요. "
                "웰컴페이먼츠 가맹점 관리자에서 해 주세요.",
            )
        check_fields(step, STEPS[step.step])

    def take_escrow_step(
        self, payment: Payment, step: EscrowStep, stamp: Stamp
    ) -> Exchange[EscrowShown | Refused | Unknown]:
        """Report the delivery, the buyer's yes or no, or ask for the state. What is ours nobody's fields override."""
        path, tid = PATHS[step.step], payment.refs.get("tid", "")
        fields = {field.name: step.fields.get(field.name, "") for field in STEPS[step.step]}
        fields |= {name: fields[name].replace("-", "").replace(" ", "") for name in POSTCODES if name in fields}
        own = {
            "delivery": {"tid": tid, "oid": payment.merchant_ref, "soid": SERIAL, "price": str(payment.amount)},
            "status": {"tid": tid},
        }.get(step.step, {"originalTid": tid})
        if step.step == "delivery":
            own["exName"] = codes.COURIERS.get(fields["exCode"], "")
        own["clientIp"] = self.settings.server_address
        call = self.call(f"escrow_{path}", f"/escrow/{path}", fields | own, [], stamp)
        answer = read((yield replace(call, once=step.step != "status")))
        if answer.code not in (codes.SUCCESS, codes.ESCROW_SUCCESS):
            told = _not_taken(step, answer.code, answer.message)
            if isinstance(told, Refused) and step.step in UNHEARD:
                return (yield from self._unless_taken(payment, step, told, stamp))
            return told
        if answer.text("noOid", payment.merchant_ref) != payment.merchant_ref:
            return Unknown("the state is another order's", answer.code, answer.message)
        state = answer.text("clStatus", "")
        shown = codes.ESCROW_STATES.get(state, state) or step.step
        given_back = step.step == "status" and state in codes.ESCROW_CANCELLED
        return EscrowShown(shown, answer.code, answer.message, _decided(step, state), given_back)

    def _unless_taken(
        self, payment: Payment, step: EscrowStep, no: Refused, stamp: Stamp
    ) -> Exchange[EscrowShown | Refused | Unknown]:
        """Believe a no to the buyer's word unless its state says that one was taken: a word that reached Welcome twice
        is refused because of itself, and one that comes behind another because of that."""
        fields = {"tid": payment.refs.get("tid", ""), "clientIp": self.settings.server_address}
        answer = read((yield self.call("escrow_checkstatus", "/escrow/checkstatus", fields, [], stamp)))
        state = answer.text("clStatus", "")
        if answer.text("noOid", payment.merchant_ref) != payment.merchant_ref:
            state = ""  # it is another order's
        if answer.code not in (codes.SUCCESS, codes.ESCROW_SUCCESS) or state not in codes.ESCROW_STATES:
            return Unknown(
                "the word was refused, and the state does not tell whether it was taken", no.code, no.message
            )
        decided = _decided(EscrowStep("status"), state)
        if decided in DECIDED:
            return EscrowShown(codes.ESCROW_STATES[state], no.code, no.message, decided)
        return no


def why_not_refunded(payment: Payment) -> str:
    """Say why a payment's money does not go back by a cancel any more; empty where it may.

    Of a decided purchase, or one that may be decided as our call had no answer, no page tells what a cancel does, and
    구매거절 확인 may give the money back by itself: of a deposit too, to the account that the buyer's denial names,
    which may be told on Welcome's own page, unheard by us.
    """
    unheard = "구매자의 답을 웰컴페이먼츠에 전했는데 답을 받지 못했어요. 에스크로 상태를 먼저 확인해 주세요."
    kept_deposit = payment.escrow == "kept" and payment.method is Method.VIRTUAL_ACCOUNT
    return {
        "kept": "에스크로로 받은 가상계좌 입금이에요. 구매자가 구매를 거절하면 웰컴페이먼츠가 돌려줄 수 있으니 "
        "구매자의 계좌로 직접 보내지 말고, 웰컴페이먼츠 가맹점 관리자에서 처리해 주세요."
        if kept_deposit
        else "",
        "confirming": unheard,
        "denying": unheard,
        "confirmed": "구매자가 구매를 확정한 에스크로 결제라 웰컴페이먼츠 가맹점 관리자에서 취소해야 해요.",
        "denied": "구매자가 구매를 거절한 에스크로 결제라 웰컴페이먼츠 가맹점 관리자에서 거절을 확인해야 해요.",
    }.get(payment.escrow, "")


def _not_taken(step: EscrowStep, code: str, message: str) -> EscrowShown | Refused | Unknown:
    """Read a code that is no success: whether it refuses, or tells of an earlier yes, or leaves a buyer's word open."""
    if step.step not in UNHEARD:
        return Refused(codes.cancel_refusal(code) or Reason.GATEWAY, code, message)
    if code == codes.ESCROW_CONFIRMED:
        return EscrowShown(codes.ESCROW_STATES["3"], code, message, "confirmed")
    reason = codes.word_refusal(code)
    return Refused(reason, code, message) if reason else Unknown("the code proves no refusal", code, message)


def _decided(step: EscrowStep, state: str) -> Literal["", "kept", "confirmed", "denied"]:
    match step.step, state:
        case ("confirm", _) | ("status", "3"):
            return "confirmed"
        case ("deny", _) | ("status", "10"):
            return "denied"
        case ("status", "0"):
            return "kept"
    return ""
