"""An operator has a gateway run one of its own commands for the merchant's account: once, and told in the audit."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from bridge.clock import new_id, now_ms
from bridge.domain.exchange import Stamp
from bridge.domain.failures import GatewayOff, Malformed, Misconfigured, NotFound, PendingOutcome, Unreadable
from bridge.domain.gateway import NotSent
from bridge.domain.merchant_commands import AdminAnswer, AdminCommand, check_command
from bridge.domain.services import Administers
from bridge.flows.context import Context
from bridge.flows.open_checkout import Once
from bridge.flows.record import Recorder
from bridge.flows.sites import Site
from bridge.flows.talk import talk
from bridge.flows.write_down import write_down
from bridge.ledger import commands, replay
from bridge.ledger.ledger import Turn
from bridge.wire.journal import HIDDEN, Scrubber

SECONDS = 20.0
VALUE_CHARACTERS_MIN = 2
OK, NO = 200, 503
"""How the answer to a command is kept for a repeat: heard, or none."""
Became = Literal["done", "refused", "unknown", "not_sent"]


@dataclass(frozen=True, slots=True)
class CommandWish:
    """Which command of which gateway, with the fields its document names; `actor` as in the audit (operator:minji)."""

    gateway: str
    command: str
    fields: Mapping[str, str] = field(repr=False)
    actor: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a command; `answer` is the gateway's, where it gave one. `again`: as it was kept for a repeat."""

    became: Became
    answer: AdminAnswer = field(default=AdminAnswer(False), repr=False)
    again: bool = False

    def to_json(self) -> dict[str, Any]:
        """Show the answer; of a repeat neither fields nor what was typed. Raises GatewayOff where there is none."""
        if self.became in ("unknown", "not_sent"):
            raise _silent(self.became)
        said = self.answer
        shown = {"done": said.done, "code": said.code, "message": said.message, "fields": dict(said.fields)}
        return shown | ({"again": True} if self.again else {})


class Offered(NamedTuple):
    """A gateway of a site and the commands it has."""

    gateway: str
    title: str
    commands: tuple[AdminCommand, ...]


def commands_of(site: Site) -> list[Offered]:
    """List the gateways of a site that have commands for the merchant's account."""
    return [
        Offered(name, gateway.title, gateway.admin_commands)
        for name, gateway in site.gateways.items()
        if isinstance(gateway, Administers)
    ]


def changes(site: Site, wish: CommandWish) -> bool:
    """Tell whether a command changes something at its gateway. Raises GatewayOff, NotFound."""
    gateway = _gateway_of(site, wish)
    return find_command(gateway.admin_commands, wish.command).changes


def once_of_command_run(context: Context, key: str, wish: CommandWish) -> Once:
    """Make the once of a command: the key counts for these words, of which only a blind is kept, passwords being in."""
    words = json.dumps([wish.gateway, wish.command, sorted(wish.fields.items())], ensure_ascii=False)
    return Once("", "", now_ms(context.clock), key, context.vault.blind(f"command|{words}"))


async def run_command(context: Context, site: Site, wish: CommandWish, once: Once | None = None) -> Heard:
    """Have a command run. With `once` a repeat is answered as the first was, and never sent.

    Raises GatewayOff (a gateway without commands), NotFound (no such command), Malformed (its fields), KeyReused,
    KeyTooOld, PendingOutcome (a repeat of what has no answer).
    """
    gateway = _gateway_of(site, wish)
    check_command(find_command(gateway.admin_commands, wish.command), wish.fields)
    recorder = Recorder.now(context, site)
    _start_in_vain(gateway, wish, recorder.stamp)
    command_id = new_id(context.clock)

    def begin(turn: Turn) -> replay.Answer | None:
        earlier = replay.earlier(turn, site.id, once.idempotency_key, once.digest) if once else None
        if earlier is None:
            named = {"gateway": site.gateway(wish.gateway).name, "command": wish.command, "actor": wish.actor}
            commands.note_asked(turn, site.id, command_id, **named, at=recorder.at)
            if once:
                replay.remember(turn, site.id, once.idempotency_key, once.digest, command_id, recorder.at)
        return earlier

    earlier = await context.ledger.write(begin)
    if earlier is None:
        task: asyncio.Task[Heard] | None = context.tasks.begin(
            f"command:{command_id}", _send(context, site, wish, command_id, once)
        )
    elif earlier.status:
        return _again(earlier)
    else:
        task = context.tasks.find(f"command:{earlier.result}")
    if task is None:
        raise PendingOutcome(
            "This command was asked for and has no answer; look in the gateway's console before asking anew.",
            message_ko="앞선 요청의 답을 받지 못했어요. 다시 요청하기 전에 결제사 관리자 화면에서 확인해 주세요.",
        )
    return await asyncio.shield(task)


