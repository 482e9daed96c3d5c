"""Who may see the dashboard: cookies, the proof that a form is ours, and the guard before every page."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bridge.clock import now_ms
from bridge.domain.failures import CallerError, Malformed, NeedsAnother
from bridge.domain.payment import Mode
from bridge.flows.context import Context
from bridge.flows.log_in import DEVICE_SECONDS, SESSION_SECONDS, Attempt, find_session
from bridge.flows.sites import Site
from bridge.flows.two_people import operator_actor
from bridge.ledger.operators import Session
from bridge.signing import base64url
from bridge.web.dashboard import words
from bridge.web.errors import answer_of
from bridge.web.from_operator import note_look
from bridge.web.incoming import came_from_us, client_address, read_form
from bridge.web.pages import LANGUAGE_COOKIE, LANGUAGES, base_path, choose_language, render

HOME = "/dashboard"
LIVE_HEADER = "x-pay-bridge-live"
FORM_BYTES_MAX = 16 * 1024
YEAR_SECONDS = 31_536_000


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of someone who is logged in."""

    context: Context
    request: Request
    session: Session
    lang: str
    csrf: str = field(repr=False)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def sites(self) -> list[Site]:
        """Every site of this bridge, for its operators see them all."""
        return self.context.sites.all()

    @property
    def now_ms(self) -> int:
        """The time in milliseconds."""
        return now_ms(self.context.clock)

    def attempt(self, password: str) -> Attempt:
        """Say who typed the password again, and where."""
        device = self.request.cookies.get(cookie_name(self.context, "_device"), "")
        address = client_address(self.context, self.request)
        return Attempt(self.session.operator.name, password, address, device=device)

    def acting(self) -> str:
        """Name who acts, for the timeline. Raises NeedsAnother for a viewer."""
        operator = self.session.operator
        if operator.role != "operator":
            raise NeedsAnother(
                "A viewer may look and not act; an operator may.",
                message_ko="조회만 할 수 있는 계정이에요. 운영자 계정으로 로그인해 주세요.",
            )
        return operator_actor(operator.name)

    async def note_look(self, task: str, subject: str, reason: str = "") -> None:
        """Write into the access log that this operator saw somebody's data; a page that refreshes itself is no look."""
        if LIVE_HEADER in self.request.headers:
            return
        await note_look(self.context, self.request, self.session.operator, task, subject, reason)

    def words(self, korean: str, english: str) -> str:
        """Say it in the visitor's language."""
        return korean if self.lang == "ko" else english

    def show(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """Make a page of the dashboard."""
        tests = [site for site in self.sites if site.mode is Mode.TEST]
        return render(
            f"dashboard/{template}",
            lang=self.lang,
            base=base_path(self.context),
            status=status,
            isolated=True,
            operator=self.session.operator,
            csrf=self.csrf,
            path=self.request.url.path,
            now=self.now_ms,
            words=words,
            all_test=bool(tests) and len(tests) == len(self.sites),
            hosts={site.id: urlsplit(site.url).netloc + urlsplit(site.url).path for site in self.sites},
            test_sites={site.id for site in tests},
            **values,
        )


View = Callable[[Visit], Awaitable[Response]]


def guard(context: Context, view: View) -> Callable[[Request], Awaitable[Response]]:
    """Let only operators with a live session through, and only forms that are ours."""

    async def endpoint(request: Request) -> Response:
        token = request.cookies.get(cookie_name(context), "")
        live = LIVE_HEADER in request.headers
        session = await find_session(context, token, present=not live) if token else None
        if session is None:
            return Response(status_code=401) if live else turn_away(context, request)
        lang = choose_language(request)
        visit = Visit(context, request, session, lang, csrf_of(token))
        try:
            if request.method == "POST":
                form = await read_form(request, FORM_BYTES_MAX)
                check_intent(context, request, form, token)
                visit = Visit(context, request, session, lang, csrf_of(token), form)
            response = await view(visit)
        except CallerError as error:
            response = visit.show("sorry.html", status=answer_of(error)[0], code=error.code)
        remember_language(context, request, response)
        return response

    return endpoint


def turn_away(context: Context, request: Request) -> Response:
    """Lead to the log-in page, and from there back.

    Strict cookies do not come along from another site's link: the browser is asked once more, from our own page.
    """
    came_from_elsewhere = request.headers.get("sec-fetch-site") == "cross-site"
    if request.method == "GET" and came_from_elsewhere and not request.cookies.get(cookie_name(context)):
        return render(
            "dashboard/again.html",
            lang=choose_language(request),
            base=base_path(context),
            isolated=True,
            address=_own_address(context, request),
        )
    after = {"next": _own_address(context, request)} if request.method == "GET" else {}
    query = f"?{urlencode(after, quote_via=quote)}" if after else ""
    return RedirectResponse(f"{base_path(context)}{HOME}/login{query}", 303, headers={"Cache-Control": "no-store"})


def safe_next(context: Context, wanted: str) -> str:
    """Take an address to go on to only when it is a page of the dashboard."""
    home = f"{base_path(context)}{HOME}"
    parts = urlsplit(wanted)
    ours = not parts.scheme and not parts.netloc and (parts.path == home or parts.path.startswith(f"{home}/"))
    plain = wanted.isascii() and wanted.isprintable() and "\\" not in wanted and "/login" not in parts.path
    return wanted if ours and plain else home


def check_intent(context: Context, request: Request, form: Mapping[str, str], token: str) -> None:
    """Prove that the form came from our own page. Raises Malformed."""
    told = form.get("csrf", "").encode()
    if not came_from_us(context, request) or not hmac.compare_digest(told, csrf_of(token).encode()):
        raise Malformed("The form is too old or not ours; load the page again.")


def csrf_of(token: str) -> str:
    """Derive the form's proof from the cookie's token, which no other site can read."""
    return hashlib.sha256(b"pay-bridge.csrf.v1|" + token.encode()).hexdigest()


def cookie_name(context: Context, what: str = "") -> str:
    """Name a cookie: browsers tie __Host- to https, this host and the whole path."""
    return f"{'__Host-' if _secure(context) else ''}pay_bridge{what}"


def give_session(context: Context, response: Response, token: str) -> None:
    """Set the session's cookie."""
    _set_cookie(context, response, cookie_name(context), token, SESSION_SECONDS)


def give_device(context: Context, response: Response, device: str) -> None:
    """Set the cookie that tells this browser from a stranger's."""
    _set_cookie(context, response, cookie_name(context, "_device"), device, DEVICE_SECONDS)


def drop_session(context: Context, response: Response) -> None:
    """Take the session's cookie away."""
    _set_cookie(context, response, cookie_name(context), "", 0)


def new_token(context: Context) -> str:
    """Make a token for a visitor who has no session yet: it proves the log-in form, and opens nothing."""
    return base64url.encode(context.clock.random_bytes(32))


def remember_language(context: Context, request: Request, response: Response) -> None:
    """Keep the language someone chose."""
    wish = request.query_params.get("lang", "")
    if wish in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, wish, YEAR_SECONDS, samesite="lax", secure=_secure(context))


def _own_address(context: Context, request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{base_path(context)}{request.url.path}{query}"


def _secure(context: Context) -> bool:
    return context.settings.public_url.startswith("https:")


def _set_cookie(context: Context, response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(name, value, seconds, path="/", secure=_secure(context), httponly=True, samesite="strict")
