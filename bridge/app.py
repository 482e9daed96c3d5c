"""The composition root: builds every part, joins them, and nothing else does."""

import contextlib
import functools
import hashlib
import hmac
from collections.abc import AsyncIterator

import structlog
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from bridge import __version__, gateways
from bridge.clock import Clock, SystemClock
from bridge.domain.failures import Misconfigured
from bridge.flows.check_invariants import check_at_boot
from bridge.flows.context import Context
from bridge.flows.heartbeat import run_background
from bridge.flows.lease import leased
from bridge.flows.proofs import Proofs
from bridge.flows.recover import recover_at_boot
from bridge.flows.sites import Sites
from bridge.ledger import root
from bridge.ledger.ledger import Ledger
from bridge.ledger.room import Room
from bridge.ledger.sqlite import SqliteLedger
from bridge.ledger.vault import Vault
from bridge.settings import Settings
from bridge.signing.tokens import Tokens
from bridge.web import dashboard, openapi, static
from bridge.web.anchors import Anchors
from bridge.web.billing import Billing
from bridge.web.card_pages import CardPages
from bridge.web.cases import Cases
from bridge.web.checkout import Checkout
from bridge.web.errors import failure_handlers
from bridge.web.health import Probes
from bridge.web.key_pages import KeyPages
from bridge.web.notices import Notices
from bridge.web.operator_cases import OperatorCases
from bridge.web.operator_commands import OperatorCommands
from bridge.web.operator_refunds import OperatorRefunds
from bridge.web.pages import base_path
from bridge.web.plan_pages import PlanPages
from bridge.web.plans import PlanRoutes
from bridge.web.privacy import Privacy
from bridge.web.receipts import CashReceipts
from bridge.web.reconciliation import Reconciliation
from bridge.web.returns import Returns
from bridge.web.script_window import ScriptWindows
from bridge.web.services import Services
from bridge.web.unloaded import UnloadedReports
from bridge.web.wordpress import WordPress
from bridge.wire.converse import Wire

FINISH_SECONDS = 60.0
log = structlog.get_logger("app")


def build_context(
    settings: Settings, *, clock: Clock | None = None, ledger: Ledger | None = None, wire: Wire | None = None
) -> Context:
    """Build the bridge's parts; a test or a simulation gives its own clock, ledger or wire."""
    clock = clock or SystemClock()
    ledger = ledger or open_ledger(settings)
    vault = Vault(ledger.root, clock)
    return Context(
        settings=settings,
        clock=clock,
        ledger=ledger,
        vault=vault,
        wire=wire or Wire(clock.boot_seconds),
        sites=Sites(ledger, vault, gateways.build),
        tokens=Tokens(_subkey(ledger.root, b"pay-bridge.tokens.v1")),
        owner=clock.random_bytes(8).hex(),
        proofs=Proofs(_subkey(ledger.root, b"pay-bridge.proofs.v1")),
    )


def open_ledger(settings: Settings, *, lock_wait_seconds: float = 10.0) -> Ledger:
    """Open the books where BRIDGE_DATABASE_URL says, with the master key. Raises LedgerBroken, Misconfigured."""
    unlock = functools.partial(root.unlock, master_key=settings.master_key.reveal(), chance=SystemClock().random_bytes)
    if not settings.on_postgres:
        room = Room(settings.database_path, settings.reserve_bytes, settings.free_bytes_min)
        return SqliteLedger(settings.database_path, lock_wait_seconds=lock_wait_seconds, room=room, unlock=unlock)
    try:
        from bridge.ledger.postgres import PostgresLedger
    except ImportError as error:
        raise Misconfigured("PostgreSQL needs a driver: pip install 'pay-bridge[postgres]'.") from error
    return PostgresLedger(settings.database_url, unlock=unlock)


def build_app(context: Context) -> Starlette:
    """Build the web application on a context; its lifespan recovers, beats and lets go."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await context.sites.refresh()
        try:
            if context.ledger.read_only:
                log.critical("the bridge only reads", why=context.ledger.read_only)
                yield
                return
            async with leased(context):
                taken = await recover_at_boot(context)
                await check_at_boot(context)
                refused = context.ledger.refusal()
                if refused:
                    log.critical("no payment is taken", why=refused)
                known = {"version": __version__, "database": context.ledger.engine}
                log.info("the bridge is up", **known, taken_over=taken, sites=len(context.sites.all()))
                background = context.tasks.begin("background", run_background(context))
                try:
                    yield
                finally:
                    background.cancel()
                    await context.tasks.finish(FINISH_SECONDS)
        finally:
            await context.wire.close()
            await context.ledger.close()

    handlers = failure_handlers(base_path(context))
    app = Starlette(routes=_routes(context), lifespan=lifespan, exception_handlers=handlers)
    app.router.redirect_slashes = False  # it would redirect to whatever Host the request names
    return app


def _routes(context: Context) -> list[BaseRoute]:
    return [
        *Checkout(context).routes(),
        *ScriptWindows(context).routes(),
        *UnloadedReports(context).routes(),
        *CardPages(context).routes(),
        *Returns(context).routes(),
        *Notices(context).routes(),
        *WordPress(context).routes(),
        *Billing(context).routes(),
        *CashReceipts(context).routes(),
        *PlanRoutes(context).routes(),
        *Services(context).routes(),
        *KeyPages(context).routes(),
        *PlanPages(context).routes(),
        *Reconciliation(context).routes(),
        *Anchors(context).routes(),
        *Cases(context).routes(),
        *OperatorCases(context).routes(),
        *OperatorRefunds(context).routes(),
        *OperatorCommands(context).routes(),
        *Privacy(context).routes(),
        *Probes(context).routes(),
        *openapi.routes(),
        *static.routes(),
        *dashboard.routes(context),
    ]


def _subkey(secret: bytes, purpose: bytes) -> bytes:
    return hmac.new(secret, purpose, hashlib.sha256).digest()
