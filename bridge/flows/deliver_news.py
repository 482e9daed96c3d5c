"""Delivers what WordPress is owed: signed, in sequence per payment, again and again until heard."""

import asyncio

from bridge.clock import now_ms
from bridge.domain.failures import NotFound
from bridge.flows.context import Context
from bridge.ledger import news
from bridge.ledger.ledger import Turn
from bridge.ledger.news import News
from bridge.ledger.questions import Question
from bridge.signing import news as webhooks
from bridge.wire.converse import PostResult

AT_ONCE = 16
ANSWER_SECONDS = 15.0
CLAIM_SECONDS = 30
BACKOFF_SECONDS = (2, 4, 8, 15, 30, 60, 120, 300, 600, 1800, 3600)
SAID = b'"ok":true'
"""What the plugin's own yes contains, whatever a theme prints before it; a host's page in its place does not."""
LONGEST_MS = BACKOFF_SECONDS[-1] * 1000


async def deliver_news(context: Context, site: str = "") -> int:
    """Send the messages that are due, several payments at once, of one site or of all; answers how many were heard."""
    at = now_ms(context.clock)
    until = at + CLAIM_SECONDS * 1000
    due = await context.ledger.write(lambda turn: news.claim(turn, context.owner, at, until, AT_ONCE, site))
    heard = await asyncio.gather(*(_deliver(context, message) for message in due))
    return sum(heard)


async def begin_deliveries(context: Context) -> None:
    """Begin to deliver to each site that is owed something, side by side: a shop that hangs delays no other."""
    at = now_ms(context.clock)
    for site in await context.ledger.read(lambda turn: news.sites_due(turn, at)):
        context.tasks.begin(f"news:{site}", _deliver_all(context, site))


def deliveries_postponed(at: int) -> list[Question]:
    """Ask whether a message waits longer at a moment (milliseconds) than any pause lasts."""
    return [news.any_postponed(at + LONGEST_MS)]


async def pull_in_deliveries(context: Context) -> int:
    """Owe now what a clock that ran ahead, and was put right, has postponed by hours; answers how many messages."""
    at = now_ms(context.clock)
    return await context.ledger.write(lambda turn: news.pull_in(turn, at, LONGEST_MS))


async def _deliver_all(context: Context, site: str) -> None:
    while await deliver_news(context, site) == AT_ONCE:
        continue


async def _deliver(context: Context, message: News) -> bool:
    error = await _post(context, message)
    at = now_ms(context.clock)
    if not error:
        await context.ledger.write(lambda turn: news.heard(turn, message.id, at))
        return True
    pause = BACKOFF_SECONDS[min(message.tries, len(BACKOFF_SECONDS) - 1)] * 1000
    too_old = at - message.created_at > context.settings.news_days * 86_400_000
    next_try_at = None if too_old else at + pause

    def work(turn: Turn) -> None:
        news.not_heard(turn, message.id, next_try_at=next_try_at, error=error, owner=context.owner)

    await context.ledger.write(work)
    return False


async def _post(context: Context, message: News) -> str:
    """Post one message; answers what went wrong, or nothing."""
    try:
        site = context.sites.get(message.site)
    except NotFound:
        return "the site is gone"
    body = message.body.encode()
    headers = webhooks.headers(site.news_keys(), message.id, now_ms(context.clock) // 1000, body)
    result = await context.wire.post(
        f"{site.url}/?rest_route=/pay-bridge/v1/news",
        headers | {"content-type": "application/json"},
        body,
        deadline_seconds=ANSWER_SECONDS,
        loopback_allowed=site.loopback_allowed,
    )
    if not isinstance(result, PostResult):
        return result.why
    if 200 <= result.status < 300:
        return "" if SAID in result.body.replace(b" ", b"") else f"not the plugin answered, with status {result.status}"
    return f"WordPress answered with status {result.status}"