def _gateway_of(site: Site, wish: CommandWish) -> Administers:
    gateway = site.gateway(wish.gateway)
    if not isinstance(gateway, Administers):
        raise GatewayOff(
            f"{gateway.title} has no commands of its own; look in its console.",
            message_ko="이 결제사에는 명령이 없어요. 결제사 관리자 화면에서 해 주세요.",
        )
    return gateway


def find_command(offered: tuple[AdminCommand, ...], name: str) -> AdminCommand:
    """Find a command by its name. Raises NotFound, naming those there are."""
    for one in offered:
        if one.name == name:
            return one
    names = ", ".join(one.name for one in offered)
    raise NotFound(
        f"The gateway has no such command; it has: {names}.",
        message_ko=f"없는 명령이에요. 있는 명령: {names}",
    )


def _start_in_vain(gateway: Administers, wish: CommandWish, stamp: Stamp) -> None:
    """Let the adapter refuse what it can before anything is kept: what it would send is dropped. Raises Malformed."""
    trial = gateway.administer(wish.command, wish.fields, stamp)
    try:
        next(trial)
    except StopIteration:
        return
    except (Misconfigured, Unreadable) as error:
        raise Malformed(error.detail, **error.extra) from None
    finally:
        trial.close()


async def _send(context: Context, site: Site, wish: CommandWish, command_id: str, once: Once | None) -> Heard:
    gateway = _gateway_of(site, wish)
    exchange = gateway.administer(wish.command, wish.fields, Recorder.now(context, site).stamp)
    talked_to = site.gateway(wish.gateway)
    conversation = await talk(context, site, talked_to, exchange, deadline_seconds=SECONDS)
    outcome = conversation.outcome
    if isinstance(outcome, AdminAnswer):
        heard = Heard("done" if outcome.done else "refused", outcome)
    else:
        heard = Heard("not_sent" if isinstance(outcome, NotSent) else "unknown")
    at, code = now_ms(context.clock), heard.answer.code
    kept = json.dumps([heard.became, code, _without_what_was_typed(gateway, wish, heard.answer.message)])

    def record(turn: Turn) -> None:
        commands.note_answered(turn, site.id, command_id, became=heard.became, code=code, at=at)
        if once:
            status = OK if heard.became in ("done", "refused") else NO
            replay.keep_answer(turn, site.id, once.idempotency_key, status, kept)

    await write_down(context, record)
    return heard


def _without_what_was_typed(gateway: Administers, wish: CommandWish, message: str) -> str:
    """Take persons and secrets out of a gateway's words before they are kept: it may repeat what it refuses."""
    command = find_command(gateway.admin_commands, wish.command)
    typed = [wish.fields.get(one.name, "").strip() for one in command.fields if one.holds]
    bare = ["".join(sign for sign in value if sign.isalnum()) for value in typed]
    for value in sorted({*typed, *bare}, key=len, reverse=True):
        if len(value) >= VALUE_CHARACTERS_MIN:
            message = message.replace(value, HIDDEN)
    return Scrubber().text(message)


def _again(earlier: replay.Answer) -> Heard:
    became, code, message = json.loads(earlier.body)
    return Heard(became, AdminAnswer(became == "done", {}, code, message), again=True)


def _silent(became: str) -> GatewayOff:
    if became == "not_sent":
        return GatewayOff(
            "The gateway could not be reached and nothing was sent; ask again, with a new Idempotency-Key.",
            message_ko="결제사에 연결하지 못했어요. 아무것도 보내지 않았으니 다시 시도해 주세요.",
        )
    return GatewayOff(
        "The gateway did not answer; look in its console before asking again.",
        message_ko="결제사가 답하지 않았어요. 다시 요청하기 전에 결제사 관리자 화면에서 확인해 주세요.",
    )
