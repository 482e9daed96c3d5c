"""What must hold in every storm: the invariants, judged after each commit, at each byte that leaves, and at the end.

I1 books equal ledger or a case of explained.py names the difference; I2 no money in the ledger that is not at the
gateway; I3 refunds within what was captured; I3b nothing sent twice; I4 the intent committed before the first byte; I5
one holder an order; I6 nothing leaves a terminal state, versions rise, every change is audited; I7 the amount captured
is the amount asked; I8 nobody hears "paid" without money or "failed" while it is unknown, news once and in sequence; I9
settled by evidence; I10 what was acknowledged is kept; I11 a nonce with its effect, once; I12 no site touches
another's; I13 no secret where it may be read; I14 everything comes to an end; I15 the audit's chains are whole.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.domain.invariants import KEEPS_MONEY
from bridge.domain.machine import TERMINAL, UNSETTLED, Evidence, Kind, State, Step
from bridge.ledger import audit
from bridge.ledger.replay import CLAIM
from bridge.ledger.sqlite import SqliteTurn
from bridge.wire.converse import INTENT_SECONDS_MAX
from tests.storm import accounts, receipts, typed
from tests.storm.crossing import values_of
from tests.storm.explained import Side, explains
from tests.storm.gateways import adapter
from tests.storm.gateways.setup import Setup
from tests.storm.net import Heard, Leaving
from tests.storm.office import Truth
from tests.storm.settling import Settling, has_name, promise, was_refused
from tests.storm.shop import Shop, Signed
from tests.storm.stand import Paired

if TYPE_CHECKING:
    from tests.storm.gate import Gate
    from tests.storm.storm import Storm

VIOLATIONS_MAX = 20
GATEWAY_REF_CHARACTERS_MIN = 10
EVIDENCE = frozenset(str(one) for one in Evidence)
OUTCOMES = (Kind.APPROVE, Kind.UNDO, Kind.REFUND)
ENDED = (str(Step.OK), str(Step.FAIL), str(Step.NOT_SENT))
BY_HAND = ("console", "clerk")
FAILED_WORDS = ("실패", "pay_bridge_result=declined", "pay_bridge_result=failed", "pay_bridge_result=expired")
FAILED_TYPE = "payment.failed"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about a payment, and since when its outcome had been unknown by then."""

    payment: str
    pending_since: float | None


