"""What a site proposes is text under its key: the only operator may be behind it, and waits as for an own proposal."""

import pytest

from bridge.clock import now_ms
from bridge.domain.decisions import EVIDENCE_CHARACTERS_MIN
from bridge.domain.failures import Malformed, NeedsAnother
from bridge.flows.decide_case import confirm, report
from bridge.flows.log_in import add_operator
from bridge.flows.manage_operators import disable_operator, set_role
from bridge.flows.two_people import Checker, Made, check_checker, may_be_both, read_remark

pytestmark = pytest.mark.usefixtures("cheap_passwords")
SEEN = "콘솔에서 5,000원 부분 취소, 승인번호 30001234"
PASSWORD = "correct horse battery"
ME = {"actor": "operator:root"}
HOUR, DAY = 3600, 24 * 3600
TAKEN = ("capture", 55_000, "E1")
GIVEN_BACK = ("external_refund", -5_000, "E8")


class Desk:
    """A case about a paid payment, for which the shop proposes that 5,000 KRW went back."""

    def __init__(self, world, payment, case):
        self.world, self.payment, self.case = world, payment, case
        self.proposal = ""

    async def propose(self):
        """Propose by the shop's key, as somebody in WordPress."""
        wish = {"action": "propose", "decision": "given_back", "amount": 5_000, "evidence": SEEN, "actor": "wp:1"}
        made = await self.world.call("POST", f"/v1/cases/{self.case}", wish)
        assert made.status_code == 201, made.text
        self.proposal = made.json()["id"]

    async def confirm(self, who="haneul", remark=SEEN):
        return await confirm(self.world.context, self.case, self.proposal, operator=who, remark=remark)

    async def entries(self):
        return await self.world.entries(self.payment)


@pytest.fixture
async def desk(world):
    """With the only operator, haneul, and a viewer, bora."""
    await add_operator(world.context, "haneul", PASSWORD)
    await add_operator(world.context, "bora", PASSWORD, "viewer")
    payment = await world.buy()
    return Desk(world, payment.id, await report(world.context, payment.id, SEEN, "operator:haneul"))


async def test_the_only_operator_waits_a_day_with_a_shops_proposal_and_types_evidence_again(desk):
    await desk.propose()
    with pytest.raises(NeedsAnother, match="You are the only operator") as early:
        await desk.confirm()
    assert early.value.extra["not_before"]
    await desk.world.clock.forward(DAY - HOUR)
    with pytest.raises(NeedsAnother, match="by the shop's key"):
        await desk.confirm()
    await desk.world.clock.forward(HOUR + 1)  # fractions of a second round down
    with pytest.raises(Malformed, match="type what you saw"):
        await desk.confirm(remark="ok")
    assert await desk.entries() == [TAKEN]

    assert (await desk.confirm()).state == "confirmed"
    assert await desk.entries() == [TAKEN, GIVEN_BACK]


async def test_where_the_settings_say_so_a_shops_proposal_waits_for_a_second_operator(desk):
    object.__setattr__(desk.world.context.settings, "lone_operator_confirms", False)
    await desk.propose()
    await desk.world.clock.forward(30 * DAY)
    with pytest.raises(NeedsAnother, match="Another operator must confirm") as refused:
        await desk.confirm()
    assert "not_before" not in refused.value.extra
    assert await desk.entries() == [TAKEN]

    await add_operator(desk.world.context, "minji", PASSWORD)
    assert (await desk.confirm("minji")).state == "confirmed"


@pytest.mark.parametrize("who", ["haneul", "minji"])
async def test_where_there_are_two_operators_either_confirms_a_shops_proposal_at_once(desk, who):
    await add_operator(desk.world.context, "minji", PASSWORD)
    await desk.propose()
    assert (await desk.confirm(who, remark="")).checker == f"operator:{who}"
    assert await desk.entries() == [TAKEN, GIVEN_BACK]


@pytest.mark.parametrize("way", ["disabled", "made a viewer"])
async def test_who_shuts_the_other_out_waits_a_day_with_a_shops_proposal_however_old_it_is(desk, way):
    await add_operator(desk.world.context, "minji", PASSWORD)
    await desk.propose()
    await desk.world.clock.forward(3 * DAY)
    if way == "disabled":
        await disable_operator(desk.world.context, "minji", **ME)
    else:
        await set_role(desk.world.context, "minji", "viewer", **ME)

    await desk.world.clock.forward(DAY - HOUR)
    with pytest.raises(NeedsAnother, match="after the others were disabled") as early:
        await desk.confirm()
    assert early.value.extra["not_before"]
    await desk.world.clock.forward(HOUR + 1)  # fractions of a second round down
    assert (await desk.confirm()).state == "confirmed"


async def test_an_account_proves_who_proposed_and_a_name_that_a_site_writes_does_not(desk):
    await add_operator(desk.world.context, "minji", PASSWORD)
    await disable_operator(desk.world.context, "minji", **ME)
    found = {
        maker: await desk.world.context.ledger.read(lambda turn, maker=maker: may_be_both(turn, maker, "haneul"))
        for maker in ("operator:haneul", "operator:minji", "operator:nobody", "site:wp:1", "site:operator:minji")
    }
    assert found == {
        "operator:haneul": True,
        "operator:minji": False,
        "operator:nobody": True,
        "site:wp:1": True,
        "site:operator:minji": True,
    }


@pytest.mark.parametrize(
    ("waited_ms", "characters", "refused"),
    [
        (DAY * 1000 - 1, EVIDENCE_CHARACTERS_MIN, NeedsAnother),
        (DAY * 1000, EVIDENCE_CHARACTERS_MIN - 1, Malformed),
        (DAY * 1000, EVIDENCE_CHARACTERS_MIN, None),
    ],
)
async def test_the_day_is_over_to_the_millisecond_and_the_least_evidence_is_enough(
    desk, waited_ms, characters, refused
):
    at = now_ms(desk.world.clock)
    made, checker = Made("site:wp:1", at - waited_ms), Checker("haneul", "가" * characters, may_alone=True)
    asked = desk.world.context.ledger.read(lambda turn: check_checker(turn, made, checker, at))
    if refused is None:
        await asked
        return
    with pytest.raises(refused):
        await asked


def test_a_remark_is_one_line_of_at_most_500_printable_characters():
    assert read_remark("  콘솔에서\n5,000원 \t취소 ") == "콘솔에서 5,000원 취소"
    assert read_remark("가" * 500) == "가" * 500
    for wrong in ("가" * 501, "콘솔\x00에서", "콘솔\u202e에서"):
        with pytest.raises(Malformed, match="at most 500 printable"):
            read_remark(wrong)
