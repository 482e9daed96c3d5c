"""What schedules have beside plain sales: drawn from its own stream, and what is told wrongly is found out."""

import dataclasses
from collections import Counter

import pytest

from bridge.domain.billing import Issued
from bridge.domain.gateway import Return
from bridge.domain.tax import Split
from bridge.flows import approve, finish_checkout, issue_receipt, tax_of_refund
from bridge.flows.move_receipt import move_receipt
from bridge.gateways.payapp import notices as payapp_notices
from bridge.gateways.payple import notices as payple_notices
from bridge.gateways.payple.adapter import Payple, PaypleAtOnce
from bridge.gateways.welcome.adapter import Welcome
from bridge.ledger.receipts import ReceiptState
from bridge.sandbox.faults import Fault
from tests.storm import accounts, mischief, typed
from tests.storm.extras import Extras, draw_extras, sold
from tests.storm.quietly import is_found_out, storms
from tests.storm.regressions import CROSSED, PLAIN, WITHOUT_STORIES
from tests.storm.weather import Weather

MANY = range(1, 401)
DOUBLED = range(150, 170)


def having(extra):
    """List the schedules that have this."""
    return [seed for seed in MANY if getattr(draw_extras(seed), extra)]


def test_what_a_seed_has_is_drawn_from_it_alone_and_the_kept_ones_have_nothing():
    assert draw_extras(7) == draw_extras(7)
    assert {draw_extras(seed) for seed in PLAIN} == {Extras()}
    kept = [draw_extras(seed) for seed in WITHOUT_STORIES]
    assert not any(one.stories or one.hasty or one.typed for one in kept)
    found = [draw_extras(seed) for seed in MANY]
    assert 50 < sum(one.mixed for one in found) < 150
    assert 50 < sum(one.instalments for one in found) < 150


def test_a_return_that_belongs_to_another_payment_is_tried_and_counted_where_it_was():
    few = having("crossed")[:12]
    with storms() as made:
        found = [made.run(seed) for seed in few]
    tried = [sum("what belongs to another" in line for line in one.log) for one in found]

    assert sum(tried) > 20
    assert [one.faults["foreign_return"] for one in found] == tried


def test_a_bridge_that_approves_with_another_payments_return_is_found_out(monkeypatch):
    async def looks_away(*_):
        return None

    monkeypatch.setattr(finish_checkout, "refuse_claimed", looks_away)
    monkeypatch.setattr(approve.replay, "claim", lambda *_: True)

    assert is_found_out("I4", CROSSED)


def test_a_return_is_brought_to_another_payment_before_its_own_has_begun():
    firsts = []
    with storms("welcome") as made:
        for seed in [seed for seed in range(1, 1_200) if draw_extras(seed).crossed and draw_extras(seed).first][:30]:
            found = made.run(seed)
            assert not found.violations
            firsts += [line for line in found.log if "another that has not begun" in line]

    assert len(firsts) > 3


def test_money_that_is_believed_where_browsers_see_that_notices_go_is_found_out(monkeypatch):
    with storms("payapp") as made:
        assert made.run(365).faults["forged_notice"] > 5
    monkeypatch.setattr(payapp_notices, "SHOWN", "nowhere")

    assert is_found_out("I2", [365], "payapp")


def test_a_console_gives_several_parts_of_a_payment_back():
    with storms("welcome") as made:
        found = [made.run(seed) for seed in having("parts")]
    parts = ["one of several parts" in line for one in found for line in one.log]

    assert not any(one.violations for one in found)
    assert sum(parts) > 5


def test_books_are_copied_while_the_clock_runs_ahead():
    few = [seed for seed in range(1, 2_000) if draw_extras(seed).restored and draw_extras(seed).ahead][:12]
    with storms() as made:
        found = [made.run(seed) for seed in few]
    ahead = ["by a clock that runs ahead" in line for one in found for line in one.log]

    assert not any(one.violations for one in found)
    assert sum(ahead) > 5


def test_what_had_nothing_to_strike_is_not_counted(monkeypatch):
    async def finds_nothing(*_):
        return False

    for name in ("_forge_notice", "_cross_returns", "_foreign_refund"):
        monkeypatch.setattr(mischief, name, finds_nothing)
    with storms() as made:
        struck = sum((made.run(seed).faults for seed in range(1, 60)), Counter())

    assert not {"forged_notice", "foreign_return", "foreign_site"} & set(struck)


