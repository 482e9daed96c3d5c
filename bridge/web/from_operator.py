"""Who asks at the operators' doors: a name and a password with each request, and the log of what was looked at."""

import base64
import binascii
import hashlib
import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from bridge.clock import new_id, now_ms
from bridge.domain.failures import CallerError, LoginRefused, Malformed, NeedsAnother, UnsupportedBody
from bridge.domain.strictjson import loads
from bridge.flows.context import Context
from bridge.flows.log_in import Attempt, prove_each
from bridge.flows.open_checkout import Once
from bridge.ledger import looks
from bridge.ledger.operators import Operator
from bridge.web.errors import problem
from bridge.web.incoming import client_address, read_body

BODY_BYTES_MAX = 32 * 1024
CREDENTIALS_CHARACTERS_MAX = 4096
CHALLENGE = {"WWW-Authenticate": 'Basic realm="Pay Bridge operators", charset="UTF-8"'}
PRIVATE = {"Cache-Control": "no-store"}
_OF_BROWSERS = ("sec-fetch-site", "origin")
_KEY = re.compile(r"[0-9a-f]{32}")
_HOW = "Send the name and the password of an operator's account by HTTP Basic (curl -u NAME); nothing else opens this."
_HOW_KO = "운영자 계정의 이름과 비밀번호를 HTTP Basic으로 보내 주세요. 사이트 키나 쿠키로는 열 수 없어요."


async def from_operator(context: Context, request: Request, *, acts: bool = False) -> Operator:
    """Prove by HTTP Basic (RFC 7617) which operator asks; `acts` says that looking is not enough.

    The same accounts, misses and waits as the dashboard's log-in, in the count of strangers, for no cookie is read.
    What a browser sends is refused before its password is looked at: a browser keeps a password and would send it along
    for any page that asks. Raises Malformed, LoginRefused, TooMany, NeedsAnother (a viewer).
    """
    if any(name in request.headers for name in _OF_BROWSERS):
        raise Malformed(
            "This is for programs, which send neither Origin nor Sec-Fetch-Site; in a browser, use the dashboard.",
            message_ko="프로그램이 쓰는 주소예요. 브라우저에서는 대시보드를 이용해 주세요.",
        )
    name, password = _credentials(request)
    operator = await prove_each(context, Attempt(name, password, client_address(context, request)))
    if acts and operator.role != "operator":
        raise NeedsAnother(
            "A viewer may look and not act; an operator may.",
            message_ko="조회만 할 수 있는 계정이에요. 운영자 계정으로 요청해 주세요.",
        )
    return operator


async def read_json(request: Request) -> tuple[dict[str, object], bytes]:
    """Read a body that is a JSON object, and its bytes. Raises UnsupportedBody, Malformed, TooLarge."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise UnsupportedBody("Send the body as application/json, as curl --json does.")
    body = await read_body(request, BODY_BYTES_MAX)
    value = loads(body, bytes_max=BODY_BYTES_MAX)
    if not isinstance(value, dict):
        raise Malformed("The body must be a JSON object, such as {}.")
    return value, body


def once_of(request: Request, operator: Operator, body: bytes) -> Once | None:
    """Give what makes a request with an Idempotency-Key count once, apart from every other operator's and site's keys.

    Of the key its time stays, by which books restored from a backup know an old one. Raises Malformed.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise Malformed("Idempotency-Key is 32 lower-case hex digits, the first eight the unix time it was made at.")
    own = hashlib.sha256(f"operator:{operator.id}|{key}".encode()).hexdigest()
    asked = hashlib.sha256(request.url.path.encode() + b"\n" + body).hexdigest()
    return Once(key_id="", nonce="", ends_at=0, idempotency_key=key[:8] + own[:24], digest=asked)


def answered(act: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Answer every refusal as a problem, whatever the caller accepts, and a log-in refused with how to log in."""

    async def endpoint(request: Request) -> Response:
        try:
            return await act(request)
        except CallerError as error:
            return problem(error, CHALLENGE if isinstance(error, LoginRefused) else None)

    return endpoint


async def note_look(
    context: Context, request: Request, operator: Operator, task: str, subject: str, reason: str = ""
) -> None:
    """Write into the access log that this operator saw somebody's data."""
    if context.ledger.read_only:
        return
    seen = {
        "look_id": new_id(context.clock),
        "operator": operator.name,
        "address": client_address(context, request),
    }
    at = now_ms(context.clock)
    await context.ledger.write(lambda turn: looks.add(turn, **seen, at=at, task=task, subject=subject, reason=reason))


def _credentials(request: Request) -> tuple[str, str]:
    given = request.headers.getlist("authorization")
    scheme, _, coded = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    if scheme.lower() != "basic" or len(coded) > CREDENTIALS_CHARACTERS_MAX:
        raise LoginRefused(_HOW, message_ko=_HOW_KO)
    try:
        name, colon, password = base64.b64decode(coded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):  # the error holds what it could not read
        raise LoginRefused(_HOW, message_ko=_HOW_KO) from None
    if not colon:
        raise LoginRefused(_HOW, message_ko=_HOW_KO)
    return name.strip(), password
