"""An operator has a gateway run its own commands on a page of the dashboard, and reads its answer there."""

import re
from types import SimpleNamespace

import pytest

from bridge.flows.log_in import add_operator
from tests.gateways.house import House
from tests.gateways.paired import paired
from tests.web.visitor import PASSWORD, Browser, csrf_on

STAFF = {"field.userid": "김직원", "field.pwd": "abcd1234", "field.rank": "1"}


@pytest.fixture
async def desk(world, cheap_passwords):
    """An operator in front of the page of a site whose gateway has commands."""
    await world.pair_teller("Serving")
    made = await seated(world)
    yield made
    await made.browser.client.aclose()


async def seated(world, name="minji", role="operator"):
    await add_operator(world.context, name, PASSWORD, role)
    browser = Browser(SimpleNamespace(context=world.context))
    assert (await browser.log_in(name)).status_code == 303
    return SimpleNamespace(world=world, browser=browser, path=f"/dashboard/sites/{world.site.id}/commands")


async def run(desk, command="enrol", *, gateway="teller", csrf=None, **fields):
    page = await desk.browser.get(desk.path)
    key = re.search(r'name="key" value="([0-9a-f]{32})"', page.text)
    given = {"gateway": gateway, "command": command, "password": PASSWORD, "key": key[1] if key else "0" * 32}
    return await desk.browser.post(desk.path, given | fields, csrf=csrf or csrf_on(page))


def told(answer):
    """Give what stands in the page's alert."""
    return answer.text.partition('role="alert">')[2].partition("</p>")[0]


async def test_the_page_of_sites_leads_to_the_commands_which_have_a_form_each(desk):
    assert desk.path in (await desk.browser.get("/dashboard/sites")).text
    page = (await desk.browser.get(desk.path)).text
    assert page.count("<form") == 3, "one to log out, one a command"
    assert 'id="teller-enrol-pwd" name="field.pwd" type="password" autocomplete="new-password"' in page
    assert page.count('name="password"') == 1, "it is typed again only where something is changed"
    for words in ("직원 등록", "직급", "관리자"):
        assert words in page
    english = (await desk.browser.get(f"{desk.path}?lang=en")).text
    for words in ("enrols a member of staff", "Your dashboard password once more", "administrator"):
        assert words in english


async def test_a_command_is_run_and_its_answer_stands_on_the_page_and_nowhere_after(desk):
    done = await run(desk, **STAFF)
    taken = await run(desk, **STAFF)

    assert done.status_code == taken.status_code == 200
    assert '<dd class="code">김직원</dd>' in done.text
    assert "김직원 님은 이미 있어요" in taken.text
    assert 'value="김직원"' not in taken.text, "what was typed of a person is gone"
    assert "abcd1234" not in done.text + taken.text
    assert done.headers["cache-control"] == "no-store"
    audit = (await desk.browser.get("/dashboard/records")).text
    listed = re.findall(r"<b>(operator:minji)</b> .*?>teller enrol</span> <span class=\"badge (\w+)", audit)
    assert sorted(listed) == [("operator:minji", "bad"), ("operator:minji", "good")]
    assert "김직원" not in audit + (await desk.browser.get(desk.path)).text


async def test_the_page_sent_twice_runs_once(desk):
    first = await run(desk, key="ab" * 16, **STAFF)
    again = await run(desk, key="ab" * 16, **STAFF)
    other = await run(desk, key="ab" * 16, **STAFF | {"field.pwd": "abcd1235"})

    assert (first.status_code, again.status_code, other.status_code) == (200, 200, 422)
    assert "다시 보내지 않았어요" in again.text
    assert desk.world.teller.staff == ["김직원"]
    assert desk.world.teller.calls["admin"] == 1


