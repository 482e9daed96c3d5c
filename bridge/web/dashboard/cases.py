"""What only a person may decide, with the evidence there is; one proposes here, another confirms."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from bridge.domain.exchange import KST
from bridge.domain.failures import (
    AmountRefused,
    CallerError,
    DepositAwaited,
    LoginRefused,
    Malformed,
    NeedsAnother,
    NotFound,
    OwnNumber,
    TooEarly,
    TooMany,
)
from bridge.domain.payment import parse_amount
from bridge.flows.decide_case import Wish, confirm, propose, reject
from bridge.flows.log_in import prove
from bridge.flows.show_cases import case_json, cursor_after, read_cursor
from bridge.flows.two_people import may_be_both, operator_actor
from bridge.ledger import cases
from bridge.ledger.ledger import Row, Turn
from bridge.web.dashboard.access import HOME, Visit
from bridge.web.dashboard.timeline import Books, read_books
from bridge.web.errors import answer_of
from bridge.web.pages import base_path

PAGE = 50
CALLS_SHOWN = 4
SAID: dict[type[CallerError], tuple[str, str]] = {
    Malformed: (
        "관리자 화면에서 본 것을 10자 이상으로 적어 주세요.",
        "Say what you saw in the console, in 10 characters or more.",
    ),
    AmountRefused: (
        "금액을 1원 이상의 정수로, 있는 돈까지만 적어 주세요.",
        "The amount is a whole number of KRW, and no more than there is.",
    ),
    OwnNumber: (
        "적은 번호는 이 결제의 번호이고 그 돈은 장부에 있어요. 같은 돈이라면 장부가 맞다고 답해 주세요.",
        "The number is this payment's own, and its money is in the books: if it is the same, say the books are right.",
    ),
    DepositAwaited: (
        "아직 입금을 기다리는 계좌예요. 늦게 알려 올 그 입금일 수 있으니 이 건에 적힌 금액까지만 적어 주세요.",
        "The account still waits for its deposit, whose notice may be late: name at most what this case tells of.",
    ),
    TooEarly: (
        "보낸 요청이 결제사에 아직 닿을 수 있어요.",
        "What was sent to the gateway may still arrive there.",
    ),
    NeedsAnother: (
        "다른 운영자가 확인해야 해요.",
        "Another operator must confirm this.",
    ),
    LoginRefused: ("비밀번호가 맞지 않아요.", "The password is wrong."),
    TooMany: ("비밀번호를 여러 번 틀렸어요. 잠시 뒤에 다시 해 주세요.", "Too many wrong passwords; wait a moment."),
    CallerError: ("그 사이 내용이 바뀌었어요. 아래를 다시 확인해 주세요.", "It changed meanwhile; look at it again."),
}
STATES = {
    "confirmed": ("확인됨", "confirmed"),
    "rejected": ("반려됨", "rejected"),
    "overtaken": ("새 증거로 없어짐", "overtaken by evidence"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A case with its payment's books, and how it is shown to everybody; `both`: who looks may have proposed it too."""

    case: Row
    books: Books
    shown: Mapping[str, Any] = field(default_factory=dict)
    both: bool = False

    @property
    def maker(self) -> str:
        """Who made the open proposal, if there is one."""
        return str((self.shown["proposal"] or {}).get("maker", ""))

    @property
    def last_calls(self) -> list[Row]:
        """The last conversations with the gateway, newest first."""
        return self.books.calls[: -CALLS_SHOWN - 1 : -1]


async def show_cases(visit: Visit) -> Response:
    """Show a page of the open cases of all sites, oldest first, and how many there are. Raises Malformed."""
    cursor = visit.request.query_params.get("cursor", "")
    after = read_cursor(cursor)

    def look(turn: Turn) -> tuple[list[Shown], str, int]:
        rows = cases.open_cases(turn, None, PAGE + 1, after)
        more = cursor_after(rows[PAGE - 1]) if len(rows) > PAGE else ""
        return [_shown(turn, row) for row in rows[:PAGE]], more, cases.count_open(turn)

    opened, more, many = await visit.context.ledger.read(look)
    following = urlencode({"cursor": more}) if more else ""
    return visit.show("cases.html", opened=opened, many=many, cursor=cursor, next_query=following)


