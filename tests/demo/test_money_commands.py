"""payments, refund and outbox, typed while the demo's bridge runs: they reach it over its control socket."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from bridge.demo.notebook import Notebook
from bridge.demo.visit import Visit
from bridge.domain.failures import BadSignature

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Terminal:
    """A place to type commands about the stand's bridge."""

    def __init__(self, visit: Visit, folder: Path) -> None:
        self._environment = {
            **os.environ,
            "BRIDGE_PUBLIC_URL": visit.stand.bridge_url,
            "BRIDGE_DATABASE_URL": f"sqlite:///{folder / 'bridge.db'}",
            "BRIDGE_MASTER_KEY_FILE": str(folder / "master.key"),
            "BRIDGE_RESERVE_BYTES": "0",
            "BRIDGE_FREE_BYTES_MIN": "0",
        }

    async def type(self, *words: str) -> tuple[int, Any, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bridge", *words),
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode is not None
        return process.returncode, json.loads(out) if out.strip() else None, err.decode()


@pytest.fixture
def terminal(visit: Visit, folder: Path) -> Terminal:
    return Terminal(visit, folder)


async def test_payments_are_found_and_shown(visit: Visit, terminal: Terminal) -> None:
    await visit.buy("r")
    payment = await visit.payment()

    _, by_name, _ = await terminal.type("payments", "list", "홍길동", "--json")
    _, by_nobody, _ = await terminal.type("payments", "list", "아무개", "--json")
    code, shown, _ = await terminal.type("payments", "show", payment["id"], "--json")

    assert payment["id"] in [one["id"] for one in by_name]
    assert by_nobody == []
    assert code == 0
    assert (shown["state"], shown["captured"]) == ("paid", 55_000)
    assert [step["event"] for step in shown["timeline"]][-1] == "payment.paid"


async def test_a_refund_is_done_once_per_key(visit: Visit, terminal: Terminal) -> None:
    await visit.buy("r")
    payment = (await visit.payment())["id"]
    words = ("refund", payment, "--reason", "공연 취소", "--amount", "5000", "--key", "ab" * 16, "--json")

    first, again = await terminal.type(*words), await terminal.type(*words)
    other = await terminal.type(*words[:5], "6000", *words[6:])
    rest = await terminal.type("refund", payment, "--reason", "공연 취소", "--json")

    assert (first[0], first[1]["state"], first[1]["amount"]) == (0, "done", 5000)
    assert again[1]["id"] == first[1]["id"]
    assert other[0] == 1
    assert rest[1]["amount"] == 50_000
    assert (await visit.book())["refunded"] == 55_000
    assert (await visit.payment())["refunds"][0]["actor"].startswith("operator:")


async def test_a_refused_refund_is_exit_code_1_with_the_gateways_words(visit: Visit, terminal: Terminal) -> None:
    await visit.buy("refund-refused")

    code, refund, _ = await terminal.type("refund", (await visit.payment())["id"], "--reason", "변심", "--json")

    assert (code, refund["state"], refund["code"]) == (1, "refused", "3003")
    assert refund["message"] == "취소 가능 기간 초과"


async def test_a_refund_without_an_answer_is_exit_code_3(visit: Visit, terminal: Terminal) -> None:
    await visit.buy("r")
    payment = await visit.payment()
    wish = {"gateway": "mainpay", "op": "part_cancel", "kind": "drop_before", "merchant_ref": payment["merchant_ref"]}
    await visit.http.post(f"{visit.stand.sandbox_url}/control/faults", json=wish)

    code, refund, _ = await terminal.type("refund", payment["id"], "--reason", "변심", "--amount", "1000", "--json")

    assert code == 3
    assert refund["state"] in ("unknown", "needs_human")


async def test_too_much_is_refused_with_exit_code_1(visit: Visit, terminal: Terminal) -> None:
    await visit.buy("r")

    code, said, complaint = await terminal.type(
        "refund", (await visit.payment())["id"], "--reason", "변심", "--amount", "55001", "--json"
    )

    assert (code, said) == (1, None)
    assert "At most 55000 KRW" in complaint


async def test_news_the_shop_refuses_waits_in_the_outbox_and_is_sent_on_demand(
    visit: Visit, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> str:
        raise BadSignature("The shop is being mended.")

    apply = Notebook.apply
    monkeypatch.setattr(Notebook, "apply", refuse)
    await visit.buy("r")
    payment = (await visit.payment())["id"]

    async def tried() -> dict[str, Any]:
        waiting = (await terminal.type("outbox", "list", "--json"))[1]
        return next((one for one in waiting if one["tries"] >= 2), {})

    owed = await visit.wait(tried, bool, "two tries")
    _, done, _ = await terminal.type("outbox", "retry", payment, "--json")
    monkeypatch.setattr(Notebook, "apply", apply)
    await terminal.type("outbox", "retry", payment, "--json")

    async def told() -> dict[str, Any]:
        return {"heard": visit.office.notebook.told(payment)}

    heard = (await visit.wait(told, lambda found: bool(found["heard"]), "the news"))["heard"]
    assert (owed["payment"], owed["type"], owed["state"]) == (payment, "payment.paid", "waiting")
    assert "401" in owed["last_error"]
    assert done == {"hastened": 1}
    assert [one["type"] for one in heard] == ["payment.paid"]

    async def emptied() -> dict[str, Any]:
        return {"left": (await terminal.type("outbox", "list", "--json"))[1]}

    assert (await visit.wait(emptied, lambda found: not found["left"], "an empty outbox"))["left"] == []


async def deposited(visit: Visit, folder: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A ticket paid into an account, and the command that gives it back by a transfer."""
    page = await visit.watch(await visit.buy("r", "virtual_account"), "awaiting_deposit")
    await visit.buyer.submit(page, "deposit")
    payment = await visit.wait(visit.payment, lambda found: found["state"] == "paid", "the deposit")
    to = folder / "account"
    to.write_text("088:110-123-456789:김예매\n", "utf-8")
    return payment, ("refund", payment["id"], "--reason", "공연 취소", "--account", str(to), "--json")


async def test_a_refund_to_an_account_is_taken_back_while_its_transfer_is_only_registered(
    visit: Visit, terminal: Terminal, folder: Path
) -> None:
    _, words = await deposited(visit, folder)

    taken_in = (await terminal.type(*words))[1]
    code, done, _ = await terminal.type("cancel-transfer", taken_in["id"], "--json")
    over, nothing, complaint = await terminal.type("cancel-transfer", taken_in["id"], "--json")

    assert taken_in["state"] == "accepted"
    assert (code, done["transfer"], done["state"], done["code"]) == (0, "not_made", "refused", "C")
    assert (await visit.payment())["state"] == "paid"
    assert (over, nothing) == (1, None)
    assert "This refund is over" in complaint
    asked = [one for one in (await visit.payment())["timeline"] if one["event"] == "transfer.cancel_sent"]
    assert asked[0]["actor"].startswith("operator:")


async def test_a_transfer_that_was_made_is_exit_code_1_and_one_whose_status_is_not_known_3(
    visit: Visit, terminal: Terminal, folder: Path
) -> None:
    payment, words = await deposited(visit, folder)
    refund = (await terminal.type(*words))[1]["id"]
    sandbox, ref = visit.stand.sandbox_url, payment["merchant_ref"]
    for op in ("transfer_cancel", "transfer_status"):
        fault = {"gateway": "mainpay", "op": op, "kind": "drop_before", "merchant_ref": ref, "times": 1}
        await visit.http.post(f"{sandbox}/control/faults", json=fault)

    unknown = await terminal.type("cancel-transfer", refund, "--json")
    await visit.http.post(f"{sandbox}/control/transfer", json={"merchant_ref": ref, "state": "done"})
    made = await terminal.type("cancel-transfer", refund, "--json")

    assert (unknown[0], unknown[1]["transfer"], unknown[1]["state"]) == (3, "not_known", "accepted")
    assert (made[0], made[1]["transfer"], made[1]["gateway_code"]) == (1, "made", "3001")
    assert (await visit.payment())["state"] == "refunded"
