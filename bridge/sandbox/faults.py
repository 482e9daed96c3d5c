"""Faults: what goes wrong with which call, armed through the control page or chosen by the amount's last digits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HANG_MAX_SECONDS = 120.0

KINDS: Mapping[str, str] = {
    "drop_before": "the connection is closed (FIN) and nothing is done",
    "rst_before": "the connection is reset (RST) and nothing is done",
    "hang_before": "nothing is done and nothing is answered, then the connection is closed",
    "5xx_before": "HTML with status 502, and nothing is done",
    "throttled": "status 429, and nothing is done",
    "redirect": "status 302 to another host, and nothing is done",
    "late": "done only after delay_seconds, then answered: the caller may be gone long before",
    "delay": "done at once, answered after delay_seconds",
    "hang": "done, never answered; closed after delay_seconds, at most 120",
    "drop_after": "done, then the connection is closed (FIN) without an answer",
    "rst_after": "done, then the connection is reset (RST) without an answer",
    "5xx_after": "done, then HTML with status 502",
    "garbage_after": "done, then a body that is no JSON, with status 200",
    "empty_after": "done, then an empty body with status 200",
    "half_after": "done, then half of the answer and the connection is closed",
    "drip_after": "done, then the answer at one byte a second",
    "huge_after": "done, then an answer of 2 MiB",
    "loose_types_after": "done, then an answer whose code is a number and whose amounts are texts",
    "decline": "refused with `code` and `message`",
    "wrong_amount": "another amount is captured, and answered",
    "cross_wired": "done, but the answer names another order",
    "duplicate": "the request arrives twice; the caller sees the second answer",
    "duplicate_unseen": "the request arrives twice; the caller sees the first answer",
    "notice_thrice": "the notice is sent three times",
    "notice_first": "the notice is sent before the call is answered",
    "notice_lost": "the notice is never sent",
    "notice_late": "the notice is sent after delay_seconds",
    "forged_token": "the window returns with a token the gateway never issued",
}

# A refusal stays a refusal however often it is asked; an interruption by amount strikes once per payment and operation,
# so that whoever tries again by hand sees the recovery too.
_LASTING = frozenset({"decline", "wrong_amount"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. `delay_seconds` for the kinds that wait; `code` and `message` for a refusal."""

    kind: str
    delay_seconds: float = 10.0
    code: str = ""
    message: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"There is no fault {self.kind!r}; there are {', '.join(KINDS)}.")


@dataclass(frozen=True, slots=True)
class ByAmount:
    """A fault that an amount's last two digits choose, and the operations it strikes."""

    ops: tuple[str, ...]
    fault: Fault


@dataclass(slots=True)
class Armed:
    """A fault waiting for its call; `times` None means for ever, `merchant_ref` empty means any order."""

    gateway: str
    op: str
    fault: Fault
    times: int | None = 1
    merchant_ref: str = ""
    struck: int = 0

    def as_json(self) -> dict[str, Any]:
        """Give the armed fault as JSON."""
        return {
            "gateway": self.gateway,
            "op": self.op,
            "kind": self.fault.kind,
            "times": self.times,
            "delay_seconds": self.fault.delay_seconds,
            "merchant_ref": self.merchant_ref,
            "code": self.fault.code,
            "struck": self.struck,
        }


@dataclass(slots=True)
class Faults:
    """All armed faults and each gateway's table of amounts."""

    armed: list[Armed] = field(default_factory=list)
    by_amount: dict[str, Mapping[int, ByAmount]] = field(default_factory=dict)
    amounts_choose: bool = True
    _struck: set[tuple[str, str, str]] = field(default_factory=set)

    def arm(self, fault: Armed) -> None:
        """Let a fault wait for its call."""
        self.armed.append(fault)

    def pick(self, gateway: str, op: str, merchant_ref: str, amount: int) -> Fault | None:
        """Choose what goes wrong with this call, about this order of the shop's; `amount` in KRW."""
        for armed in self.armed:
            if (armed.gateway, armed.op) == (gateway, op) and armed.merchant_ref in ("", merchant_ref):
                armed.struck += 1
                if armed.times is not None and armed.struck >= armed.times:
                    self.armed.remove(armed)
                return armed.fault
        return self._by_amount(gateway, op, merchant_ref, amount) if self.amounts_choose else None

    def _by_amount(self, gateway: str, op: str, merchant_ref: str, amount: int) -> Fault | None:
        chosen = self.by_amount.get(gateway, {}).get(amount % 100)
        if chosen is None or op not in chosen.ops:
            return None
        if chosen.fault.kind not in _LASTING:
            key = (gateway, op, merchant_ref)
            if key in self._struck:
                return None
            self._struck.add(key)
        return chosen.fault

    def clear(self) -> None:
        """Disarm everything; the tables of amounts stay."""
        self.armed.clear()
        self._struck.clear()
        self.amounts_choose = True
