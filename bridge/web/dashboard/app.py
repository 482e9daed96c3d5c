"""The dashboard's routes."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bridge.flows.context import Context
from bridge.web.dashboard.access import HOME, View, guard
from bridge.web.dashboard.cases import act_on_case, show_case, show_cases
from bridge.web.dashboard.commands import ask_gateway, show_commands
from bridge.web.dashboard.export import export_payments
from bridge.web.dashboard.login import leave, show_login, take_login
from bridge.web.dashboard.overview import show_overview
from bridge.web.dashboard.payment import refund_payment, refund_to_account, show_payment
from bridge.web.dashboard.payments import search_payments, show_payments
from bridge.web.dashboard.records import show_records
from bridge.web.dashboard.recurring import show_recurring
from bridge.web.dashboard.sites import show_sites
from bridge.web.dashboard.transfer import look_up_transfer, take_back_transfer


def routes(context: Context) -> list[BaseRoute]:
    """Give the routes of the dashboard, all under /dashboard; the static files' routes are `bridge.web.static`'s."""

    def page(path: str, view: View, method: str = "GET") -> BaseRoute:
        return Route(f"{HOME}{path}", guard(context, view), methods=[method])

    def open_to_all(path: str, view: Callable[[Context, Request], Awaitable[Response]], method: str) -> BaseRoute:
        async def endpoint(request: Request) -> Response:
            return await view(context, request)

        return Route(f"{HOME}{path}", endpoint, methods=[method])

    return [
        open_to_all("/login", show_login, "GET"),
        open_to_all("/login", take_login, "POST"),
        page("/logout", leave, "POST"),
        page("", show_overview),
        page("/payments", show_payments),
        page("/payments", search_payments, "POST"),
        page("/payments/{payment}", show_payment),
        page("/payments/{payment}/refund", refund_payment, "POST"),
        page("/payments/{payment}/refund-to-account", refund_to_account, "POST"),
        page("/payments/{payment}/refunds/{refund}/look", look_up_transfer, "POST"),
        page("/payments/{payment}/refunds/{refund}/cancel", take_back_transfer, "POST"),
        page("/cases", show_cases),
        page("/cases/{case}", show_case),
        page("/cases/{case}", act_on_case, "POST"),
        page("/export", export_payments, "POST"),
        page("/recurring", show_recurring),
        page("/sites", show_sites),
        page("/sites/{site}/commands", show_commands),
        page("/sites/{site}/commands", ask_gateway, "POST"),
        page("/records", show_records),
    ]
