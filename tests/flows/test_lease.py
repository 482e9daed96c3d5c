"""Giving the lease up is the last that a process says: a renewal under way then does not bring it back.

Of `bridge.flows.lease`."""

import asyncio
from types import SimpleNamespace

import pytest

from bridge.domain.failures import Busy
from bridge.flows import lease


class ManyWriters:
    """A ledger whose turns run beside each other, and go on when whoever waits for them has gone."""

    alone = False

    def __init__(self):
        self.said, self.is_slow, self.fails = [], False, False
        self.renewing = asyncio.Event()

    async def write(self, work):
        return await asyncio.shield(asyncio.create_task(self._turn(work, self.is_slow)))

    async def _turn(self, work, is_slow):
        if is_slow:
            self.is_slow = False
            self.renewing.set()
            await asyncio.sleep(0.05)  # longer than a beat, so that the end comes meanwhile
            if self.fails:
                raise Busy("The database cannot do this right now; nothing was written.")
        work(SimpleNamespace(run=lambda sql, *_: self.said.append(sql.partition(" WHERE")[0])))


@pytest.mark.parametrize("fails", [False, True])
async def test_a_renewal_that_is_under_way_when_the_lease_is_given_up_comes_before_the_end(monkeypatch, fails):
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.01)
    clock = SimpleNamespace(sleep=asyncio.sleep, boot_seconds=lambda: 1.0)
    monkeypatch.setattr(lease, "now_ms", lambda _: 0)
    ledger = ManyWriters()
    async with lease.leased(SimpleNamespace(ledger=ledger, clock=clock, owner="o")):
        ledger.is_slow, ledger.fails = True, fails
        await ledger.renewing.wait()

    assert ledger.said[-1] == "DELETE FROM owners", ledger.said
    said = len(ledger.said)
    await asyncio.sleep(0.1)  # ten beats
    assert len(ledger.said) == said, "nothing is said after the end"
