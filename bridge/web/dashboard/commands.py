"""A page on which an operator has a site's gateways run their own commands for the merchant's account."""

from starlette.responses import Response

from bridge.domain.failures import CallerError, Malformed
from bridge.domain.merchant_commands import FIELD_CHARACTERS_MAX
from bridge.flows.log_in import prove
from bridge.flows.run_command import CommandWish, changes, commands_of, once_of_command_run, run_command
from bridge.flows.sites import Site
from bridge.web.dashboard.access import Visit
from bridge.web.dashboard.payment import KEY
from bridge.web.errors import answer_of, korean_of

TYPED = "field."
"""How the names of a command's fields begin in its form, so that none is taken for one of ours."""


async def show_commands(visit: Visit) -> Response:
    """Show the commands of a site's gateways, each with its form. Raises NotFound."""
    return _page(visit, _site_of(visit))


async def ask_gateway(visit: Visit) -> Response:
    """Have a command run, and show the gateway's answer at once: it is in no address, and nowhere kept.

    Where it changes something the password is typed again, and the form's key counts once. Raises NotFound.
    """
    site, form = _site_of(visit), visit.form
    try:
        typed = {name.removeprefix(TYPED): text for name, text in form.items() if name.startswith(TYPED) and text}
        wish = CommandWish(form.get("gateway", ""), form.get("command", ""), typed, visit.acting())
        once = None
        if changes(site, wish):
            if not KEY.fullmatch(form.get("key", "")):
                raise Malformed("The form has no key; load the page again.")
            await prove(visit.context, visit.attempt(form.get("password", "")))
            once = once_of_command_run(visit.context, form["key"], wish)
        heard = (await run_command(visit.context, site, wish, once)).to_json()
    except CallerError as error:
        return _page(visit, site, error=error)
    return _page(visit, site, heard=heard)


def _site_of(visit: Visit) -> Site:
    return visit.context.sites.get(visit.request.path_params["site"])


def _page(
    visit: Visit, site: Site, *, heard: dict[str, object] | None = None, error: CallerError | None = None
) -> Response:
    acts, form = visit.session.operator.role == "operator", visit.form
    said = "" if error is None else korean_of(error) if visit.lang == "ko" else error.detail
    return visit.show(
        "commands.html",
        status=200 if error is None else answer_of(error)[0],
        site=site,
        offered=commands_of(site) if acts else [],
        acts=acts,
        asked=(form.get("gateway", ""), form.get("command", "")),
        typed={} if error is None else form,
        typed_as=TYPED,
        characters_max=FIELD_CHARACTERS_MAX,
        key=f"{visit.now_ms // 1000:08x}{visit.context.clock.random_bytes(12).hex()}",
        heard=heard,
        said=said,
    )
