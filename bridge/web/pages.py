"""Pages: the templates' environment, the filters, and the headers that every page carries."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context as Variables
from starlette.requests import Request
from starlette.responses import HTMLResponse

from bridge.clock import from_ms
from bridge.domain.exchange import KST
from bridge.domain.spans import age, span
from bridge.flows.context import Context
from bridge.web import masks
from bridge.web.static import static_path, templates_folder

LANGUAGES = ("ko", "en")
LANGUAGE_COOKIE = "pay_bridge_lang"
_ACCEPTED = re.compile(r"\s*([a-zA-Z]{2,3})(?:-[\w-]*)?\s*(?:;\s*q=([01](?:\.\d{1,3})?))?\s*")


def render(
    name: str,
    /,
    *,
    lang: str = "ko",
    base: str = "",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    form_action: Sequence[str] = (),
    origins: Sequence[str] = (),
    styles_inline: bool = False,
    framed: bool = False,
    isolated: bool = False,
    **values: Any,
) -> HTMLResponse:
    """Make a page from a template.

    `base` is the path of the public address ("" at the root). `form_action` are origins a form may go to besides
    our own; `origins` are those of a gateway's script, for pages that carry one, and `styles_inline` lets it style what
    it draws; `framed` lets it stand in any frame (a page with
    nothing on it but the way out); `isolated` parts the page from its opener (the dashboard;
    never a checkout window).
    """
    body = environment().get_template(name).render(lang=lang, base=base, **values)
    page = HTMLResponse(body, status_code=status)
    page.headers["Content-Security-Policy"] = content_policy(
        form_action, origins, styles_inline=styles_inline, framed=framed
    )
    page.headers["Content-Language"] = lang
    page.headers["Cache-Control"] = "no-store"
    page.headers["Referrer-Policy"] = "no-referrer"
    page.headers["X-Content-Type-Options"] = "nosniff"
    if isolated:
        page.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    page.headers.update(headers or {})
    return page


def base_path(context: Context) -> str:
    """Give the path under which the bridge is reached: empty at the root."""
    return urlsplit(context.settings.public_url).path


def content_policy(
    form_action: Sequence[str] = (),
    origins: Sequence[str] = (),
    *,
    styles_inline: bool = False,
    framed: bool = False,
) -> str:
    """Write the content security policy: no inline script, nothing from elsewhere but the origins given."""
    own = " ".join(["'self'", *origins])
    rules = [
        "default-src 'none'",
        f"style-src {own}" + (" 'unsafe-inline'" if styles_inline else ""),
        f"script-src {own}",
        f"img-src {own} data:",
        f"connect-src {own}",
        f"form-action {' '.join([own, *form_action])}",
        "frame-ancestors *" if framed else "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
    return "; ".join([*rules, f"frame-src {own}"] if origins else rules)


def choose_language(request: Request) -> str:
    """Choose ko or en: what was asked for, then the cookie, then Accept-Language; Korean when nothing says."""
    for wish in (request.query_params.get("lang", ""), request.cookies.get(LANGUAGE_COOKIE, "")):
        if wish in LANGUAGES:
            return wish
    best, weight = "ko", 0.0
    for part in request.headers.get("accept-language", "")[:200].split(","):
        match = _ACCEPTED.fullmatch(part)
        if match and match[1].lower() in LANGUAGES and float(match[2] or 1) > weight:
            best, weight = match[1].lower(), float(match[2] or 1)
    return best


@cache
def environment() -> Environment:
    """Build the templates' environment: everything is escaped, a missing variable is an error."""
    made = Environment(
        loader=FileSystemLoader(templates_folder()),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals.update(say=_say, static=_static)
    made.filters.update(
        won=_won,
        kst=kst,
        kst_time=kst_time,
        span=_span,
        age=_age,
        masked_name=masks.mask_name,
        masked_phone=masks.mask_phone,
        masked_email=masks.mask_email,
        masked_card=masks.mask_card,
        masked_account=masks.mask_account,
        masked_refs=masks.mask_refs,
    )
    return made


def won(amount: int, lang: str = "ko") -> str:
    """Write an amount of KRW: 55,000원, or ₩55,000 in English."""
    return f"{amount:,}원" if lang == "ko" else f"{'-' if amount < 0 else ''}₩{abs(amount):,}"


def kst(at: int | datetime | None) -> str:
    """Write a time (milliseconds or aware) as YYYY-MM-DD HH:MM:SS KST."""
    return f"{_korean(at):%Y-%m-%d %H:%M:%S} KST" if at is not None else ""


def kst_time(at: int | datetime | None) -> str:
    """Write a time as MM-DD HH:MM in Korea."""
    return f"{_korean(at):%m-%d %H:%M}" if at is not None else ""


def _korean(at: int | datetime) -> datetime:
    return (from_ms(at) if isinstance(at, int) else at).astimezone(KST)


@pass_context
def _say(variables: Variables, korean: str, english: str) -> str:
    return korean if variables["lang"] == "ko" else english


@pass_context
def _static(variables: Variables, name: str) -> str:
    return f"{variables['base']}{static_path(name)}"


@pass_context
def _won(variables: Variables, amount: int) -> str:
    return won(amount, variables["lang"])


@pass_context
def _span(variables: Variables, seconds: float) -> str:
    return span(seconds, variables["lang"])


@pass_context
def _age(variables: Variables, seconds: float) -> str:
    return age(seconds, variables["lang"])
