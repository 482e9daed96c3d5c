"""A gateway of few lines with its own books: what really moved, and which answers get lost."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TELLER = "http://teller.test"
SECRET = "between-the-two-of-us"


@dataclass
class Trade:
    """One payment as the teller has it, in KRW."""

    ref: str
    number: str
    amount: int
    captured: int = 0
    withdrawn: bool = False
    refunds: list[int] = field(default_factory=list)

    @property
    def refunded(self) -> int:
        return sum(self.refunds)

    @property
    def net(self) -> int:
        return self.captured - self.refunded


class Teller:
    """Answers what the adapters of tests/support/tellers.py ask.

    `faults` names by operation what becomes of its next calls: lost_before and lost_after (HTTP 500, the second once
    all is done), hangs (never answers), late (500 now, and `let_late_arrive` does it), twice (done two times, answered
    once), or a code.
    """

    def __init__(self) -> None:
        self.trades: dict[str, Trade] = {}
        self.keys: set[str] = set()
        self.plans: dict[str, str] = {}
        self.escrow = "none"
        self.transfers: dict[str, str] = {}
        self.sent_to = ""
        self._pending = ("", 0)
        self.receipts: dict[str, dict[str, Any]] = {}
        self.staff: list[str] = []
        self.faults: dict[str, list[str]] = {}
        self.always: dict[str, str] = {}
        self.calls: Counter[str] = Counter()
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.shows_refunds = True
        self.takes_instead = 0
        self._late: list[Callable[[], object]] = []

    def app(self) -> Starlette:
        """Make the application at the teller's address."""
        return Starlette(routes=[Route("/{op}", self._answer, methods=["POST"])])

    def of(self, ref: str) -> Trade:
        """Give the trade with our reference."""
        return self.trades[ref]

    def fail(self, op: str, *kinds: str) -> None:
        """Let the next calls of an operation go wrong so."""
        self.faults.setdefault(op, []).extend(kinds)

    def let_late_arrive(self) -> None:
        """Let the requests that lay in the network arrive."""
        late, self._late = self._late, []
        for act in late:
            act()

    def capture(self, ref: str, amount: int | None = None) -> Trade:
        """Let the buyer pay in the teller's own window."""
        trade = self.trades[ref]
        assert not trade.withdrawn, "a withdrawn request takes no money"
        trade.captured += trade.amount if amount is None else amount
        return trade

    async def _answer(self, request: Request) -> Response:
        op, said = request.path_params["op"], json.loads(await request.body())
        self.calls[op] += 1
        self.asked.append((op, said))
        kinds = self.faults.get(op, [])
        kind = kinds.pop(0) if kinds else self.always.get(op, "")
        if kind == "hangs":
            await asyncio.Event().wait()
        if kind == "lost_before":
            return Response("lost", 500)
        if kind == "late":
            self._late.append(lambda: getattr(self, f"_{op}")(said))
            return Response("lost", 500)
        if kind and kind not in ("lost_after", "twice"):
            return JSONResponse({"code": kind, "message": "그렇게 안 돼요"})
        answer = getattr(self, f"_{op}")(said)
        if kind == "twice":
            getattr(self, f"_{op}")(said)
        return Response("lost", 500) if kind == "lost_after" else JSONResponse(answer)

    def _open(self, said: dict[str, Any]) -> dict[str, Any]:
        trade = Trade(said["ref"], f"T{len(self.trades) + 1:06d}", said["amount"])
        self.trades[trade.ref] = trade
        return {"code": "ok", "number": trade.number}

    def _vouch(self, said: dict[str, Any]) -> dict[str, Any]:
        return {"code": "ok", "token": f"token-of-{said['ref']}"}

    def _approve(self, said: dict[str, Any]) -> dict[str, Any]:
        trade = self.trades[said["ref"]]
        if trade.captured or trade.withdrawn:
            return {"code": "duplicate"}
        trade.captured = self.takes_instead or said["amount"]
        return {"code": "ok", "amount": trade.captured, "number": trade.number}

    def _inquire(self, said: dict[str, Any]) -> dict[str, Any]:
        trade = self.trades.get(said["ref"])
        if trade is None or not trade.captured:
            return {"code": "absent"}
        shown = {"code": "ok", "captured": trade.captured, "number": trade.number}
        return shown | ({"refunded": trade.refunded} if self.shows_refunds else {})

    def _key_open(self, said: dict[str, Any]) -> dict[str, Any]:
        return {"code": "ok", "number": f"K{said['ref']}"}

    def _key_issue(self, said: dict[str, Any]) -> dict[str, Any]:
        if said["amount"]:
            self.trades[said["ref"]] = Trade(said["ref"], f"K{said['ref']}", said["amount"], captured=said["amount"])
        key = f"key-of-{said['customer']}"
        self.keys.add(key)
        return {"code": "ok", "key": key, "amount": said["amount"], "number": f"K{said['ref']}"}

    def _charge(self, said: dict[str, Any]) -> dict[str, Any]:
        if said["key"] not in self.keys:
            return {"code": "declined", "message": "등록된 카드가 없어요"}
        return self._key_in(said)

    def _key_in(self, said: dict[str, Any]) -> dict[str, Any]:
        if said["ref"] in self.trades:
            return {"code": "duplicate"}
        trade = Trade(said["ref"], f"T{len(self.trades) + 1:06d}", said["amount"], captured=said["amount"])
        self.trades[trade.ref] = trade
        return {"code": "ok", "amount": trade.captured, "number": trade.number}

    def _account(self, said: dict[str, Any]) -> dict[str, Any]:
        trade = Trade(said["ref"], f"V{len(self.trades) + 1:06d}", said["amount"])
        self.trades[trade.ref] = trade
        return {"code": "ok", "number": trade.number, "account": f"{said['bank']}-1001"}

    def _account_void(self, said: dict[str, Any]) -> dict[str, Any]:
        trade = self.trades[said["ref"]]
        if trade.captured:
            return {"code": "deposited", "message": "입금된 계좌예요"}
        trade.withdrawn = True
        return {"code": "ok"}

    def _transfer(self, said: dict[str, Any]) -> dict[str, Any]:
        self.transfers[said["transfer"]] = "registered"
        self.sent_to = said["card"]
        self._pending = (said["ref"], said["amount"])
        return {"code": "ok", "number": said["transfer"]}

    def _transfer_status(self, said: dict[str, Any]) -> dict[str, Any]:
        return {"code": "ok", "state": self.transfers[said["transfer"]]}

    def _transfer_search(self, said: dict[str, Any]) -> dict[str, Any]:
        state = self.transfers.get(said["transfer"])
        return {"code": "ok", "state": state} if state else {"code": "absent"}

    def _transfer_cancel(self, said: dict[str, Any]) -> dict[str, Any]:
        if self.transfers[said["transfer"]] != "registered":
            return {"code": "no", "message": "이미 이체했어요"}
        self.transfers[said["transfer"]] = "cancelled"
        return {"code": "ok"}

    def make_transfer(self, state: str = "done") -> None:
        """Let the transfer that waits be made, or fail."""
        waiting = [name for name, one in self.transfers.items() if one == "registered"]
        self.transfers |= dict.fromkeys(waiting, state)
        ref, amount = self._pending
        if state == "done":
            self.trades[ref].refunds.append(amount)

    def _card_kind(self, said: dict[str, Any]) -> dict[str, Any]:
        return {"code": "ok", "issuer": "04"} if said["prefix"].startswith("4") else {"code": "absent"}

    def _escrow(self, said: dict[str, Any]) -> dict[str, Any]:
        if said["step"] != "status":
            self.escrow = said["step"]
        return {"code": "ok", "state": self.escrow, "message": said["fields"].get("courier", "")}

    def _admin(self, said: dict[str, Any]) -> dict[str, Any]:
        name = said["fields"].get("userid", "")
        if said["name"] == "enrol":
            if name in self.staff:
                return {"code": "taken", "message": f"{name} 님은 이미 있어요"}
            self.staff.append(name)
        return {"code": "ok", "known": name}

    def _plan(self, said: dict[str, Any]) -> dict[str, Any]:
        self.plans[f"P{said['ref']}"] = "waiting"
        return {"code": "ok", "plan": f"P{said['ref']}"}

    def _plan_change(self, said: dict[str, Any]) -> dict[str, Any]:
        if self.plans[said["plan"]] == said["becomes"]:
            return {"code": "no", "message": "이미 그런 상태예요"}
        self.plans[said["plan"]] = said["becomes"]
        return {"code": "ok"}

    def _receipt(self, said: dict[str, Any]) -> dict[str, Any]:
        self.receipts[said["ref"]] = said
        return {"code": "ok", "number": f"C{len(self.receipts):08d}"}

    def _receipt_cancel(self, said: dict[str, Any]) -> dict[str, Any]:
        known = self.receipts.pop(said["ref"], None)
        return {"code": "ok" if known else "no"}

    def _key_delete(self, said: dict[str, Any]) -> dict[str, Any]:
        known = said["key"] in self.keys
        self.keys.discard(said["key"])
        return {"code": "ok" if known else "gone"}

    def _undo(self, said: dict[str, Any]) -> dict[str, Any]:
        trade = self.trades.get(said["ref"])
        if trade is None or not trade.captured:
            return {"code": "nothing"}
        if trade.net:
            trade.refunds.append(trade.net)
        return {"code": "ok"}

    def _refund(self, said: dict[str, Any]) -> dict[str, Any]:
        trade = self.trades[said["ref"]]
        if said["full"] and trade.captured and not trade.net:
            return {"code": "already"}
        if said["amount"] > trade.net:
            return {"code": "too_much", "message": "취소할 금액이 남지 않았어요"}
        trade.refunds.append(said["amount"])
        return {"code": "ok", "number": f"R{trade.number}-{len(trade.refunds)}"}

    def _probe(self, said: dict[str, Any]) -> dict[str, Any]:
        trade = self.trades[said["ref"]]
        if trade.captured:
            return {"code": "not_cancellable"}
        trade.withdrawn = True
        return {"code": "ok"}
