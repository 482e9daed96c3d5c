"""Says when the shops' anchors were compared with the books last, and whether the books bear them out."""

from collections.abc import Sequence

from bridge.domain.spans import age, span
from bridge.flows.health import Check, Words
from bridge.flows.sites import Site
from bridge.ledger import anchors
from bridge.ledger.ledger import Turn

LATE_SECONDS = 2 * 86_400
LABEL = Words("봉인 사본", "Anchors")


def check_anchors(turn: Turn, sites: Sequence[Site], at: int) -> list[Check]:
    """Check the anchors of some sites; nothing where no shop ever handed any back. `at` in milliseconds."""
    ours = {site.id for site in sites}
    broken = [one for one in anchors.breaks(turn) if one.site in ours]
    if broken:
        first, many = broken[0], sum(one.many for one in broken)
        advice = Words(
            f"WordPress가 보관한 {first.day}의 봉인 {first.seal}번과 장부가 달라요. 장부를 누가 고쳤거나 옛 사본으로"
            " 바꿨으니, 제대로 만든 백업에서 `pay-bridge restore`로 되살려 주세요. 해가 없다고 두 사람이 확인했다면"
            " `pay-bridge anchors`로 알려 주세요.",
            f"The books are not those that WordPress keeps anchors of: {first.what}. Find out who changed them, then"
            " put a good backup in place with `pay-bridge restore`. What two people found harmless they"
            " acknowledge with `pay-bridge anchors`.",
        )
        return [Check("anchors", "fail", LABEL, Words(f"{many}개 어긋남", f"{many} broken"), advice)]
    times = [heard for site in sites if (heard := anchors.compared_at(turn, site.id)) is not None]
    if not times:
        return []
    seconds = max(0.0, (at - min(times)) / 1000)
    value = Words(f"{age(seconds)} 대조, 맞음", f"agreed {age(seconds, 'en')}")
    known = sum(row["site"] in ours for row in anchors.all_breaks(turn))  # all of them acknowledged, as none is broken
    if known:
        value = Words(f"{value.ko} (어긋난 {known}개는 확인함)", f"{value.en}, but for {known} acknowledged")
    if seconds <= LATE_SECONDS:
        return [Check("anchors", "pass", LABEL, value)]
    advice = Words(
        f"WordPress가 봉인 사본을 {span(seconds)}째 보내지 않았어요. 플러그인과 WP-Cron이 켜져 있는지 확인해 주세요.",
        f"WordPress has handed back no anchors for {span(seconds, 'en')}. Check that the plugin and WP-Cron run.",
    )
    return [Check("anchors", "warn", LABEL, value, advice)]
