"""`pay-bridge site ask`: a gateway's own commands are listed and run, and the audit says who had one run."""

import json
import sqlite3
from contextlib import closing

from tests.cli.conftest import Place

SHOP = "http://shop.test"
KEYS = ("--set", "payapp.userid=shop", "--set", "payapp.linkkey=k", "--set", "payapp.linkval=v")


def test_commands_are_listed_and_run_and_told_in_the_audit(place: Place) -> None:
    added = place.type("site", "add", SHOP, "--gateway", "mainpay", "--gateway", "payapp", *KEYS)
    listed = place.type("site", "ask", SHOP, "payapp", "--json")
    none = place.type("site", "ask", SHOP, "mainpay")
    fields = ("--field", "goodPrice=5000", "--field", "reqType=QR", "--field", "phoneNumber=01011112222")
    fields += ("--field", "goodName=표", "--field", "returnUri=shop://back")
    link = place.type("site", "ask", SHOP, "payapp", "appLink", *fields, "--json")
    wrong = place.type("site", "ask", SHOP, "payapp", "subidregist", "--field", "subuserid=staff1")

    assert added.code == 0, added.err
    assert json.loads(listed.out)["useridCheck"] == "ask whether a seller's id is free: userid"
    assert (none.code, "no commands of its own" in none.err) == (1, True)
    said = json.loads(link.out)
    assert (said["done"], said["url"].startswith("https://payapp.kr/sdk-app?reqType=QR")) == (True, True)
    assert (wrong.code, "needs the field subpwd" in wrong.err) == (2, True)
    database = place.environment["BRIDGE_DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(place.folder / database)) as books:
        rows = books.execute("SELECT actor, event, became, detail FROM audit WHERE event LIKE 'command.%' ORDER BY seq")
        told = rows.fetchall()
    assert told[0][0].startswith("operator:")
    assert [row[1:3] for row in told] == [("command.asked", ""), ("command.answered", "done")]
    assert "01011112222" not in str(told)
