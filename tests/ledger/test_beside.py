"""What people, inquiries and notices said of money, as its entries tell: the rows of `bridge.ledger.beside`."""

import pytest

from bridge.domain.machine import Evidence
from bridge.ledger import beside, cases, operations
from bridge.ledger.beside import Said
from tests.ledger.test_rows import AT, opened

OTHER_AT = AT + 5
ENTRIES = (
    ("orphan:p:case:c1:o1", "orphan_capture", 1_000, Evidence.E8),
    ("orphan:p:case:c1:o2", "orphan_capture", 1_000, Evidence.E8),
    ("orphan:p:case:c2:o3", "orphan_capture", 1_000, Evidence.E8),
    ("orphan:p:shown:1000", "orphan_capture", 1_000, Evidence.E4),
    ("orphan:p:captured", "orphan_capture", 1_000, Evidence.E7),
    ("orphan:p:case:c1:o4", "orphan_capture", 2_000, Evidence.E8),
    ("orphan:p:case:c1:o5", "orphan_refund", -1_000, Evidence.E8),
    ("orphan:p:notice:n0", "orphan_refund", -1_000, Evidence.E7),
    ("case:c1:o6", "external_refund", -1_000, Evidence.E8),
    ("case:c2:o7", "external_refund", -1_000, Evidence.E8),
    ("case:c2:o8", "external_refund", -500, Evidence.E8),
    ("notice:n1", "external_refund", -700, Evidence.E7),
    ("shown:1", "external_refund", -800, Evidence.E4),
)


@pytest.fixture
async def payment(books):
    """A payment of which much was said: in a case that was reported, and in one about a foreign number."""
    made = await opened(books)
    for case_id, reason, refs in (("c1", "reported", {"tid": "T1"}), ("c2", "foreign", {})):
        seen = {"case_id": case_id, "reason": reason, "detail": "seen", "refs": refs, "at": AT}
        await books.write(lambda turn, seen=seen: cases.open_case(turn, site="s", payment=made.id, **seen))

    def work(turn):
        for cause, kind, amount, evidence in ENTRIES:
            said = {"kind": kind, "amount": amount, "evidence": evidence, "at": OTHER_AT}
            operations.enter(turn, cause=cause, site="s", payment=made.id, **said)

    await books.write(work)
    return made.id


async def test_what_people_and_inquiries_wrote_down_is_read_with_its_case(books, payment):
    async def said(kind, amount, of=payment):
        return sorted(await books.read(lambda turn: beside.said_of(turn, of, kind, amount)))

    of_c1, of_c2 = Said("E8", "reported", {"tid": "T1"}), Said("E8", "foreign", {})
    assert await said("orphan_capture", 1_000) == sorted([Said("E4", "", {}), of_c2, of_c1, of_c1])
    assert await said("orphan_capture", 2_000) == [of_c1]
    assert await said("orphan_refund", -1_000) == [of_c1]
    assert await said("external_refund", -1_000) == [of_c2, of_c1]
    assert await said("external_refund", -800) == [Said("E4", "", {})]
    assert await said("external_refund", -700) == [], "a notice told it"
    assert await said("orphan_capture", 1_500) == await said("orphan_capture", 1_000, "somebody else's") == []


@pytest.mark.parametrize(("amount", "since", "is_told"), [
    (700, OTHER_AT, True), (700, OTHER_AT + 1, False), (701, AT, False), (1_000, AT, False),
    (800, AT, False),
])  # fmt: skip
async def test_a_notice_told_that_so_much_went_back_since_then(books, payment, amount, since, is_told):
    assert await books.read(lambda turn: beside.is_told_back(turn, payment, amount, since)) is is_told
    assert await books.read(lambda turn: beside.is_told_back(turn, "somebody else's", amount, since)) is False


async def test_a_capture_is_in_the_books_by_its_evidence(books, payment):
    assert await books.read(lambda turn: beside.evidence_of_capture(turn, payment)) == ""
    taken = {"kind": "capture", "amount": 1_000, "evidence": Evidence.E8, "at": AT}
    await books.write(lambda turn: operations.enter(turn, cause="a", site="s", payment=payment, **taken))
    assert await books.read(lambda turn: beside.evidence_of_capture(turn, payment)) == "E8"
