"""What the commands do to a bridge, wherever they run: in the server, or here when none runs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta

from bridge.cli import anchor_work, case_work, operator_work, privacy_work
from bridge.clock import from_ms, now_ms, stamp
from bridge.domain.failures import GatewayOff, Malformed, NotFound
from bridge.domain.payment import AMOUNT_MAX, AMOUNT_MIN, Mode, parse_account
from bridge.flows.ask_key import ask_keys
from bridge.flows.cancel_transfer import cancel_transfer
from bridge.flows.context import Context
from bridge.flows.list_payments import PAGE_MAX, Filter, list_payments
from bridge.flows.manage_sites import add_site, change_settings, list_sites, revoke_key, rotate_key
from bridge.flows.reconcile import end_gap, show_gaps
from bridge.flows.refund import RefundWish, refund
from bridge.flows.refund_to_account import once_of_refund, site_of_refund, taken_back_json
from bridge.flows.run_command import CommandWish, commands_of, run_command
from bridge.flows.snapshots import refund_json, rfc3339
from bridge.flows.whole_payment import read_whole_payment
from bridge.ledger import backups, news, payments
from bridge.ledger.backups import Backup
from bridge.ledger.ledger import Row

T = TypeVar("T")
GatewaySettings = dict[str, dict[str, str]]


class Words(msgspec.Struct, forbid_unknown_fields=True):
    """The words of a command."""


class SiteAdd(Words):
    """`site add`: the first gateway is the default."""

    url: str
    gateways: list[str]
    settings: GatewaySettings
    mode: Mode


class SiteSet(Words):
    """`site set`."""

    url: str
    settings: GatewaySettings


class SiteNamed(Words):
    """`site rotate-key`."""

    url: str


class KeyNamed(Words):
    """`site revoke-key`."""

    url: str
    key_id: str


class PaymentsList(Words):
    """`payments list`."""

    words: str
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)]


class PaymentNamed(Words):
    """`payments show`."""

    payment: str


class SiteAsk(Words):
    """`site ask`."""

    url: str
    gateway: str
    deed: str
    fields: dict[str, str]
    actor: Annotated[str, Meta(min_length=1, max_length=55)]


class CustomerNamed(Words):
    """`site keys`."""

    url: str
    customer: str


class Refund(Words):
    """`refund`: KRW; no amount means all that is left. The same key refunds once."""

    payment: str
    amount: Annotated[int, Meta(ge=AMOUNT_MIN, le=AMOUNT_MAX)] | None
    reason: Annotated[str, Meta(min_length=1, max_length=200)]
    actor: Annotated[str, Meta(min_length=1, max_length=55)]
    key: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    account: Annotated[str, Meta(max_length=80)] = ""


class RefundNamed(Words):
    """`cancel-transfer`."""

    refund: str
    actor: Annotated[str, Meta(min_length=1, max_length=55)]


class OutboxList(Words):
    """`outbox list`."""

    limit: Annotated[int, Meta(ge=1, le=1000)]


class OutboxRetry(Words):
    """`outbox retry`: of one payment, or all that waits."""

    payment: str


class BackupNote(Words):
    """`backup`: one was made (milliseconds, bytes)."""

    made_at: int
    path: str
    rows: int
    bytes: int
    took_ms: int


class ReconcileEnd(Words):
    """`reconcile --end`: by whose word, and why."""

    url: str
    reason: str
    who: Annotated[str, Meta(min_length=1, max_length=55)]
    unheard: bool


@dataclass(frozen=True, slots=True)
class _Command(Generic[T]):
    words: type[T]
    do: Callable[[Context, T], Awaitable[Any]]

    async def perform(self, context: Context, words: Mapping[str, Any]) -> Any:
        try:
            read = msgspec.convert(words, type=self.words, strict=True)
        except msgspec.ValidationError as error:
            raise Malformed(f"{error}.") from None
        return await self.do(context, read)


async def perform(context: Context, command: str, words: Mapping[str, Any]) -> Any:
    """Do a command. Raises Malformed for one that is not known or has other words, and what its flow raises."""
    known = _COMMANDS.get(command)
    if known is None:
        raise Malformed(f"This version knows no command {command!r}.")
    return await known.perform(context, words)


async def _site_add(context: Context, words: SiteAdd) -> Any:
    return await add_site(context, url=words.url, gateways=words.gateways, settings=words.settings, mode=words.mode)


async def _site_set(context: Context, words: SiteSet) -> Any:
    return await change_settings(context, url=words.url, settings=words.settings)


async def _site_rotate(context: Context, words: SiteNamed) -> Any:
    return await rotate_key(context, url=words.url)


async def _site_revoke(context: Context, words: KeyNamed) -> Any:
    return await revoke_key(context, url=words.url, key_id=words.key_id)


async def _site_list(context: Context, _: Words) -> Any:
    return list_sites(context)


async def _payments_list(context: Context, words: PaymentsList) -> Any:
    found = []
    for site in context.sites.all():
        page = await list_payments(context, site, Filter(words=words.words, limit=words.limit))
        found += [item | {"site_url": site.url} for item in page["items"]]
    return sorted(found, key=lambda item: str(item["id"]), reverse=True)[: words.limit]


async def _payments_show(context: Context, words: PaymentNamed) -> Any:
    site = context.sites.get(await _site_of(context, words.payment))
    moment = stamp(context.clock)
    return await context.ledger.read(lambda turn: read_whole_payment(turn, site, words.payment, moment))


async def _site_ask(context: Context, words: SiteAsk) -> Any:
    site = context.sites.at(words.url)
    if not words.deed:
        offered = next((one for one in commands_of(site) if one.gateway == words.gateway), None)
        if offered is None:
            raise GatewayOff(f"{site.gateway(words.gateway).title} has no commands of its own; look in its console.")
        return {one.name: f"{one.english}: {', '.join(field.name for field in one.fields)}" for one in offered.commands}
    wish = CommandWish(words.gateway, words.deed, words.fields, f"operator:{words.actor}")
    said = (await run_command(context, site, wish)).to_json()
    shown = said.pop("fields")
    return said | shown


async def _site_keys(context: Context, words: CustomerNamed) -> Any:
    return await ask_keys(context, context.sites.at(words.url), words.customer)


async def _refund(context: Context, words: Refund) -> Any:
    site = context.sites.get(await _site_of(context, words.payment))
    account = parse_account(*words.account.split(":", 3)) if words.account else None
    actor = f"operator:{words.actor}"
    wish = RefundWish(words.payment, words.amount, words.reason, actor, capped=False, account=account)
    return refund_json(await refund(context, site, wish, once_of_refund(context, words.key, wish)))


async def _cancel_transfer(context: Context, words: RefundNamed) -> Any:
    site = await site_of_refund(context, words.refund)
    return taken_back_json(await cancel_transfer(context, site, words.refund, f"operator:{words.actor}"))


async def _outbox_list(context: Context, words: OutboxList) -> Any:
    rows = await context.ledger.read(lambda turn: news.unheard(turn, words.limit))
    return [_news_json(row) for row in rows]


async def _outbox_retry(context: Context, words: OutboxRetry) -> Any:
    at = now_ms(context.clock)
    return {"hastened": await context.ledger.write(lambda turn: news.hasten(turn, words.payment, at))}


async def _backup_note(context: Context, words: BackupNote) -> Any:
    made = Backup(**msgspec.structs.asdict(words))
    at = now_ms(context.clock)
    await context.ledger.write(lambda turn: backups.note(turn, made, at))
    return {"noted": True}


async def _reconcile_show(context: Context, _: Words) -> Any:
    return await show_gaps(context)


async def _reconcile_end(context: Context, words: ReconcileEnd) -> Any:
    who = f"operator:{words.who}"
    return await end_gap(context, url=words.url, reason=words.reason, who=who, unheard=words.unheard)


def _news_json(row: Row) -> dict[str, Any]:
    named = {name: row[name] for name in ("id", "site", "payment", "seq", "type", "state", "tries", "last_error")}
    next_try_at = rfc3339(from_ms(row["next_try_at"])) if row["state"] == "waiting" else ""
    return named | {"created_at": rfc3339(from_ms(row["created_at"])), "next_try_at": next_try_at}


async def _site_of(context: Context, payment: str) -> str:
    try:
        return await context.ledger.read(lambda turn: payments.site_of(turn, payment))
    except NotFound:
        raise NotFound("There is no such payment; `pay-bridge payments list` shows them.") from None


_COMMANDS: dict[str, _Command[Any]] = {
    "site.add": _Command(SiteAdd, _site_add),
    "site.set": _Command(SiteSet, _site_set),
    "site.list": _Command(Words, _site_list),
    "site.ask": _Command(SiteAsk, _site_ask),
    "site.keys": _Command(CustomerNamed, _site_keys),
    "site.rotate-key": _Command(SiteNamed, _site_rotate),
    "site.revoke-key": _Command(KeyNamed, _site_revoke),
    "operator.add": _Command(operator_work.OperatorAdd, operator_work.add),
    "operator.list": _Command(Words, operator_work.list_),
    "operator.password": _Command(operator_work.PasswordGiven, operator_work.password),
    "operator.disable": _Command(operator_work.OperatorLeft, operator_work.disable),
    "operator.enable": _Command(operator_work.OperatorNamed, operator_work.enable),
    "operator.role": _Command(operator_work.RoleGiven, operator_work.role),
    "payments.list": _Command(PaymentsList, _payments_list),
    "payments.show": _Command(PaymentNamed, _payments_show),
    "refund": _Command(Refund, _refund),
    "cancel-transfer": _Command(RefundNamed, _cancel_transfer),
    "privacy.export": _Command(privacy_work.PersonNamed, privacy_work.export),
    "privacy.erase": _Command(privacy_work.PersonNamed, privacy_work.erase),
    "cases.list": _Command(case_work.CasesList, case_work.list_),
    "cases.show": _Command(case_work.CaseNamed, case_work.show),
    "cases.report": _Command(case_work.CaseReport, case_work.report_),
    "cases.propose": _Command(case_work.CasePropose, case_work.propose_),
    "cases.confirm": _Command(case_work.CaseConfirm, case_work.confirm_),
    "cases.reject": _Command(case_work.CaseReject, case_work.reject_),
    "anchors.list": _Command(Words, anchor_work.list_),
    "anchors.propose": _Command(anchor_work.AnchorsPropose, anchor_work.propose),
    "anchors.confirm": _Command(anchor_work.AnchorsConfirm, anchor_work.confirm),
    "outbox.list": _Command(OutboxList, _outbox_list),
    "outbox.retry": _Command(OutboxRetry, _outbox_retry),
    "reconcile.show": _Command(Words, _reconcile_show),
    "reconcile.end": _Command(ReconcileEnd, _reconcile_end),
    "backup.note": _Command(BackupNote, _backup_note),
}