async def test_one_that_changes_nothing_needs_no_password(desk):
    answer = await run(desk, "check", **{"field.userid": "shop", "password": "", "key": ""})
    assert (answer.status_code, "shop" in answer.text) == (200, True)


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"password": "not the password"}, 401, "비밀번호가 맞지 않아요"),
        ({"key": "short"}, 400, "올바르지 않아요"),
        ({"field.pwd": ""}, 400, "‘비밀번호’(pwd) 항목을 적어 주세요"),
        ({"field.rank": "9"}, 400, "이 중에서 골라 주세요: 1, 2"),
        ({"field.userid": "가" * 501}, 400, "500자까지"),
        ({"field.colour": "red"}, 400, "쓸 수 있는 항목: userid, pwd, rank"),
        ({"command": "erase"}, 404, "있는 명령: check, enrol"),
        ({"gateway": "mainpay"}, 503, "결제"),
    ],
)
async def test_what_does_not_do_is_said_and_sends_nothing(desk, fields, status, says):
    answer = await run(desk, **STAFF | fields)
    assert (answer.status_code, says in told(answer)) == (status, True)
    assert 'name="field.userid"' in answer.text, "the forms are there again"
    assert "김직원" not in answer.text
    assert desk.world.teller.calls["admin"] == 0


async def test_what_tells_of_nobody_stays_typed_after_a_no(desk):
    answer = await run(desk, **STAFF | {"password": "not the password"})
    assert '<option value="1" selected>' in answer.text


async def test_a_lost_answer_says_to_look_in_the_console(desk):
    desk.world.teller.fail("admin", "lost_after")
    answer = await run(desk, **STAFF)
    assert (answer.status_code, "관리자 화면에서 확인" in told(answer)) == (503, True)


async def test_a_viewer_sees_no_form_and_runs_nothing(desk):
    viewer = await seated(desk.world, "bora", "viewer")
    page = (await viewer.browser.get(desk.path)).text
    assert "운영자(operator)만 쓸 수 있어요" in page
    assert 'name="field.' not in page
    assert desk.path not in (await viewer.browser.get("/dashboard/sites")).text
    refused = await run(viewer, **STAFF)
    assert (refused.status_code, "조회만 할 수 있는 계정" in told(refused)) == (403, True)
    assert desk.world.teller.calls["admin"] == 0
    await viewer.browser.client.aclose()


async def test_a_form_that_is_not_ours_runs_nothing(desk):
    assert (await run(desk, csrf="0" * 64, **STAFF)).status_code == 400
    elsewhere = await desk.browser.post(desk.path, {"gateway": "teller", "command": "enrol"}, site="cross-site")
    assert elsewhere.status_code == 400
    assert (await run(desk, **STAFF | {"field.userid": "x" * 20_000})).status_code == 413
    assert desk.world.teller.calls["admin"] == 0


async def test_a_site_that_is_none_is_not_found_and_one_without_commands_says_so(world, cheap_passwords):
    desk = await seated(world)
    assert (await desk.browser.get(f"/dashboard/sites/{'0' * 26}/commands")).status_code == 404
    assert "명령이 있는 결제사가 없어요" in (await desk.browser.get(desk.path)).text
    assert desk.path not in (await desk.browser.get("/dashboard/sites")).text
    await desk.browser.client.aclose()


async def test_payapps_own_commands_are_asked_there(tmp_path, cheap_passwords):
    async with paired(House(tmp_path), "payapp") as world:
        desk = await seated(world)
        page = (await desk.browser.get(desk.path)).text
        for command in ("useridCheck", "sellerRegist", "subidregist", "checkNpayCashReceiptReq", "appLink"):
            assert f'name="command" value="{command}"' in page
        unset = await run(desk, "useridCheck", gateway="payapp", **{"field.userid": "newshop"})
        assert (unset.status_code, "payapp.reseller_id" in told(unset)) == (400, True)
        staff = {"field.subuserid": "staff1", "field.subpwd": "abcd1234", "field.subname": "직원", "field.state": "1"}
        done, taken = [await run(desk, "subidregist", gateway="payapp", **staff) for _ in range(2)]
        assert (done.status_code, taken.status_code) == (200, 200)
        assert 'badge good">됨' in done.text
        assert "이미 사용중인 아이디입니다." in taken.text
        wanted = {"goodPrice": "5000", "reqType": "QR", "goodName": "표", "returnUri": "shop://back"}
        link = await run(desk, "appLink", gateway="payapp", **{f"field.{name}": one for name, one in wanted.items()})
        assert "https://payapp.kr/sdk-app?reqType=QR" in link.text
        await desk.browser.client.aclose()
