"""Says how old the last good backup is, and whether books that were restored from one agree with the shops again."""

from collections.abc import Sequence

from bridge.clock import between_ms, boot_mark, from_ms
from bridge.domain.spans import age
from bridge.flows.context import Context
from bridge.flows.health import NOTHING, Check, Words
from bridge.flows.sites import Site
from bridge.ledger import backups, gap
from bridge.ledger.backups import Backup
from bridge.ledger.ledger import Turn

AUTOMATIC_WARN, AUTOMATIC_ALARM = 600, 1_800
TYPED_WARN = 86_400
"""From what age of the last good backup, in seconds, a person should look, or is told wherever they are."""
FIRST_LOOK = "backup"
ROUNDS = 24
"""So many times as long as it took the next good one may take to come: the bridge rests ten times that, and one may
fail."""


def check_copies(turn: Turn, context: Context, sites: Sequence[Site], at: int) -> list[Check]:
    """Check the backup and the gaps; nothing where no backup was ever made and none restored."""
    return [*_check_backup(turn, context, at), *_check_gap(turn, sites)]


def overdue(turn: Turn, context: Context, at: int) -> str:
    """Say since when no backup of its own has been good, where that is too long while this process has run; "" else."""
    if not context.settings.backup_path:
        return ""
    backup, mark = backups.last(turn), boot_mark(context.clock)
    here = between_ms(context.first_looks.setdefault(FIRST_LOOK, mark), mark) or 0
    waited = here if backup is None else min(here, at - backup.made_at)
    if waited <= _limit(context, backup, AUTOMATIC_ALARM) * 1000:
        return ""
    return f"the last good one is of {from_ms(backup.made_at).isoformat(timespec='seconds')}" if backup else "none yet"


def _limit(context: Context, backup: Backup | None, least: int) -> float:
    """Say how old the last of the bridge's own backups may be, in seconds: the next one is not due before."""
    took = backup.took_ms / 1000 if backup is not None else 0.0
    return max(least, 2 * context.settings.backup_seconds, ROUNDS * took)


def _check_backup(turn: Turn, context: Context, at: int) -> list[Check]:
    backup, automatic = backups.last(turn), bool(context.settings.backup_path)
    label = Words("백업", "Backup")
    if backup is None and not automatic:
        return []
    if backup is None:
        value, old = Words("아직 없음", "none yet"), True
    else:
        seconds = max(0.0, (at - backup.made_at) / 1000)
        limit = _limit(context, backup, AUTOMATIC_WARN) if automatic else TYPED_WARN
        value, old = Words(age(seconds), age(seconds, "en")), seconds > limit
    advice = Words(
        "마지막으로 성공한 백업이 오래됐어요. 백업 폴더의 남은 공간과 브리지의 로그를 확인해 주세요.",
        "The last good backup is old. Check the free space of the backup folder and the bridge's log.",
    )
    return [Check("backup", "warn" if old else "pass", label, value, advice if old else NOTHING)]


def _check_gap(turn: Turn, sites: Sequence[Site]) -> list[Check]:
    found = [one for site in sites if (one := gap.of_site(turn, site.id)) is not None]
    lasting = sum(one.ended_at is None for one in found)
    lost = sum(len(gap.lost(turn, one.site)) for one in found)
    label = Words("장부 맞춤", "Reconciliation")
    if lasting:
        advice = Words(
            "장부를 백업에서 되살려서 결제와 환불을 멈췄어요. `pay-bridge reconcile`로 남은 일을 확인해 주세요.",
            "The books were restored, and no money moves. Do what `pay-bridge reconcile` shows to be missing.",
        )
        value = Words(f"사이트 {lasting}곳 확인 중", f"{lasting} site(s) not reconciled")
        return [Check("reconciliation", "fail", label, value, advice)]
    if lost:
        advice = Words(
            f"장부에 없는 결제가 {lost}건 있어요. 결제사에서 찾아보고 `pay-bridge reconcile --end`로 닫아 주세요.",
            f"{lost} payments are in no book. Find them in the gateway's console, then `pay-bridge reconcile --end`.",
        )
        return [Check("reconciliation", "warn", label, Words(f"{lost}건", f"{lost} lost"), advice)]
    return []
