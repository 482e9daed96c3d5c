"""The way in and out."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bridge.domain.failures import CallerError, LoginRefused, Malformed, TooMany
from bridge.domain.spans import span
from bridge.flows.context import Context
from bridge.flows.log_in import Attempt, find_session, log_in, log_out
from bridge.web.dashboard import access
from bridge.web.dashboard.access import Visit
from bridge.web.errors import answer_of
from bridge.web.incoming import client_address, read_form
from bridge.web.pages import base_path, choose_language, render

SAID = {
    LoginRefused: ("이름이나 비밀번호가 맞지 않아요.", "The name or the password is wrong."),
    Malformed: ("화면이 오래됐어요. 다시 입력해 주세요.", "The page was too old. Please type it again."),
}


async def show_login(context: Context, request: Request) -> Response:
    """Show the form; whoever is logged in already goes on."""
    token = request.cookies.get(access.cookie_name(context), "")
    after = access.safe_next(context, request.query_params.get("next", ""))
    if token and await find_session(context, token):
        return RedirectResponse(after, 303, headers={"Cache-Control": "no-store"})
    response = _form(context, request, token or access.new_token(context), after)
    access.remember_language(context, request, response)
    return response


async def take_login(context: Context, request: Request) -> Response:
    """Check what was typed; a good one gets a new session and goes on."""
    token = request.cookies.get(access.cookie_name(context), "")
    form: dict[str, str] = {}
    try:
        form = await read_form(request, access.FORM_BYTES_MAX)
        after = access.safe_next(context, form.get("next", ""))
        access.check_intent(context, request, form, token)
        attempt = Attempt(
            form.get("name", "").strip(),
            form.get("password", ""),
            client_address(context, request),
            device=request.cookies.get(access.cookie_name(context, "_device"), ""),
            earlier=token,
        )
        logged_in = await log_in(context, attempt)
    except CallerError as error:
        after = access.safe_next(context, form.get("next", ""))
        return _form(context, request, token or access.new_token(context), after, form.get("name", ""), error)
    response = RedirectResponse(after, 303, headers={"Cache-Control": "no-store"})
    access.give_session(context, response, logged_in.token)
    access.give_device(context, response, logged_in.device)
    return response


async def leave(visit: Visit) -> Response:
    """Log out."""
    await log_out(visit.context, visit.request.cookies[access.cookie_name(visit.context)])
    home = f"{base_path(visit.context)}{access.HOME}/login"
    response = RedirectResponse(home, 303, headers={"Cache-Control": "no-store"})
    access.drop_session(visit.context, response)
    return response


def _form(
    context: Context, request: Request, token: str, after: str, name: str = "", error: CallerError | None = None
) -> Response:
    lang = choose_language(request)
    page = render(
        "dashboard/login.html",
        lang=lang,
        base=base_path(context),
        status=200 if error is None else answer_of(error)[0],
        isolated=True,
        csrf=access.csrf_of(token),
        after=after,
        name=name[:64],
        said=_sentence(error, lang) if error else "",
        path=request.url.path,
    )
    if isinstance(error, TooMany):
        page.headers["Retry-After"] = str(error.extra["retry_after_seconds"])
    access.give_session(context, page, token)
    return page


def _sentence(error: CallerError, lang: str) -> str:
    if isinstance(error, TooMany):
        wait = span(int(error.extra["retry_after_seconds"] or 0) + 59, lang)
        return (
            f"여러 번 틀려서 잠시 막았어요. {wait} 뒤에 다시 해 주세요."
            if lang == "ko"
            else f"Too many misses. Try again in {wait}."
        )
    korean, english = SAID.get(type(error), SAID[Malformed])
    return korean if lang == "ko" else english
