"""What the last check of the books says, as a line of the bridge's health."""

from collections.abc import Sequence

from bridge.domain.invariants import RULES
from bridge.domain.spans import age
from bridge.flows.compare_anchors import SUBJECT
from bridge.flows.health import Check, Words
from bridge.ledger.alarms import INVARIANT
from bridge.ledger.checks import Checked
from bridge.ledger.ledger import Row

LATE_SECONDS = 300
LABEL = Words("장부 점검", "Books")


def check_books(checked: Checked | None, at: int, raised: Sequence[Row] = ()) -> tuple[Check, ...]:
    """Say what the last check found, and earlier ones whose alarms are not over: that of every minute does not look at
    all that the night's does. Nothing before the first one. Anchors are a check of their own. `at`: ms."""
    if checked is None:
        return ()
    seconds = max(0.0, (at - checked.at) / 1000)
    wrong = {(name, subject): what for name, subject, what in checked.found}
    for row in raised:
        wrong.setdefault((row["name"].removeprefix(f"{INVARIANT} "), row["subject"]), row["detail"])
    found = [(*name, what) for name, what in wrong.items() if not name[1].startswith(SUBJECT)]
    if found:
        rule, payment, what = found[0]
        grave = any(RULES.get(name, (None, name == "I15"))[1] for name, _, _ in found)
        many = len(found)
        advice = Words(
            f"장부에서 맞지 않는 것이 {many}건 있어요({rule}). 이 결제를 결제사와 비교해 주세요: {payment}",
            f"{many} things in the books do not hold ({rule}: {what}). Compare this with the gateway: {payment}",
        )
        value = Words(f"{many}건 어긋남", f"{many} do not hold")
        return (Check("books", "fail" if grave else "warn", LABEL, value, advice),)
    value = Words(age(seconds), age(seconds, "en"))
    if seconds > LATE_SECONDS:
        advice = Words(
            "장부 점검이 멈췄어요. 브리지를 다시 시작하고, 되풀이되면 로그를 확인해 주세요.",
            "The books are no longer checked. Restart the bridge; if it happens again, read its log.",
        )
        return (Check("books", "warn", LABEL, value, advice),)
    return (Check("books", "pass", LABEL, value),)
