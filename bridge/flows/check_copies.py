"""Says how old the last good backup is, and whether books that were restored from one agree with the shops again."""

from collections.abc import Sequence

from bridge.domain.spans import age
from bridge.flows.context import Context
from bridge.flows.health import NOTHING, Check, Words
from bridge.flows.sites import Site
from bridge.ledger import backups, gap
from bridge.ledger.ledger import Turn

AUTOMATIC_WARN = 600
TYPED_WARN = 86_400
"""From what age of the last good backup, in seconds, a person should look."""


def check_copies(turn: Turn, context: Context, sites: Sequence[Site], at: int) -> list[Check]:
    """Check the backup and the gaps; nothing where no backup was ever made and none restored."""
    return [*_check_backup(turn, context, at), *_check_gap(turn, sites)]


def _check_backup(turn: Turn, context: Context, at: int) -> list[Check]:
    backup, automatic = backups.last(turn), bool(context.settings.backup_path)
    label = Words("백업", "Backup")
    if backup is None and not automatic:
        return []
    if backup is None:
        value, old = Words("아직 없음", "none yet"), True
    else:
        seconds = max(0.0, (at - backup.made_at) / 1000)
        value, old = Words(age(seconds), age(seconds, "en")), seconds > (AUTOMATIC_WARN if automatic else TYPED_WARN)
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
