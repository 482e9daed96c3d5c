"""The pages of the sandbox: templates from the folder `templates/`, or from inside the installed package."""

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

import bridge
from bridge.sandbox.world import World


@cache
def _templates() -> jinja2.Environment:
    package = Path(bridge.__file__).parent
    for folder in (package / "_templates", package.parent / "templates"):
        if (folder / "sandbox").is_dir():
            return jinja2.Environment(
                loader=jinja2.FileSystemLoader(folder), autoescape=True, undefined=jinja2.StrictUndefined
            )
    raise FileNotFoundError("the folder templates/sandbox is missing")


def won(amount: int) -> str:
    """Write an amount of KRW as buyers read it."""
    return f"{amount:,}원"


def page(world: World, name: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Make a page. Scripts and styles run only with its nonce. No form-action: the shop's answer may lead anywhere,
    and browsers apply that rule to redirects as well."""
    nonce = base64.b64encode(bytes.fromhex(world.hex(32))).decode()
    html = _templates().get_template(f"sandbox/{name}").render(nonce=nonce, **values)
    return HTMLResponse(
        html,
        status,
        {
            "content-security-policy": f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
            "base-uri 'none'; frame-ancestors 'none'",
            "cache-control": "no-store",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
        },
    )


def script(name: str, **values: str) -> Response:
    """Make a script that a shop's page loads; each value stands in it as a text of the script's."""
    quoted = {key: Markup(json.dumps(value).replace("<", "\\u003c")) for key, value in values.items()}  # noqa: S704 - JSON
    text = _templates().get_template(f"sandbox/{name}").render(**quoted)
    return Response(text, media_type="text/javascript; charset=utf-8", headers={"cache-control": "no-store"})


def framed(response: HTMLResponse) -> HTMLResponse:
    """Let a page lie in a frame of another site's page, as the windows of some gateways do."""
    policy = response.headers["content-security-policy"]
    response.headers["content-security-policy"] = policy.replace("; frame-ancestors 'none'", "")
    return response