class Checks:
    """Judges one storm. Every rule that is broken is a violation with its name."""

    def __init__(self, storm: "Storm") -> None:
        self.violations: list[str] = []
        self.evaluated = 0
        self.lost = self.doubled = self.drifting = 0
        self.explained: Counter[str] = Counter()
        self.people: Counter[str] = Counter()
        self.deeds: Counter[str] = Counter()
        self.orders: Counter[str] = Counter()
        self.orders_with_a_person: Counter[str] = Counter()
        self.covered: set[tuple[str, str, str]] = set()
        self.resolved: list[tuple[str, float]] = []
        self.settling = Settling()
        self._storm = storm
        self._writes: dict[str, int] = {}
        self._turn = SqliteTurn(storm.disk.connection)
        self._payments: dict[str, Any] = {}
        self._steps: dict[str, tuple[str, float]] = {}
        self._pending_since: dict[str, float] = {}
        self._settled_at: dict[str, float] = {}
        self._absent: dict[str, tuple[int, int]] = {}
        self._told: dict[str, int] = {}
        self._nonces: set[str] = set()
        self._answers = self._news = 0
        self._sent: Counter[tuple[str, str]] = Counter()
        self._acknowledged: set[tuple[str, str, str]] = set()
        self._last_fault = "none"
        self.log_lines: list[str] = []

    @property
    def payments_by_gateway(self) -> Counter[str]:
        return Counter(self.setup_of(row).name for row in self._payments.values())

    def fail(self, rule: str, text: str) -> None:
        """Note that a rule is broken."""
        self._storm.note(f"BROKEN {rule}: {text}")
        if len(self.violations) < VIOLATIONS_MAX:
            self.violations.append(f"{rule}: {text}")

    def holds(self, rule: str, truth: bool, text: str) -> None:
        """Require a rule."""
        self.evaluated += 1
        if not truth:
            self.fail(rule, text)

    # ---- after every commit

    def committed(self) -> None:
        """Judge what a commit changed."""
        if self._storm.restoring.begun:
            return
        earned = self._judge_payments() if self._is_written("payments", "operations") else []
        self._judge_told(earned)
        self._judge_news()
        self._judge_nonces()

    def _is_written(self, *tables: str) -> bool:
        """Tell whether one of these tables was written to since this was asked last."""
        writes = self._storm.disk.writes(tables)
        before, self._writes[tables[0]] = self._writes.get(tables[0]), writes
        return before != writes

    def _judge_payments(self) -> list[str]:
        """Judge operations and payments; names those that were paid."""
        turn = self._turn
        operations = turn.all(
            "SELECT one.id, one.payment, one.kind, one.amount, one.state, one.evidence, site, merchant_ref FROM"
            " (SELECT id, payment, kind, amount, state, evidence FROM operations) AS one"
            " JOIN (SELECT id, site, merchant_ref FROM payments) AS payment ON payment.id = one.payment ORDER BY one.id"
        )
        self._judge_steps(operations)
        changed, earned = False, list[str]()
        for row in turn.all("SELECT * FROM payments ORDER BY id"):
            before = self._payments.get(row["id"])
            if before is None or before["version"] != row["version"]:
                changed = True
                if row["state"] == "paid" and (before is None or before["state"] != "paid"):
                    earned.append(row["id"])
                self._judge_payment(before, row, [one for one in operations if one["payment"] == row["id"]])
                self._payments[row["id"]] = row
        if changed:
            self._judge_orders()
        return earned

    def _judge_payment(self, before: Any, row: Any, operations: list[Any]) -> None:
        storm, name, state = self._storm, row["merchant_ref"], row["state"]
        if before is not None:
            ended = State(before["state"]) in TERMINAL
            self.holds("I6", not ended or before["state"] == state, f"{name} left {before['state']} for {state}")
            self.holds("I6", row["version"] > before["version"], f"{name}: its version did not rise")
        if before is None:
            storm.keys.charged(row)
        if before is None or before["state"] != state:
            storm.note(f"{name} {before['state'] if before else '-'} -> {state}")
            if State(state) in UNSETTLED:
                self._pending_since.setdefault(row["id"], storm.loop.time())
            else:
                self._pending_since.pop(row["id"], None)
        last = self._turn.one("SELECT seq, became FROM audit WHERE payment = ? ORDER BY seq DESC LIMIT 1", row["id"])
        audited = last is not None and last["seq"] >= row["version"] and last["became"] == state
        self.holds("I6", audited, f"{name}: a change has no row in the audit")
        entries = self._turn.all("SELECT kind, amount FROM entries WHERE payment = ?", row["id"])
        taken = sum(one["amount"] for one in entries if one["amount"] > 0)
        given = -sum(one["amount"] for one in entries if one["amount"] < 0)
        book = self._book(row)
        self.holds("I2", taken <= book[0], f"{name}: the ledger took {taken}, the gateway {book[0]}")
        self.holds("I2", given <= book[1], f"{name}: the ledger gave {given} back, the gateway {book[1]}")
        sums = row["captured"] - row["refunded"] + row["orphaned"]
        self.holds("I2", taken - given == sums, f"{name}: its entries are {taken - given}, its sums {sums}")
        wanted = sum(
            one["amount"] for one in operations if one["kind"] == "refund" and one["state"] not in ("fail", "not_sent")
        )
        self.holds("I3", wanted <= row["captured"], f"{name}: {wanted} asked back of {row['captured']}")
        paid = state in ("paid", "part_refunded", "refunded")
        self.holds("I7", not paid or row["captured"] == row["amount"], f"{name}: {state} with {row['captured']}")

    def _judge_steps(self, operations: list[Any]) -> None:
        now = self._storm.loop.time()
        for one in operations:
            was, since = self._steps.get(one["id"], ("", now))
            if was == one["state"]:
                continue
            self._storm.note(f"{one['kind']} {one['amount']}: {was or '-'} -> {one['state']} {one['evidence']}")
            self.holds("I6", was not in ENDED, f"a final operation went from {was} to {one['state']}")
            if one["state"] in ENDED:
                self._settled_at[one["payment"]] = now
                known = one["evidence"] in EVIDENCE
                self.holds("I9", known, f"{one['kind']} ended {one['state']} by {one['evidence'] or 'nothing'}")
                self._judge_truth(one, operations)
            if one["kind"] == "word":
                self._storm.escrow.became(one)
            if was == "unknown":
                self.resolved.append((self.setup_of(one).name, now - since))
            self._time(one, now)
            kept = since if was == "sent" and one["state"] == "unknown" else now
            self._steps[one["id"]] = (one["state"], kept)

    def _time(self, one: Any, now: float) -> None:
        """How long it takes until an outcome that nobody knows is known."""
        kind = Kind(one["kind"])
        if kind not in OUTCOMES:
            return
        if one["state"] == "unknown":
            self.settling.unknown(one["id"], now)
        elif one["state"] != "sent":
            setup = self.setup_of(one)
            gateway, refused = adapter(setup.name), was_refused(self._turn, one["id"])
            moved = self._book(one)[0] > 0 and has_name(self._turn, gateway, one["payment"])
            promised = promise(gateway, kind, moved=moved, refused=refused)
            self.settling.known(one["id"], now, setup.name, promised, by_person=one["state"] == "needs_human")

    def _judge_truth(self, ended: Any, operations: list[Any]) -> None:
        """What evidence is said to prove must be true at the gateway, now."""
        kind, state, name = ended["kind"], ended["state"], ended["merchant_ref"]
        taken, given = self._book(ended)
        if (kind, state) in (("approve", "fail"), ("approve", "not_sent"), ("undo", "ok")):
            text = f"{name}: {kind} {state} by {ended['evidence']}, and the gateway holds {taken - given}"
            self.holds("I9", taken == given or name in self._storm.must_tell, text)
            if kind == "approve" and ended["evidence"] in ("E5", "E6", "E8", "E10"):
                self._absent[ended["payment"]] = taken, self._storm.paid_in[name]
        if kind == "refund" and state in ("fail", "not_sent") and name not in self._storm.must_tell:
            mine = [one for one in operations if one["payment"] == ended["payment"]]
            others = [one for one in mine if one["kind"] != "approve" and one["state"] not in ("fail", "not_sent")]
            may_be = sum(one["amount"] for one in others) + self._given_back_by_others(ended["payment"])
            text = f"{name}: refund {state} by {ended['evidence']}, and the gateway gave {given} back of {may_be}"
            self.holds("I9", given <= may_be, text)

    def _given_back_by_others(self, payment: str) -> int:
        rows = self._turn.all("SELECT amount FROM entries WHERE payment = ? AND kind = 'external_refund'", payment)
        return -sum(row["amount"] for row in rows)

    def _judge_orders(self) -> None:
        held = Counter(
            (row["site"], row["order_ref"]) for row in self._payments.values() if row["state"] in KEEPS_MONEY
        )
        self.holds("I5", max(held.values(), default=0) <= 1, f"an order is held twice: {held}")

    def _judge_told(self, earned: list[str]) -> None:
        """Whoever was paid in this commit is told of in this commit."""
        for payment in earned:
            told = self._turn.one("SELECT 1 FROM news WHERE payment = ? AND type = 'payment.paid'", payment)
            self.holds("I8", told is not None, "money was committed without the news of it")

    def _judge_news(self) -> None:
        if not self._is_written("news"):
            return
        for row in self._turn.all("SELECT rowid, * FROM news WHERE rowid > ? ORDER BY rowid", self._news):
            self._news = row["rowid"]
            self._told[row["payment"]] = self._told.get(row["payment"], 0) + 1
            self.holds("I8", row["seq"] == self._told[row["payment"]], "news is numbered with a gap")
            payment = self._payments[row["payment"]]
            if row["type"] == "payment.paid":
                self.holds("I8", payment["captured"] > 0, "WordPress is told of money that is not in the ledger")
            if row["type"] == FAILED_TYPE:
                self.holds("I8", State(payment["state"]) in TERMINAL, f"told failed while {payment['state']}")

    def _judge_nonces(self) -> None:
        """Whatever a signed request made was committed with the request's nonce."""
        if not self._is_written("nonces", "answers"):
            return
        nonces = {row["nonce"] for row in self._turn.all("SELECT nonce FROM nonces")}
        answers = self._turn.one(
            f"SELECT COUNT(*) AS many FROM answers WHERE idempotency_key NOT LIKE '{accounts.COMMAND}%'"
            f" AND idempotency_key NOT LIKE '{CLAIM}%'"
        )
        assert answers is not None
        new_answers, new_nonces = answers["many"] - self._answers, len(nonces - self._nonces)
        self.holds("I11", new_answers <= new_nonces, "an effect was committed without its nonce")
        self._nonces |= nonces
        self._answers = answers["many"]

    def setup_of(self, row: Any) -> Setup:
        """Say which set-up a row's site has."""
        return self._storm.gates[row["site"]].site.setup

    def settled_within(self, payment: str, seconds: float) -> bool:
        """Tell whether an operation of a payment ended so short a time ago."""
        return self._settled_at.get(payment, 0.0) > self._storm.loop.time() - seconds

    def _book(self, row: Any) -> tuple[int, int]:
        of_plan = self._storm.plans.book(row["merchant_ref"], row["site"]) if self._storm.extras.plans else None
        if of_plan is not None:
            return of_plan
        books = self._storm.gates[row["site"]].world.bank.of(row["merchant_ref"])
        return sum(book.captured for book in books), sum(book.refunded for book in books)

    def truth(self, payment: str) -> Truth:
        """Say what the gateway's console shows of a payment, beside our books."""
        row = self._turn.one("SELECT * FROM payments WHERE id = ?", payment)
        entries = self._turn.all("SELECT amount FROM entries WHERE payment = ?", payment)
        assert row is not None
        taken, given = self._book(row)
        booked = [one["amount"] for one in entries]
        booked_taken, booked_given = sum(max(0, one) for one in booked), -sum(min(0, one) for one in booked)
        word_taken = self._storm.extras.escrow and self._storm.escrow.is_taken(row)
        return Truth(taken, given, booked_taken, booked_given, row["amount"], self._refund_made(row), word_taken)

    def place(self, payment: str) -> tuple[str, str]:
        """Say at which site's gateway a payment is, and under which reference."""
        row = self._turn.one("SELECT site, merchant_ref FROM payments WHERE id = ?", payment)
        assert row is not None
        return row["site"], row["merchant_ref"]

    def _refund_made(self, row: Any) -> bool:
        """Tell whether the gateway made the refund whose outcome we do not know."""
        refunds = self._turn.all(
            "SELECT amount, state FROM operations WHERE payment = ? AND kind = 'refund'", row["id"]
        )
        pending = next((one["amount"] for one in refunds if one["state"] not in ENDED), 0)
        known = sum(one["amount"] == pending and one["state"] == "ok" for one in refunds)
        books = self._storm.gates[row["site"]].world.bank.of(row["merchant_ref"])
        made = sum(one.amount == pending and one.by not in BY_HAND for book in books for one in book.refunds)
        return made > known

    # ---- when something leaves or arrives

    def money_leaves(self, request: Leaving) -> None:
        """Judge a call that moves money, before its first byte: its intent is in the database, and it is the first."""
        if self._storm.restoring.begun:
            return
        gate = self.gate_of(request)
        assert gate is not None, "money moves at gateways alone"
        text = request.body.decode("utf-8", "replace") + request.target
        setup = gate.site.setup
        if self._storm.keys.issues(gate.site, text) or self._storm.receipts.leaves(gate.site, text):
            return
        row = self.find(gate.site, text)
        if row is None:
            self.fail("I4", f"{request.op} leaves about no payment that is in the database")
            return
        pending = self._turn.all(
            "SELECT id, kind, amount FROM operations WHERE payment = ? AND state IN ('sent', 'unknown', 'needs_human')",
            row["id"],
        )
        # A notice may settle an operation between the commit of a harmless repetition's claim and its first byte.
        just_settled = self.settled_within(row["id"], INTENT_SECONDS_MAX)
        sent_once = setup.sent_once_as(request.target, request.body)
        approves = sent_once in setup.approval_paths
        if not approves and (self._gives_all_back(setup, row) or self._takes_the_rest_back(setup, row, pending)):
            sent_once = ""
        fits = bool(pending) or (just_settled and not sent_once)
        self.holds("I4", fits, f"{request.op} of {row['merchant_ref']} leaves without its intent")
        if sent_once:
            refund = next((one["id"] for one in pending if one["kind"] == "refund"), "")
            key = (row["id"] if approves else refund, sent_once)
            self._sent[key] += 1
            self.holds("I3b", self._sent[key] == 1, f"{request.op} of {row['merchant_ref']} was sent twice")

    def _gives_all_back(self, setup: Setup, row: Any) -> bool:
        """Whether this gives all back, by a refund or because the order took another payment, and may be repeated."""
        last = self._turn.one(
            "SELECT amount FROM operations WHERE payment = ? AND kind = 'refund' ORDER BY id DESC LIMIT 1", row["id"]
        )
        return setup.whole_again and (last is None or bool(last["amount"] == row["captured"]))

    @staticmethod
    def _takes_the_rest_back(setup: Setup, row: Any, pending: Sequence[Any]) -> bool:
        """Whether this takes a lost approval back by all that is left of it: twice that is more than there is."""
        left = row["captured"] - row["refunded"]
        return setup.no_more_than_left and any(one["kind"] == "undo" and one["amount"] == left for one in pending)

    def gate_of(self, request: Leaving) -> "Gate | None":
        """Say which gateway a call goes to; None of one to a shop."""
        return next((gate for gate in self._storm.gates.values() if request.origin.startswith(gate.origin)), None)

    def find(self, site: Paired, text: str) -> Any:
        """Find the payment a call is about: by our reference, else by the longest value that the gateway gave to it, or
        that a browser brought back to it."""
        rows = {row["id"]: row for row in self._turn.all("SELECT * FROM payments WHERE site = ? ORDER BY id", site.id)}
        values: dict[str, str] = {}
        own: dict[str, str] = {}
        for row in rows.values():
            refs = json.loads(row["refs"])
            numbers = (refs.get(site.setup.named_by), *self._asked_by_script(site, row))
            if row["merchant_ref"] in text or any(one and f"{site.setup.named_by}={one}&" in text for one in numbers):
                return row
            own |= {value: row["id"] for name, value in refs.items() if name != "dialect"}
        for payment, coming in self._storm.returns:
            if payment in rows:
                values |= dict.fromkeys(values_of(coming), payment)
        values |= {value: payment for value, payment in self._storm.crossing.values().items() if payment in rows} | own
        values |= self._storm.keys.returned(site, rows)
        if site.setup.transfers:
            asked = "SELECT payment, refs FROM operations WHERE site = ? AND kind = 'refund' ORDER BY id"
            made = self._turn.all(asked, site.id)
            values |= {value: one["payment"] for one in made for value in json.loads(one["refs"] or "{}").values()}
        named = [one for one in values if len(one) >= GATEWAY_REF_CHARACTERS_MIN and one in text]
        return rows[values[max(named, key=len)]] if named else None

    def _asked_by_script(self, site: Paired, row: Any) -> list[str]:
        """The numbers of requests that buyers' browsers made of a payment."""
        if not site.setup.scripted:
            return []
        requests = self._storm.gates[site.id].desk._till.requests.values()
        return [str(one.mul_no) for one in requests if one.by_script and one.form.get("var1") == row["merchant_ref"]]

    def acknowledged(self, site: Paired, path: str, body: bytes) -> None:
        """A gateway heard yes to its notice: it must be kept, now and for ever."""
        if self._storm.restoring.begun:
            return
        context = self._storm.server.context if self._storm.server else None
        if context is None:
            return
        kind = path.split("/")[4]
        notice = context.sites.get(site.id).gateway(site.setup.gateway).read_notice(body, kind)
        self._acknowledged.add((site.id, site.setup.gateway, notice.dedupe))
        self._storm.plans.acknowledged(site, notice)
        self._judge_kept()

    def _judge_kept(self) -> None:
        for key in sorted(self._acknowledged):
            kept = self._turn.one("SELECT 1 FROM notices WHERE site = ? AND gateway = ? AND dedupe = ?", *key)
            self.holds("I10", kept is not None, "an acknowledged notice is not in the database")

    def heard(self, shop: Shop, said: dict[str, Any]) -> None:
        """WordPress hears a message for the first time."""
        if self._storm.restoring.begun:
            return
        payment = said["payment"]
        self.holds("I12", payment["site"] == shop.site.id, "news of one site went to another")
        next_one = shop.sequence.get(payment["id"], 0) + 1
        self.holds("I8", said["seq"] == next_one, f"heard {said['seq']} of {payment['merchant_ref']}, not {next_one}")
        if said["type"] == FAILED_TYPE:
            self.holds("I8", State(payment["state"]) in TERMINAL, f"failed was said of {payment['state']}")

    def repeated(self, message_id: str, body: bytes, first: bytes) -> None:
        """WordPress hears a message again."""
        self.holds("I8", body == first, f"{message_id} said something else the second time")

    def asks(self, payment: str) -> Asked:
        """Somebody is about to ask how a payment stands."""
        return Asked(payment, self._pending_since.get(payment))

    def told_buyer(self, asked: Asked, heard: Heard) -> None:
        """Judge what a buyer's browser was told."""
        said = heard.text + heard.headers.get("location", "")
        pending = asked.pending_since is not None and asked.pending_since == self._pending_since.get(asked.payment)
        failed = any(word in said for word in FAILED_WORDS)
        self.holds("I8", not (pending and failed), "a buyer is told of a failure while nobody knows")
        if heard.headers.get("content-type", "").startswith("application/json") and heard.status == 200:
            state = json.loads(heard.body).get("state")
            row = self._turn.one("SELECT captured FROM payments WHERE id = ?", asked.payment)
            money = row is not None and row["captured"] > 0
            self.holds("I8", state != "paid" or money, "a buyer is told of money that is not in the ledger")

    def answered_signed(self, signed: Signed, heard: Heard | None) -> None:
        """Judge the answer to a signed request: whoever was let in has used up a nonce, and nobody twice."""
        method, path, headers, _ = signed
        if heard is None or not 200 <= heard.status < 300 or method != "POST":
            return
        nonce = dict(headers)[b"signature-input"].partition(b'nonce="')[2].partition(b'"')[0].decode()
        kept = self._turn.one("SELECT 1 FROM nonces WHERE nonce = ?", nonce)
        self.holds("I11", kept is not None, f"{path[:20]} was let in and its nonce is not in the database")
        self._sent[nonce, "let in"] += 1
        self.holds("I11", self._sent[nonce, "let in"] == 1, f"{path[:20]} was let in twice with one nonce")

    def refuses_foreign(self, heard: Heard | None) -> None:
        """Another site's key opens nothing."""
        self.holds("I12", heard is None or heard.status >= 400, f"a foreign site was answered {heard and heard.status}")

    def refuses_stranger(self, heard: Heard | None) -> None:
        """A notice from nowhere is not acknowledged."""
        self.holds("A02", heard is None or heard.status >= 400, "a forged notice was acknowledged")

    def met(self, fault: str) -> None:
        """A fault struck."""
        self._last_fault = fault

    def crashed(self, point: str) -> None:
        """The bridge died: remember what the payments were doing then."""
        for row in self._payments.values():
            self.covered.add((row["state"], self._last_fault, point))

    # ---- the end

    def at_the_end(self) -> None:
        """Judge the whole."""
        self.committed()
        self._judge_kept()
        for name, many in self._storm.agenda.unfinished().items():
            self.holds("I14", many == 0, f"after the calm {many} {name} are still open")
        cases: dict[str, list[str]] = {}
        for one in self._turn.all("SELECT payment, reason FROM cases WHERE state = 'open' ORDER BY id"):
            cases.setdefault(one["payment"], []).append(one["reason"])
        for payment in self._payments.values():
            self._judge_money(payment, cases.get(payment["id"], []))
            if self._storm.extras.escrow:
                self._storm.escrow.at_the_end(payment, cases.get(payment["id"], []))
            self._storm.stories.ended(self._turn, self.setup_of(payment).name, payment)
            chain = audit.chain(self._turn, payment["id"])
            self.holds("I15", audit.first_break(chain) is None, f"{payment['merchant_ref']}: its audit is broken")
            taken, deposits = self._book(payment)[0], self._storm.paid_in[payment["merchant_ref"]]
            absent, deposits_then = self._absent.get(payment["id"], (taken, deposits))
            came = taken - absent if deposits == deposits_then else 0
            self.holds("I9", came == 0, f"{payment['merchant_ref']}: {came} KRW came after they were said to be absent")
        self._judge_kept_money(cases)
        self._storm.told.at_the_end()
        self._storm.keys.at_the_end()
        self._storm.typed_keys.at_the_end()
        self._storm.plans.at_the_end()
        self._storm.receipts.at_the_end()
        self._judge_secrets()

    def _judge_money(self, payment: Any, cases: list[str]) -> None:
        taken, given = self._book(payment)
        ledger = payment["captured"] - payment["refunded"] + payment["orphaned"]
        difference = (taken - given) - ledger
        text = f"{payment['merchant_ref']} is {payment['state']}: {taken - given} at the gateway, {ledger} here"
        known = explains(cases, Side.MORE if difference > 0 else Side.LESS)
        self.holds("I1", difference == 0 or known, f"{text}, and {_about(cases)}")
        self.holds("I9", payment["state"] != "needs_human" or bool(cases), f"{text}, a person's, and no case")
        if known and difference:
            self.explained += Counter(krw_explained=abs(difference), payments_explained=1)
        elif difference:
            self.lost += max(0, difference)
            self.drifting += max(0, -difference)
        self.holds("I3", given <= taken, f"{text}: more was given back than taken")
        sequence = self._storm.shops[payment["site"]].sequence.get(payment["id"], 0)
        self.holds("I8", sequence == self._told.get(payment["id"], 0), f"{text}: WordPress has not heard all of it")

    def _judge_kept_money(self, cases: dict[str, list[str]]) -> None:
        orders: dict[tuple[str, str], list[Any]] = {}
        for row in self._payments.values():
            orders.setdefault((row["site"], row["order_ref"]), []).append(row)
        for rows in orders.values():
            kept = sum(self._book(row)[0] - self._book(row)[1] for row in rows)
            most = max(row["amount"] for row in rows)
            reasons = [reason for row in rows for reason in cases.get(row["id"], [])]
            known = explains(reasons, Side.KEPT)
            name = self.setup_of(rows[0]).name
            self.orders[name] += 1
            self.orders_with_a_person[name] += bool(reasons)
            self.people += Counter(f"{name} {reason}" for reason in set(reasons))
            if kept > most and known:
                self.explained += Counter(krw_kept_explained=kept - most, orders_kept_explained=1)
            self.doubled += max(0, kept - most) if not known else 0
            text = f"{rows[0]['order_ref']}: {kept} KRW kept of {most}, and {_about(reasons)}"
            self.holds("I5", kept <= most or known, text)

    def _judge_secrets(self) -> None:
        """Nothing that opens a door is in a text of the database or in the log."""
        columns = "SELECT request || response || why AS text FROM calls UNION ALL SELECT detail FROM audit"
        columns += " UNION ALL SELECT message FROM receipts"
        rows = self._turn.all(f"{columns} UNION ALL SELECT body FROM news UNION ALL SELECT message FROM operations")
        text = "\n".join([*(row["text"] for row in rows), *self.log_lines])
        types = self._storm.extras.typed or self._storm.extras.typed_keys
        kept = self._every_row() if types else ()
        self.holds("I13", not any(typed.NUMBER in line for line in (text, *kept)), "a typed card's number is kept")
        secrets = [token for gate in self._storm.gates.values() for token in gate.secrets()]
        for secret in (*secrets, *accounts.SECRETS, receipts.NUMBER):
            self.holds("I13", secret not in text, f"a secret ({secret[:8]}…) can be read")

    def _every_row(self) -> Iterator[str]:
        tables = self._turn.all("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        return (str(tuple(row)) for table in tables for row in self._turn.all(f"SELECT * FROM {table['name']}"))

    def final_state(self) -> str:
        """Name the state everything came to, without names and times."""
        parts = []
        for row in self._payments.values():
            operations = self._turn.all(
                "SELECT kind, state, evidence FROM operations WHERE payment = ? ORDER BY id", row["id"]
            )
            cases = self._turn.all("SELECT reason, state FROM cases WHERE payment = ? ORDER BY id", row["id"])
            told = self._turn.all("SELECT type FROM news WHERE payment = ? ORDER BY seq", row["id"])
            parts.append(
                ":".join(
                    [
                        f"{row['gateway']}/{row['method']}/{row['state']}",
                        ",".join("-".join(one) for one in operations),
                        ",".join("-".join(one) for one in cases),
                        ",".join(one["type"] for one in told),
                    ]
                )
            )
        return " ".join(sorted(parts))


def _about(cases: list[str]) -> str:
    return f"cases only of {', '.join(cases)}" if cases else "no case"
