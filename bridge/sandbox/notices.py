"""The notice engine: at least once, judged by the exact acknowledgement, with bounded repeats, all of it recorded."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx2

from bridge.sandbox.bank import NoticeRecord
from bridge.sandbox.clock import Clock
from bridge.sandbox.faults import Fault

RETRY_SECONDS = (5.0, 30.0, 120.0, 600.0)
POST_TIMEOUT_SECONDS = 10.0
ANSWER_KEPT_BYTES = 300

Post = Callable[[str, bytes, str], Awaitable[tuple[int, bytes]]]
"""Sends a body of a content type to an address; gives status and body, or raises NotDelivered."""


class NotDelivered(Exception):
    """The receiver gave no answer."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice to be sent; `is_acked` judges status and body of the receiver's answer."""

    record: NoticeRecord
    url: str
    body: bytes
    content_type: str
    is_acked: Callable[[int, bytes], bool]


class Notices:
    """Sends notices. `retry_seconds` are the pauses after each try that was not acknowledged."""

    def __init__(self, clock: Clock, post: Post | None = None) -> None:
        self._clock = clock
        self._own = None if post else _Poster()
        self._post: Post = post or self._own_post
        self.retry_seconds: tuple[float, ...] = RETRY_SECONDS

    async def _own_post(self, url: str, body: bytes, content_type: str) -> tuple[int, bytes]:
        assert self._own is not None, "used only where no other way was given"
        return await self._own.post(url, body, content_type)

    async def deliver(self, notice: Notice, fault: Fault | None) -> None:
        """Send a notice until it is acknowledged or the tries are used up."""
        kind = fault.kind if fault else ""
        if kind == "notice_lost":
            notice.record.lost = True
            return
        if fault and kind == "notice_late":
            await self._clock.sleep(fault.delay_seconds)
        if kind == "notice_thrice":
            await self.attempt(notice)
            await self.attempt(notice)
        await self.keep_trying(notice)

    async def keep_trying(self, notice: Notice) -> None:
        """Send at once, and again after each pause while it is not acknowledged."""
        await self.attempt(notice)
        for seconds in self.retry_seconds:
            if notice.record.acked:
                return
            await self._clock.sleep(seconds)
            await self.attempt(notice)

    async def attempt(self, notice: Notice) -> None:
        """Send a notice once and record what came back."""
        notice.record.tries += 1
        answer: dict[str, object] = {"at": self._clock.now().isoformat()}
        try:
            status, body = await self._post(notice.url, notice.body, notice.content_type)
        except NotDelivered as error:
            answer["error"] = str(error)
        else:
            answer |= {"status": status, "body": body[:ANSWER_KEPT_BYTES].decode("utf-8", "replace")}
            answer["acked"] = notice.is_acked(status, body)
            notice.record.acked = notice.record.acked or notice.is_acked(status, body)
        notice.record.answers.append(answer)

    def reset(self) -> None:
        """Go back to the usual pauses."""
        self.retry_seconds = RETRY_SECONDS

    async def close(self) -> None:
        """Close the connections."""
        if self._own:
            await self._own.close()


class _Poster:
    """Posts over HTTP: no proxies, no redirects, bounded in time. The client is made when first needed."""

    def __init__(self) -> None:
        self._client: httpx2.AsyncClient | None = None

    async def post(self, url: str, body: bytes, content_type: str) -> tuple[int, bytes]:
        if self._client is None:
            self._client = httpx2.AsyncClient(
                trust_env=False, follow_redirects=False, timeout=httpx2.Timeout(POST_TIMEOUT_SECONDS)
            )
        try:
            answer = await self._client.post(url, content=body, headers={"content-type": content_type})
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise NotDelivered(type(error).__name__) from error
        return answer.status_code, answer.content

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None
