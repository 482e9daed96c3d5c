"""Keeps conversations with gateways in the ledger: scrubbed, with what they took and the gateway's clock."""

import json
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from typing import Protocol

from bridge.clock import Clock, new_id, to_ms
from bridge.ledger import calls
from bridge.ledger.calls import CallRecord
from bridge.ledger.ledger import Turn
from bridge.wire.journal import Line


class Subject(Protocol):
    """What a conversation was about: a payment, or a billing key."""

    @property
    def id(self) -> str: ...
    @property
    def site(self) -> str: ...
    @property
    def gateway(self) -> str: ...


def keep_lines(turn: Turn, clock: Clock, subject: Subject, lines: Iterable[Line], at: int, operation: str = "") -> None:
    """Write each call down; `at` in milliseconds is when the last answer was in. `operation` is the one whose money the
    calls moved that move any."""
    for line in lines:
        record = CallRecord(
            id=new_id(clock),
            site=subject.site,
            payment=subject.id,
            gateway=subject.gateway,
            op=line.op,
            verdict=line.verdict,
            status=line.status or 0,
            took_ms=round(line.seconds * 1000),
            skew_ms=_skew(line.date_header, at),
            request=json.dumps(dict(line.request_fields), ensure_ascii=False),
            response=line.response,
            why=line.why,
            at=at,
            operation=operation if line.moves_money else "",
        )
        calls.add(turn, record)


def _skew(date_header: str, at: int) -> int | None:
    """Say how far the gateway's clock is from ours, in milliseconds, as far as its Date header tells (in seconds)."""
    if not date_header:
        return None
    try:
        theirs = parsedate_to_datetime(date_header)
    except (ValueError, OverflowError):
        return None
    return to_ms(theirs) - at