async def show_case(visit: Visit) -> Response:
    """Show a case and the form of what may be done now. Raises NotFound."""
    return await _page(visit)


async def act_on_case(visit: Visit) -> Response:
    """Propose, confirm or reject; a no is said above the form, with what was typed."""
    try:
        await _act(visit)
    except NotFound:
        raise
    except CallerError as error:
        return await _page(visit, error)
    address = f"{base_path(visit.context)}{HOME}/cases/{visit.request.path_params['case']}"
    return RedirectResponse(address, 303, headers={"Cache-Control": "no-store"})


async def _act(visit: Visit) -> None:
    actor, form, case = visit.acting(), visit.form, visit.request.path_params["case"]
    action, proposal, remark = form.get("action", ""), form.get("proposal", ""), form.get("remark", "")
    if action == "propose":
        amount = parse_amount(form["amount"]) if form.get("amount") else None
        wish = Wish(case, form.get("decision", ""), form.get("evidence", ""), actor, amount)
        await propose(visit.context, wish)
    elif action == "confirm":
        await prove(visit.context, visit.attempt(form.get("password", "")))
        await confirm(visit.context, case, proposal, operator=visit.session.operator.name, remark=remark)
    elif action == "reject":
        await reject(visit.context, case, proposal, who=actor, remark=remark)
    else:
        raise Malformed("A case is proposed, confirmed or rejected.")


async def _page(visit: Visit, error: CallerError | None = None) -> Response:
    wanted, sites = visit.request.path_params["case"], {site.id for site in visit.sites}

    def look(turn: Turn) -> Shown:
        row = cases.get(turn, wanted)
        if row is None or row["site"] not in sites:
            raise NotFound("There is no such case.")
        shown = _shown(turn, row)
        return replace(shown, both=may_be_both(turn, shown.maker, visit.session.operator.name))

    one = await visit.context.ledger.read(look)
    await visit.note_look("case", wanted)
    korean = visit.lang == "ko"
    return visit.show(
        "case.html",
        status=200 if error is None else answer_of(error)[0],
        one=one,
        own=one.maker == operator_actor(visit.session.operator.name),
        may_act=visit.session.operator.role == "operator",
        may_alone=visit.context.settings.lone_operator_confirms,
        said=_sentence(error, korean=korean) if error is not None else "",
        typed={name: visit.form.get(name, "") for name in ("decision", "amount", "evidence")},
        states={state: said[0 if korean else 1] for state, said in STATES.items()},
    )


def _shown(turn: Turn, row: Row) -> Shown:
    empty: dict[str, Any] = dict.fromkeys(("proposal", "history", "resolution", "advice"))
    shown = empty | case_json(turn, row)
    return Shown(row, read_books(turn, row["site"], row["payment"]), shown)


def _sentence(error: CallerError, *, korean: bool) -> str:
    said = next(SAID[kind] for kind in type(error).__mro__ if kind in SAID)
    not_before = error.extra.get("not_before", "")
    if not not_before:
        return said[0 if korean else 1]
    at = datetime.fromisoformat(str(not_before)).astimezone(KST)
    if isinstance(error, TooEarly):
        when = f"{at:%Y-%m-%d %H:%M:%S}"
        if korean:
            return f"{said[0]} {when} 뒤에 관리자 화면을 다시 보고 답해 주세요."
        return f"{said[1]} Look in its console again after {when} (Korea), and decide by what it shows then."
    when = f"{at:%Y-%m-%d %H:%M}"
    if korean:
        return f"{said[0]} 그러지 않으면 이 계정으로는 {when} 뒤에 확인할 수 있어요."
    return f"{said[1]} Otherwise this account may after {when} (Korea)."