@pytest.mark.parametrize(("amount", "tax_free"), [(1_000, 0), (55_000, 20_350), (30_000, 30_000)])
def test_the_parts_of_an_order_add_up(amount, tax_free):
    order = sold(amount, tax_free)

    assert order.get("tax_free", 0) == tax_free
    assert sum(item["amount"] for item in order.get("items", [])) == (amount if tax_free else 0)
    assert all(item["amount"] for item in order.get("items", []))


def test_a_key_that_is_issued_though_its_window_was_closed_is_found_out(monkeypatch):
    def believes(self, form):
        return Return({"oid": form["PCD_PAY_OID"]})

    monkeypatch.setattr(Payple, "read_return", believes)
    monkeypatch.setattr(Payple, "issue_key", issued_to_anybody)

    assert is_found_out("K1", having("keys"), "payple")


def issued_to_anybody(self, order, returned, stamp):
    yield from ()
    return Issued("a key")


def test_a_refund_that_is_told_without_its_vat_is_found_out(monkeypatch):
    monkeypatch.setattr(Welcome, "tax_fields", lambda self, parts, tax_free: {})

    assert is_found_out("I7b", having("mixed"), "welcome")


def test_refunds_whose_vat_is_not_the_payments_are_found_out(monkeypatch):
    monkeypatch.setattr(tax_of_refund, "split_of_refund", lambda amount, **known: Split(amount, 0, 0))

    assert is_found_out("I7b", having("mixed"), "paystory")


def test_a_window_that_is_not_told_of_the_months_is_found_out(monkeypatch):
    whole = Welcome.make_link

    def forgets(self, reference, amount, title, fields, urls, stamp):
        return whole(self, reference, amount, title, {**fields, "P_QUOTABASE": ""}, urls, stamp)

    monkeypatch.setattr(Welcome, "make_link", forgets)

    assert is_found_out("I7b", having("instalments"), "welcome")


def test_accounts_are_closed_and_deposits_go_back_to_accounts_in_storms():
    wanted, found = {"paystory/virtual_account/voided", "paystory/virtual_account/refunded"}, set()
    with storms("paystory") as made:
        for seed in having("accounts"):
            found |= {one.partition(":")[0] for one in made.run(seed).final.split()}
            if wanted <= found:
                return
    pytest.fail(f"only {found}")


def test_a_refund_executed_twice_at_payple_of_which_nobody_is_told_is_found_out(
    monkeypatch,
):
    def twice(self, op, setup, must_tell):
        if op != "refund" or self.calm:
            return None
        must_tell()
        return Fault("duplicate_unseen", 1.0)

    def once(self, raw, kind):
        return dataclasses.replace(payple_notices.read(raw), alike=False)

    monkeypatch.setattr(Weather, "of_call", twice)
    assert not is_found_out("I1", DOUBLED, "payple")
    monkeypatch.setattr(Payple, "read_notice", once)
    monkeypatch.setattr(PaypleAtOnce, "read_notice", once)
    assert is_found_out("I1", DOUBLED, "payple")


def test_transfers_are_registered_failed_by_the_bank_and_taken_back_in_storms():
    wanted, found = {"transfer asked for", "transfer failed", "transfer not_made"}, set()
    with storms("mainpay") as made:
        for seed in having("accounts"):
            found |= made.run(seed).deeds.keys()
            if wanted <= found:
                return
    pytest.fail(f"only {found}")


def test_what_must_be_read_nowhere_is_looked_for_in_what_is_kept(monkeypatch):
    monkeypatch.setattr(accounts, "SECRETS", ("고객 요청",))

    assert is_found_out("I13", having("accounts"), "paystory")


def test_typed_cards_are_charged_in_storms_and_a_number_that_is_kept_is_found_out(monkeypatch):
    with storms("mainpay") as made:
        seed = next(seed for seed in having("typed") if made.run(seed).deeds["typed card paid"])
    monkeypatch.setattr(typed, "NUMBER", "봄의 제전")

    assert is_found_out("I13", [seed], "mainpay")


def test_a_receipt_that_is_called_refused_behind_a_lost_answer_is_found_out(monkeypatch):
    lost = issue_receipt.hand_to_person

    def refused(turn, recorder, receipt, code, message):
        if receipt.state is not ReceiptState.ISSUING:
            return lost(turn, recorder, receipt, code, message)
        return move_receipt(turn, recorder, receipt, ReceiptState.REFUSED, code=code, message=message)

    monkeypatch.setattr(issue_receipt, "hand_to_person", refused)
    assert is_found_out("R2", having("receipts"), "payapp")
