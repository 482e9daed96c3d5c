"""The server is ended at every moment of what it does for a request; afterwards ledger, gateway and shop agree."""

import pytest

from .conftest import ChainOf
from .moments import compiler
from .scenarios import CHAINS, RECOVERY, SCENARIOS

SERVING_SECONDS_MAX = 20.0
PICKED_UP_SECONDS_MAX = 25.0
RECOVERY_COMMITS_AND_SENDS_MIN = 8


@pytest.mark.kill
@pytest.mark.parametrize("chain", CHAINS)
def test_ledger_and_gateway_agree_whenever_the_server_was_killed(chain: str, chain_of: ChainOf) -> None:
    ran = chain_of(chain)
    assert ran.kills >= 1
    assert ran.payments > ran.kills, "every kill had a payment of its own, and the run that survived too"
    assert all(restart.serving < SERVING_SECONDS_MAX for restart in ran.restarts)
    assert all((restart.picked_up or 0) < PICKED_UP_SECONDS_MAX for restart in ran.restarts)
    if compiler() is None:
        return  # steps of time: how many there are says nothing
    name, _, variant = chain.partition("+")
    commit = "C" if variant == "postgres" else "s"
    assert {commit, "N"} <= set(ran.moments), "commits and answers were among the moments"
    least = RECOVERY_COMMITS_AND_SENDS_MIN if name == RECOVERY else SCENARIOS[name].commits_and_sends_min
    assert ran.moments.count(commit) + ran.moments.count("N") >= least
    assert ran.power_cuts == (ran.kills if variant == "power" else 0)
