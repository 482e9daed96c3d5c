"""What can go wrong, and how often: each seed switches on a part of it, each part with its own rate."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from bridge.sandbox.faults import Fault
from tests.storm.gateways.setup import Setup

CALLS: Mapping[str, str] = {
    # nothing is done
    "drop_before": "network",
    "rst_before": "network",
    "hang_before": "network",
    "5xx_before": "network",
    "throttled": "network",
    "redirect": "network",
    # done, and the answer is late, lost or spoilt
    "late": "network",
    "delay": "network",
    "hang": "network",
    "drop_after": "network",
    "rst_after": "network",
    "5xx_after": "network",
    "garbage_after": "network",
    "empty_after": "network",
    "half_after": "network",
    "drip_after": "network",
    "huge_after": "network",
    "loose_types_after": "gateway",
    "decline": "gateway",
    "duplicate": "gateway",
    "duplicate_unseen": "gateway",
}
"""How a call to a gateway goes wrong; the sandbox does it."""

APPROVALS: Mapping[str, str] = {"wrong_amount": "gateway", "cross_wired": "gateway"}
NOTICES: Mapping[str, str] = {
    "notice_thrice": "gateway",
    "notice_first": "gateway",
    "notice_lost": "gateway",
    "notice_late": "gateway",
}
WINDOW: Mapping[str, str] = {"forged_token": "actors"}

OTHERS: Mapping[str, str] = {
    # between the bridge and whom it calls
    "refused": "network",
    "unreachable": "network",
    "tls_failed": "network",
    "kept_connection_lost": "network",
    "outage": "network",
    "swizzle": "network",
    # between buyers, shops, gateways and the bridge
    "request_lost": "network",
    "answer_lost": "network",
    # the process
    "killed_any_time": "process",
    "killed_before_commit": "process",
    "killed_after_commit": "process",
    "killed_before_send": "process",
    "killed_after_send": "process",
    "killed_after_answer": "process",
    "killed_at_boot": "process",
    "told_to_stop": "process",
    "stopped_for_a_while": "process",
    "client_disconnects": "process",
    # the disk
    "disk_full": "storage",
    "disk_nearly_full": "storage",
    "locked": "storage",
    "sync_failed": "storage",
    "sync_failed_late": "storage",
    "slow_disk": "storage",
    "power_lost": "storage",
    # time
    "clock_jumps_forward": "time",
    "clock_jumps_back": "time",
    "bridge_clock_off": "time",
    "shop_clock_off": "time",
    "midnight": "time",
    "end_of_life": "time",
    # the shop
    "shop_down": "shop",
    "shop_slow": "shop",
    "shop_fails_after": "shop",
    "fence_no": "shop",
    "fence_silent": "shop",
    # people
    "two_tabs": "actors",
    "comes_back_twice": "actors",
    "reloads": "actors",
    "closes": "actors",
    "pays_late": "actors",
    "price_changes": "actors",
    "two_clerks": "actors",
    "double_click": "actors",
    "signed_replay": "actors",
    "foreign_site": "actors",
    "key_rotated": "actors",
    "forged_notice": "actors",
    "foreign_return": "actors",
    "console_refund": "gateway",
    "console_part_refund": "gateway",
    "wrong_deposit": "gateway",
    "late_deposit": "gateway",
}
DRAWN: Mapping[str, str] = {**CALLS, **APPROVALS, **NOTICES, **WINDOW, **OTHERS}
"""What the weather draws from a seed. Another among them would make every seed another storm."""

BY_HAND: Mapping[str, str] = {"row_altered": "storage", "restored": "storage"}
"""What some schedules have beside their weather (`extras.py`)."""

KINDS: Mapping[str, str] = {**DRAWN, **BY_HAND}
"""Every kind of fault, with the group it belongs to."""

RARE = {
    **{kind: 0.3 for kind in DRAWN if kind.startswith(("killed_", "sync_failed"))},
    "killed_any_time": 1.0,
    "disk_full": 0.5,
    "locked": 0.5,
}
"""What would end every schedule early is thinned out."""
RATES = (0.04, 0.12, 0.35)
SELDOM = {"two_clerks": 0.35, "closes": 0.12, "notice_late": 0.12}
"""What makes stories that are seldom told, and its rate where it is to happen more often."""
SECONDS = {"late": (20.0, 100.0), "delay": (5.0, 100.0), "hang": (50.0, 110.0), "hang_before": (30.0, 110.0)}
"""How long these last. A gateway executes what it was sent within 100 s: the quiet period of 125 s rests on it."""
DRIPS_SECONDS = 65.0
"""How long an answer that drips is waited for: the longest deadline there is."""
LOSE_APPROVALS = ("late", "hang", "drop_after", "5xx_after", "garbage_after", "duplicate", "wrong_amount")
"""What puts money in doubt strikes an approval three times as often as the rest."""
TAKES_WRONGLY = ("decline", "wrong_amount", "cross_wired")
"""What goes wrong in a window that takes the money itself."""
DUPLICATES = ("duplicate", "duplicate_unseen")


class Weather:
    """One seed's weather. `strikes` answers the same to the same questions in the same order."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.calm = False
        share = chance.choice((0.0, 0.08, 0.15, 0.15, 0.25, 0.25, 0.4))
        self.rates = {kind: chance.choice(RATES) for kind in DRAWN if chance.random() < share}
        self.call_rate = chance.choice((0.1, 0.3, 0.3, 0.6, 0.9))
        self.struck: Counter[str] = Counter()
        self.on_strike: Callable[[str, float], None] = lambda kind, seconds: None
        """Hears of each fault, and how many seconds it lasts."""

    def tell_seldom_stories(self) -> None:
        """Let happen more often what makes them."""
        self.rates |= {kind: max(rate, self.rates.get(kind, 0.0)) for kind, rate in SELDOM.items()}

    def strikes(self, kind: str) -> bool:
        """Tell whether this goes wrong now."""
        rate = self.rates.get(kind)
        if rate is None or self.calm or self._chance.random() >= rate * RARE.get(kind, 1.0):
            return False
        self._strike(kind)
        return True

    def _strike(self, kind: str, seconds: float = 0.0) -> None:
        self.struck[kind] += 1
        self.on_strike(kind, seconds)

    def missed(self, kind: str) -> None:
        """Take back that this went wrong: there was nothing that it could have struck."""
        self.struck[kind] -= 1

    def one_of(self, kinds: Iterable[str]) -> str:
        """Choose which of these goes wrong now, or nothing."""
        for kind in kinds:
            if self.strikes(kind):
                return kind
        return ""

    def lets_be_late(self, seconds: float) -> Fault:
        """Let a call be carried out so much later, whatever this seed's weather is."""
        self._strike("late", seconds)
        return Fault("late", seconds)

    def of_call(self, op: str, setup: Setup, must_tell: Callable[[], object]) -> Fault | None:
        """Choose what goes wrong with a gateway's call. What only a notice can tell of is said by `must_tell`."""
        if self.calm or self._chance.random() >= self.call_rate:
            return None
        approves = op in setup.approvals
        kinds = [kind for kind in (*CALLS, *(APPROVALS if approves else ())) if kind in self.rates]
        if approves:
            kinds += [kind for kind in LOSE_APPROVALS if kind in self.rates] * 2
        never = (*setup.unfindable.get(op, ()), *(() if op in setup.declines else ("decline",)))
        kinds = [kind for kind in kinds if kind not in never]
        if not kinds:
            return None
        kind = self._chance.choice(kinds)
        told = (setup.blind or setup.doubles_told) and op in setup.refunds
        doubles = kind in DUPLICATES and (told or op in setup.charges_twice)
        if doubles or (kind == "wrong_amount" and setup.undo_by_amount):
            must_tell()
        return self._made(kind, self._chance.choice(setup.declines[op]) if kind == "decline" else "")

    def of_notice(self, *, must_arrive: bool) -> Fault | None:
        """Choose what goes wrong with a notice."""
        if self.calm:
            return None
        kinds = [kind for kind in NOTICES if kind in self.rates and not (must_arrive and kind == "notice_lost")]
        if not kinds or self._chance.random() >= self.call_rate:
            return None
        return self._made(self._chance.choice(kinds))

    def of_window(self, setup: Setup) -> Fault | None:
        """Choose whether the window sends the buyer back with a token of nobody's, or what goes wrong where it takes
        the money itself."""
        if "window" not in setup.approvals:
            return Fault("forged_token") if self.strikes("forged_token") else None
        kind = self.one_of(TAKES_WRONGLY)
        if not kind:
            return None
        return Fault(kind, code=self._chance.choice(setup.declines["window"]) if kind == "decline" else "")

    def _made(self, kind: str, code: str = "") -> Fault:
        low, high = SECONDS.get(kind, (1.0, 600.0) if kind == "notice_late" else (1.0, 30.0))
        fault = Fault(kind, self._chance.uniform(low, high), code, "거절" if code else "")
        lasts = {"drip_after": DRIPS_SECONDS}.get(kind, fault.delay_seconds if kind in SECONDS else 0.0)
        self._strike(kind, lasts)
        return fault
