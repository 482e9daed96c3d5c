"""An old copy of the books in a storm: what a bridge that forgets or repeats would do is found out."""

from bridge.flows import compare_first, reconcile
from tests.storm.extras import draw_extras
from tests.storm.quietly import is_found_out, storms
from tests.storm.restoring import Restoring

SEEDS = [seed for seed in range(1, 2_000) if draw_extras(seed).restored]


def test_an_old_copy_loses_nothing_that_the_shop_heard_of():
    many = 0
    with storms() as made:
        for seed in SEEDS[:10]:
            outcome = made.run(seed)
            many += outcome.faults["restored"]

            assert outcome.violations == []
    assert many >= 5


def test_a_capture_that_is_forgotten_after_a_restore_is_a_violation(monkeypatch):
    monkeypatch.setattr(reconcile, "revive_payment", lambda turn, recorder, known: "same")

    assert is_found_out("R1", SEEDS)


def test_a_gap_that_never_ends_is_a_violation(monkeypatch):
    async def never(context):
        pass

    monkeypatch.setattr("bridge.flows.heartbeat.beat_gaps", never)

    assert is_found_out("R3", SEEDS)


def test_money_that_is_given_back_again_after_a_restore_is_a_violation(monkeypatch):
    put_back = Restoring._put_back

    def gives_back(self, copy):
        put_back(self, copy)
        books = [book for gate in self._storm.gates.values() for book in gate.books() if book.captured > book.refunded]
        for book in books[:1]:
            self._storm.gates[next(iter(self._storm.gates))].world.bank.refund(book, 100, "again", "20261120", "again")

    monkeypatch.setattr(Restoring, "_put_back", gives_back)

    assert is_found_out("R2", SEEDS)


def test_money_is_given_back_after_a_gap_and_a_bridge_that_takes_no_refund_then_is_found_out(monkeypatch):
    with storms() as made:
        given = sum(made.run(seed).deeds["given back after a gap"] for seed in SEEDS[:12])
    assert given > 2

    monkeypatch.setattr(compare_first, "_answers_since", lambda turn, payment: [])
    assert is_found_out("R4", SEEDS)
