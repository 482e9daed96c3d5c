"""One table from failure to answer: status, title, and a Korean sentence that says what to do."""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bridge.domain import failures
from bridge.domain.failures import BridgeError
from bridge.web.pages import render

Handler = Callable[[Request, Exception], Awaitable[Response]]
log = structlog.get_logger("web")

TABLE: dict[type[BridgeError], tuple[int, str, str]] = {
    failures.Malformed: (
        400,
        "Malformed request",
        "요청이 올바르지 않아요. 페이지를 새로고침한 뒤 다시 시도해 주세요.",
    ),
    failures.TooLarge: (413, "Too large", "보낸 내용이 너무 커요."),
    failures.UnsupportedBody: (415, "Unsupported body", "보낸 형식을 읽을 수 없어요."),
    failures.BadSignature: (401, "Bad signature", "요청의 서명이 맞지 않아요. 사이트 연결 설정을 확인해 주세요."),
    failures.UnknownKey: (401, "Unknown key", "연결 키를 알 수 없어요. 사이트 연결을 다시 설정해 주세요."),
    failures.ClockSkew: (401, "Clock skew", "서버 시계가 맞지 않아요. 시계를 맞춘 뒤 다시 시도해 주세요."),
    failures.Replayed: (409, "Replayed", "이미 처리한 요청이에요."),
    failures.ClockBehind: (
        409,
        "Clock behind",
        "처리하지 않았어요. 다시 시도해 보고, 계속 안 되면 운영자에게 결제 서버의 시계를 확인해 달라고 하세요.",
    ),
    failures.KeyReused: (422, "Idempotency key reused", "같은 요청 번호가 다른 내용으로 왔어요. 새로고침해 주세요."),
    failures.InProgress: (409, "In progress", "처리하고 있어요. 잠시만 기다려 주세요."),
    failures.PendingOutcome: (
        409,
        "Pending outcome",
        "앞선 처리의 결과를 확인하고 있어요. 잠시 뒤 다시 시도해 주세요.",
    ),
    failures.OrderChanged: (409, "Order changed", "주문 내용이 바뀌었어요. 주문 페이지를 새로고침해 주세요."),
    failures.OrderTaken: (409, "Order taken", "이미 결제했거나 결제를 확인하고 있는 주문이에요."),
    failures.NotFound: (404, "Not found", "찾을 수 없어요."),
    failures.OwnNumber: (
        409,
        "Own number",
        "근거에 적은 번호는 이 결제의 번호이고 그 돈은 장부에 있어요. 같은 돈이라면 장부가 맞다고 답해 주세요.",
    ),
    failures.DepositAwaited: (
        409,
        "Deposit awaited",
        "아직 입금을 기다리는 계좌예요. 늦게 알려 올 그 입금일 수 있으니 이 건에 적힌 금액까지만 답해 주세요.",
    ),
    failures.TooEarly: (
        409,
        "Too early",
        "보낸 요청이 결제사에 아직 닿을 수 있어요. 2~3분 뒤에 관리자 화면을 다시 보고 답해 주세요.",
    ),
    failures.AmountRefused: (422, "Amount refused", "금액이 올바르지 않아요. 1원 이상의 정수로 입력해 주세요."),
    failures.AmountTooSmall: (422, "Amount too small", "이 결제 수단으로 결제할 수 있는 금액보다 적어요."),
    failures.NotNow: (409, "Not in this state", "지금 상태에서는 할 수 없어요."),
    failures.NeedsAnother: (403, "Needs another person", "다른 운영자가 확인해야 해요."),
    failures.RefundRefused: (422, "Refund refused", "이 금액은 환불할 수 없어요."),
    failures.TokenExpired: (410, "Token expired", "결제 시간이 지났어요. 주문 페이지에서 다시 시작해 주세요."),
    failures.TokenRefused: (400, "Token refused", "올바른 결제 주소가 아니에요. 주문 페이지에서 다시 시작해 주세요."),
    failures.TooMany: (429, "Too many requests", "요청이 너무 많아요. 잠시 뒤 다시 시도해 주세요."),
    failures.LoginRefused: (401, "Login refused", "이름이나 비밀번호가 맞지 않아요."),
    failures.GatewayOff: (
        503,
        "Gateway unavailable",
        "결제 창을 열지 못했어요. 돈은 빠져나가지 않았어요. 다시 시도해 주세요.",
    ),
    failures.Conflict: (409, "Conflict", "그 사이 내용이 바뀌었어요. 다시 확인해 주세요."),
    failures.Unreadable: (400, "Unreadable", "결제 창에서 온 내용을 읽을 수 없어요."),
    failures.NotGenuine: (400, "Not genuine", "이 결제의 내용이 아니에요."),
    failures.KeyTooOld: (
        409,
        "Idempotency key too old",
        "장부를 되살리기 전에 만든 요청이라 처리하지 않았어요. 결제 상태를 다시 확인한 뒤 새로 요청해 주세요.",
    ),
    failures.Reconciling: (
        503,
        "Reconciling",
        "결제 기록을 되살려 맞춰 보고 있어요. 이미 결제했다면 다시 결제하지 말고 잠시 기다려 주세요.",
    ),
    failures.Misconfigured: (503, "Misconfigured", "결제 설정에 문제가 있어요. 운영자에게 알려 주세요."),
    failures.OutcomeUnread: (
        503,
        "Outcome unread",
        "결제사에 보냈을 수 있는데 지금은 결과를 읽을 수 없어요. 다시 요청하지 말고 잠시 뒤 결제 상태를 확인해 주세요.",
    ),
    failures.Busy: (503, "Busy", "잠시 처리할 수 없어요. 아무것도 진행되지 않았으니 다시 시도해 주세요."),
    failures.LedgerHeld: (503, "Ledger held", "잠시 처리할 수 없어요. 다시 시도해 주세요."),
    failures.LedgerBroken: (503, "Ledger unavailable", "잠시 처리할 수 없어요. 다시 시도해 주세요."),
}


