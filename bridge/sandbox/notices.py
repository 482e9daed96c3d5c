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

Post = Callable[[str, str, bytes, str], Awaitable[tuple[int, bytes]]]
"""Sends (method, address, body, content type); gives status and body, or raises NotDelivered."""


class NotDelivered(Exception):
    """The receiver gave no answer."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice to be sent; `is_acked` judges status and body of the receiver's answer. `retry_seconds` is the
    gateway's own schedule; `probe` asks the address by HEAD before each try and sends only where it says 200."""

    record: NoticeRecord
    url: str
    body: bytes
    content_type: str
    is_acked: Callable[[int, bytes], bool]
    retry_seconds: tuple[float, ...] | None = None
    probe: bool = False


class Notices:
    """Sends notices. `retry_seconds` are the pauses after each try that was not acknowledged; where set, for every
    notice, whatever its gateway's own schedule is."""

    def __init__(self, clock: Clock, post: Post | None = None) -> None:
        self._clock = clock
        self._own = None if post else _Poster()
        self._post: Post = post or self._own_post
        self._set: tuple[float, ...] | None = None

    @property
    def retry_seconds(self) -> tuple[float, ...]:
        """The pauses of a notice whose gateway has no schedule of its own."""
        return RETRY_SECONDS if self._set is None else self._set

    @retry_seconds.setter
    def retry_seconds(self, seconds: tuple[float, ...]) -> None:
        self._set = seconds

    def _pauses(self, notice: Notice) -> tuple[float, ...]:
        return self.retry_seconds if self._set is not None or notice.retry_seconds is None else notice.retry_seconds

    async def _own_post(self, method: str, url: str, body: bytes, content_type: str) -> tuple[int, bytes]:
        assert self._own is not None, "used only where no other way was given"
        return await self._own.send(method, url, body, content_type)

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
        for seconds in self._pauses(notice):
            if notice.record.acked:
                return
            await self._clock.sleep(seconds)
            await self.attempt(notice)

    async def attempt(self, notice: Notice) -> None:
        """Send a notice once and record what came back."""
        notice.record.tries += 1
        answer: dict[str, object] = {"at": self._clock.now().isoformat()}
        try:
            if notice.probe:
                answer["status"] = (await self._post("HEAD", notice.url, b"", ""))[0]
                if answer["status"] != 200:
                    raise NotDelivered("HEAD was not answered with 200")
            status, body = await self._post("POST", notice.url, notice.body, notice.content_type)
        except NotDelivered as error:
            answer["error"] = str(error)
        else:
            answer |= {"status": status, "body": body[:ANSWER_KEPT_BYTES].decode("utf-8", "replace")}
            answer["acked"] = notice.is_acked(status, body)
            notice.record.acked = notice.record.acked or notice.is_acked(status, body)
        notice.record.answers.append(answer)

    def reset(self) -> None:
        """Go back to the usual pauses."""
        self._set = None

    async def close(self) -> None:
        """Close the connections."""
        if self._own:
            await self._own.close()


class _Poster:
    """Sends over HTTP: no proxies, no redirects, bounded in time. The client is made when first needed."""

    def __init__(self) -> None:
        self._client: httpx2.AsyncClient | None = None

    async def send(self, method: str, url: str, body: bytes, content_type: str) -> tuple[int, bytes]:
        if self._client is None:
            self._client = httpx2.AsyncClient(
                trust_env=False, follow_redirects=False, timeout=httpx2.Timeout(POST_TIMEOUT_SECONDS)
            )
        try:
            headers = {"content-type": content_type} if content_type else {}
            answer = await self._client.request(method, url, content=body, headers=headers)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise NotDelivered(type(error).__name__) from error
        return answer.status_code, answer.content

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None
