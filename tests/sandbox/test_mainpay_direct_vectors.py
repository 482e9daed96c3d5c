"""The direct API's vectors against the sandbox: it takes every call of theirs and answers with their code and fields.

What a gateway makes up (numbers of transactions, accounts, keys) is put in from this run; no signature covers it."""

import json
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import bridge.gateways.mainpay
from tests.sandbox.inside import Inside

FILE = Path(bridge.gateways.mainpay.__file__).parent / "vectors" / "direct" / "direct.json"
VECTORS = json.loads(FILE.read_text())
FIRST = {
    "charge": ("issue_key_by_card",),
    "delete_key": ("issue_key_by_card",),
    "refund": ("issue_key_by_card", "charge"),
    "undo": ("key_in",),
    "void_account": ("issue_account",),
    "register_transfer": ("issue_account", "deposit"),
    "show_transfer": ("issue_account", "deposit", "register_transfer"),
    "cancel_transfer": ("issue_account", "deposit", "register_transfer"),
    "cancel_receipt": ("issue_receipt",),
}
"""What must have happened before an operation can succeed: the first vectors of these."""
OPS = {
    "key_in": "keyin",
    "issue_key_by_card": "key_issue",
    "charge": "key_charge",
    "delete_key": "key_delete",
    "refund": "key_cancel",
    "undo": "cancel",
    "issue_account": "vacct_publish",
    "void_account": "vacct_cancel",
    "register_transfer": "transfer",
    "show_transfer": "transfer_status",
    "cancel_transfer": "transfer_cancel",
    "issue_receipt": "receipt",
    "cancel_receipt": "receipt_cancel",
}
"""What the sandbox calls what the adapter does."""


def named(vector):
    return f"{vector['operation']}/{vector['name']}"


def said_no(vector):
    return vector["talk"][0]["reply"]["body"]["resultCode"] not in ("200", "0000")


class Played(Inside):
    """A sandbox at the moment of a vector, or of the payment it is about, into which calls of vectors are posted."""

    def __init__(self, vector):
        super().__init__("mainpay", at=datetime.fromisoformat(vector.get("sent", vector["stamp"])["at"]))
        self.made = {}

    async def play(self, vector):
        """Post a vector's call with what this run made up; gives the whole answer."""
        call = vector["talk"][0]["call"]
        form = {name: self.made.get(name, value) for name, value in call["form"].items()}
        if vector["operation"] == "register_transfer":
            form["accountNo"] = call["form"]["accountNo"]
        answer = await self.said("/mainpay/relay" + urlsplit(call["url"]).path, form)
        for name, value in (answer["data"] or {}).items():
            names = {"refNo": ("orgRefNo", "objectRefNo"), "billkey": ("billkey",), "accountNo": ("accountNo",)}
            self.made |= dict.fromkeys(names.get(name, ()), value)
        return answer

    async def prepare(self, operation):
        """Let happen what must have happened before."""
        for step in FIRST.get(operation, ()):
            if step == "deposit":
                await self.control("deposit", merchant_ref=self.ref)
                continue
            vector = next(one for one in VECTORS if one["operation"] == step and not said_no(one))
            self.ref = vector["talk"][0]["call"]["form"]["mbrRefNo"]
            assert (await self.play(vector))["resultCode"] == "200", step


@pytest.mark.parametrize("vector", [one for one in VECTORS if not said_no(one)], ids=named)
async def test_the_sandbox_does_what_a_vector_asks_for(vector):
    inside = Played(vector)
    reply = vector["talk"][0]["reply"]["body"]
    await inside.prepare(vector["operation"])
    inside.world.desks["mainpay"].set({"transfer_ok_code": reply["resultCode"], "transfer_seconds": 0})
    answer = await inside.play(vector)

    assert answer["resultCode"] == reply["resultCode"], answer
    for name, value in reply["data"].items():
        assert type(answer["data"][name]) is type(value), name
        assert answer["data"][name] != "", name
    await inside.world.close()


@pytest.mark.parametrize("vector", [one for one in VECTORS if said_no(one)], ids=named)
async def test_the_sandbox_refuses_as_a_vector_says_when_it_is_told_to(vector):
    inside = Played(vector)
    reply = vector["talk"][0]["reply"]["body"]
    await inside.prepare(vector["operation"])
    inside.fault(OPS[vector["operation"]], "decline", code=reply["resultCode"], message=reply["resultMessage"])
    answer = await inside.play(vector)

    assert (answer["resultCode"], answer["resultMessage"], answer["data"]) == (
        reply["resultCode"],
        reply["resultMessage"],
        "",
    )
    await inside.world.close()