def answer_of(error: BridgeError) -> tuple[int, str, str]:
    """Find a failure's status, title and Korean sentence, by its class or the nearest above it."""
    for kind in type(error).__mro__:
        if kind in TABLE:
            return TABLE[kind]
    return 500, "Internal error", "문제가 생겼어요. 잠시 뒤 다시 시도해 주세요."


def korean_of(error: BridgeError) -> str:
    """Say a failure in Korean: in its own sentence where it has one, else in that of its kind."""
    return str(error.extra.get("message_ko") or answer_of(error)[2])


def problem_json(error: BridgeError) -> dict[str, Any]:
    """Write a failure as RFC 9457 problem details."""
    status, title, _ = answer_of(error)
    problem: dict[str, Any] = {
        "type": f"urn:pay-bridge:{error.code}",
        "title": title,
        "status": status,
        "code": error.code,
        "detail": error.detail,
        "message_ko": korean_of(error),
    }
    return problem | {name: value for name, value in error.extra.items() if value is not None and name not in problem}


def problem(error: BridgeError, headers: dict[str, str] | None = None) -> Response:
    """Answer a failure."""
    body = problem_json(error)
    answer = JSONResponse(body, body["status"], headers, media_type="application/problem+json")
    answer.headers["Cache-Control"] = "no-store"
    answer.headers.update(wait_headers(error))
    return answer


def wait_headers(error: BridgeError) -> dict[str, str]:
    """Say when to come back, where the failure knows it."""
    if isinstance(error, failures.Reconciling):
        return {"Retry-After": "30"}
    seconds = error.extra.get("retry_after_seconds", 1 if isinstance(error, failures.TooMany) else None)
    return {} if seconds is None else {"Retry-After": str(seconds)}


def failure_handlers(base: str) -> dict[Any, Handler]:
    """Give what answers a failure nobody caught on the way: a page to a browser, a problem to a program.

    `base` is the path of the public address ("" at the root).
    """

    async def on_bridge_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, BridgeError), "registered for BridgeError only"
        status, _, korean = answer_of(error)
        if status >= 500:
            log.warning("a request failed", code=error.code, detail=error.detail)
        return _sorry(base, status, korean) if _is_visit(request) else problem(error)

    async def on_surprise(request: Request, error: Exception) -> Response:
        """Answer a bug without telling what it is; the log says where."""
        log.error("a request met a bug", error=type(error).__name__, exc_info=error)
        failed = BridgeError("Something went wrong here; it was written down.")
        return _sorry(base, 500, answer_of(failed)[2]) if _is_visit(request) else problem(failed)

    async def on_no_route(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException), "registered for HTTPException only"
        if error.status_code == 404 and _is_visit(request):
            return _sorry(base, 404, "이 주소에는 아무것도 없어요. 주소가 잘렸거나 바뀐 것 같아요.")
        return PlainTextResponse(error.detail, error.status_code, error.headers)

    return {BridgeError: on_bridge_error, HTTPException: on_no_route, Exception: on_surprise}


def _is_visit(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _sorry(base: str, status: int, korean: str) -> Response:
    title = "주소를 찾을 수 없어요" if status == 404 else "문제가 생겼어요"
    return render("sorry.html", base=base, status=status, title=title, korean=korean)
