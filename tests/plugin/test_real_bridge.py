"""The plugin against the real bridge and its sandbox: what a clerk and an operator do after a buyer has paid."""

import html
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import faults_on_every_screen
from tests.browser.lane import Lane, until
from tests.browser.steps import open_here, press
from tests.plugin.test_checkout_script import browser
from tests.wordpress.bridge import OPERATOR, Bridge
from tests.wordpress.stand import Stand

__all__ = ["browser"]
pytestmark = pytest.mark.browser
PAGE = "/wp-admin/admin.php?page=pay-bridge"
CLIENT = "echo wp_json_encode(PayBridge\\Client::of_site()"


class Office(Lane):
    """The shop, with people logged in."""

    def as_(self, who: str) -> httpx2.Client:
        if who not in self.logins:
            browser = httpx2.Client(base_url=self.url, follow_redirects=False, timeout=30, trust_env=False)
            browser.get("/wp-login.php")
            login = {"log": who, "pwd": self.stand.passwords[who], "testcookie": "1"}
            assert browser.post("/wp-login.php", data=login).status_code == 302
            self.logins[who] = browser
        found: httpx2.Client = self.logins[who]
        return found

    def paid(self, browser: Browser, who: str = "", method: str = "") -> tuple[str, str]:
        """A buyer books and pays; gives the order's reference and the payment's id once the shop knows."""
        context = browser.new_context(java_script_enabled=False, locale="ko-KR")
        page = context.new_page()
        if who:
            page.goto(f"{self.url}/wp-login.php")
            page.fill("#user_login", who)
            page.fill("#user_pass", self.stand.passwords[who])
            page.click("#wp-submit")
        ref = self.book_seats(context.request)
        page.goto(self.order_url(ref))
        open_here(page, method)
        press(page, "pay")
        payment_id = str(self.payment(ref, "paid")["id"])
        context.close()
        until(lambda: self.order_state(ref) == "paid", "the shop to know that the order is paid")
        return ref, payment_id

    def order_state(self, ref: str) -> str:
        return self.stand.run_php(f"echo ticketing_order('{ref}')->state;")

    def view(self, payment_id: str) -> str:
        return self.as_("clerk").get(f"{PAGE}&payment={payment_id}&refund=new").text

    def facts(self, ref: str, payment_id: str) -> tuple[dict[str, str], dict[str, str]]:
        """What the clerk's page of the payment and the buyer's page of the order say of it, by name."""
        table = re.search(r'pay-bridge-facts">.*?</table>', self.view(payment_id), re.S)
        panel = re.search(r'aria-labelledby="payment-title".*?</section>', httpx2.get(self.detail_url(ref)).text, re.S)
        assert table
        assert panel
        clerk = re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td>', table[0], re.S)
        buyer = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", panel[0], re.S)
        return told(clerk), told(buyer)

    def refund(self, payment_id: str, **typed: str) -> str:
        """Fills the clerk's form and gives the state it is told."""
        page = self.view(payment_id)
        inside = page[page.index("<dialog") : page.index("</dialog>")]
        fields = dict(re.findall(r'<input type="hidden"[^>]*name="([^"]+)" value="([^"]*)"', inside))
        answer = self.as_("clerk").post("/wp-admin/admin-post.php", data=fields | {"reason": "관객 요청"} | typed)
        assert answer.status_code == 302, answer.text[-500:]
        page = self.as_("clerk").get(answer.headers["location"]).text
        match = re.search(r'id="pay-bridge-refund-result"[^>]*data-state="([a-z_]+)"', page)
        assert match
        return match[1]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    directory = tmp_path_factory.mktemp("office")
    with ExitStack() as running:
        bridge = Bridge(directory / "bridge")
        stand = Stand("quick", directory=directory / "shop")
        stand.pair(bridge.site(stand.url)["pairing_code"])
        running.enter_context(bridge)
        running.enter_context(stand)
        yield Office("quick", stand, bridge)


def test_a_clerk_finds_a_payment_and_refunds_it_in_two_parts(office: Office, browser: Browser) -> None:
    ref, payment_id = office.paid(browser)
    amount = office.money(ref).net
    clerk = office.as_("clerk")
    listed = clerk.get(PAGE).text
    nonce = re.search(r'name="_pay_bridge_search" value="([0-9a-f]+)"', listed)
    assert nonce
    for words in (ref, "이보라", "01023456789", "010-2345-6789"):
        found = clerk.post(PAGE, data={"_pay_bridge_search": nonce[1], "s": words}).text
        assert ref in found, words
    assert "결제가 없어요" in clerk.post(PAGE, data={"_pay_bridge_search": nonce[1], "s": "없는 사람"}).text
    assert office.refund(payment_id, kind="part", amount="1000") == "done"
    assert office.money(ref).net == amount - 1000
    assert office.order_state(ref) == "part_refunded"
    assert f"{1000:,}원" in office.view(payment_id)
    assert office.refund(payment_id, kind="full") == "done"
    assert office.money(ref).net == 0
    assert office.order_state(ref) == "refunded"
    assert "<dialog" not in office.view(payment_id)


def told(found: list[tuple[str, str]]) -> dict[str, str]:
    """What a page says, by name."""
    return {name: html.unescape(value) for name, value in found}


WALLETS = {"kakaopay": "카카오페이", "naverpay": "네이버페이", "payco": "페이코"}


@pytest.mark.parametrize("wallet", WALLETS)
def test_what_a_wallet_paid_in_mainpays_card_window_is_a_card_to_clerk_and_buyer(
    office: Office, browser: Browser, wallet: str
) -> None:
    ref, payment_id = office.paid(browser, method=wallet)
    clerk, buyer = office.facts(ref, payment_id)

    assert (clerk["수단"], buyer["결제 수단"]) == ("신용카드", "신용카드")
    for card in (clerk["카드"], buyer["카드"]):
        assert re.fullmatch(r"비씨카드\s\d{6}\*+\d{4}", card.replace("-", "")), card
    assert WALLETS[wallet] not in {*clerk.values(), *buyer.values()}
    assert office.refund(payment_id, kind="full") == "done"


def test_a_buyer_cancels_by_the_old_name_and_nobody_else_can(office: Office, browser: Browser) -> None:
    ref, _ = office.paid(browser, "buyer")
    fields = {"action": "mainpay_payment_cancel", "mbr_ref_no": ref, "cancel_reason": "변심"}
    address, here = "/wp-admin/admin-ajax.php", {"Origin": office.url}
    assert httpx2.post(office.url + address, data=fields, headers=here, trust_env=False).status_code == 401
    answer = office.as_("buyer").post(address, data=fields, headers=here)
    assert answer.json()["success"] is True, answer.text
    assert office.money(ref).net == 0
    assert office.order_state(ref) == "refunded"


def test_the_gateways_refusal_reaches_the_clerk_word_for_word(office: Office, browser: Browser) -> None:
    ref, payment_id = office.paid(browser)
    office.fault("cancel", "decline", ref, code="3003", message="취소 기간이 지난 거래입니다.")
    assert office.refund(payment_id, kind="full") == "refused"
    assert "취소 기간이 지난 거래입니다." in html.unescape(office.view(payment_id))
    assert office.money(ref).refunded == 0


def test_the_operator_sees_health_in_wp_admin_and_on_the_command_line(office: Office, browser: Browser) -> None:
    ref, payment_id = office.paid(browser)
    page = office.as_("admin").get("/wp-admin/admin.php?page=pay-bridge-health").text
    assert "pay-bridge-verdict" in page
    assert "ms</td>" in page
    settings = office.as_("admin").get("/wp-admin/admin.php?page=pay-bridge-settings").text
    assert "테스트 모드" in settings
    listed = json.loads(office.stand.wp("pay-bridge", "payments", "list", f"--order={ref}", "--format=json"))
    assert [(one["id"], one["state"]) for one in listed] == [(payment_id, "paid")]
    shown = json.loads(office.stand.wp("pay-bridge", "payments", "get", payment_id))
    assert shown["timeline"]
    office.stand.wp("pay-bridge", "reconcile")


def test_news_lost_on_the_way_are_found_by_the_hourly_event(office: Office, browser: Browser) -> None:
    ref, payment_id = office.paid(browser)
    office.hear_news(payment_id)
    undo = f"""
        global $wpdb;
        $wpdb->query("DELETE FROM {{$wpdb->prefix}}pay_bridge_payments WHERE payment_id = '{payment_id}'");
        ticketing_update_order('{ref}', array('state' => 'open'));
    """
    office.stand.run_php(undo)
    assert office.order_state(ref) == "open"
    office.stand.wp("pay-bridge", "reconcile")
    assert office.order_state(ref) == "paid"


def test_a_refund_that_a_restored_database_lacks_is_found_by_the_hourly_event(office: Office, browser: Browser) -> None:
    ref, payment_id = office.paid(browser)
    office.hear_news(payment_id)
    row = f"SELECT * FROM {{$wpdb->prefix}}pay_bridge_payments WHERE payment_id = '{payment_id}'"
    kept = office.stand.run_php(f'global $wpdb; echo base64_encode(wp_json_encode($wpdb->get_row("{row}", ARRAY_A)));')
    assert office.refund(payment_id, kind="full") == "done"
    until(lambda: office.order_state(ref) == "refunded", "the shop to know of the refund")
    office.hear_news(payment_id)
    office.stand.run_php(f"""
        global $wpdb;
        $wpdb->replace($wpdb->prefix . 'pay_bridge_payments', json_decode(base64_decode('{kept}'), true));
        $wpdb->query("DELETE FROM {{$wpdb->prefix}}pay_bridge_messages");
        ticketing_update_order('{ref}', array('state' => 'paid'));
    """)
    assert office.order_state(ref) == "paid"
    office.stand.wp("pay-bridge", "reconcile")
    assert office.order_state(ref) == "refunded"


def test_an_account_that_nobody_paid_into_is_closed(office: Office, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="ko-KR")
    page = context.new_page()
    ref = office.book_seats(context.request)
    order = f"PayBridge\\Order::find('{ref}', 'checkout', 0)->for_bridge()"
    due = "gmdate('Y-m-d\\TH:i:s\\Z', time() + 86400)"
    wish = f"array('order' => {order}, 'bank' => '04', 'due' => {due}, 'actor' => 'buyer', 'gateway' => 'mainpay')"
    made = json.loads(office.stand.run_php(f"{CLIENT}->post('/v1/accounts', {wish})->body);"))
    assert made["state"] == "awaiting_deposit", made
    enter(office, page)
    page.goto(office.admin_url(made["id"]))
    page.get_by_text("가상계좌 닫기…").click()
    assert faults_on_every_screen(page, ".pay-bridge") == []
    page.get_by_role("button", name="가상계좌 닫기", exact=True).click()
    expect(page.locator("#pay-bridge-deed-result")).to_contain_text("닫았어요")
    assert office.payment(ref, "voided")["id"] == made["id"]
    context.close()


def test_a_customers_card_is_deleted_and_a_plan_paused_resumed_and_ended(office: Office, browser: Browser) -> None:
    """From here on the site has a second gateway."""
    add_payapp(office)
    customer = "wp:" + office.stand.run_php("echo get_user_by('login', 'buyer')->ID;")
    wish = {
        "customer": customer,
        "title": "월 회원권",
        "buyer": {"name": "이보라", "phone": "010-2345-6789"},
        "result_url": f"{office.url}/",
        "actor": "buyer",
    }
    card = {"number": "4111111111111111", "expires": "4712", "holder": "900101", "password": "12"}
    key = ask(office, "/v1/billing-keys", wish | {"gateway": "mainpay", "card": card})
    rhythm = {"order_ref": "CLUB-1", "amount": 33_000, "cycle": "day", "ends": "2046-12-31", "gateway": "payapp"}
    plan = ask(office, "/v1/plans", wish | rhythm)
    assert (key["state"], plan["state"]) == ("active", "waiting")
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="ko-KR")
    page = context.new_page()
    page.goto(plan["window_url"])
    page.locator("[name=action][value=pay]").click(no_wait_after=True)
    until(lambda: "active" in plan_states(office, customer), "the first round to be charged")

    enter(office, page)
    page.goto(f"{office.url}/wp-admin/admin.php?page=pay-bridge-billing")
    page.fill("input[name=customer]", "buyer")
    page.get_by_role("button", name="보기").click()
    told = "CLUB-1 · 33,000원 · 매일 · 2046-12-31까지 · 1회 청구함 · 페이앱 · 진행 중"
    expect(page.locator("[data-plan]")).to_contain_text(told)
    page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
    assert faults_on_every_screen(page, ".pay-bridge") == []
    page.get_by_label("금액(원)").fill("9900")
    page.get_by_label("내용", exact=True).fill("월 회원권")
    page.get_by_role("button", name="다음: 한 번 더 확인").click()
    expect(page.get_by_role("button", name="9,900원 청구하기")).to_be_visible()
    assert faults_on_every_screen(page, ".pay-bridge") == []
    page.get_by_role("button", name="9,900원 청구하기").click()
    expect(page.locator("#pay-bridge-deed-result")).to_contain_text("9,900원 청구: 결제 완료")
    expect(page.get_by_role("link", name="결제 보기")).to_be_visible()
    do(page, "잠시 멈추기…", "멈추기", "멈춤")
    do(page, "다시 시작하기…", "다시 시작", "진행 중")
    do(page, "해지하기…", "해지", "해지됨")
    do(page, "삭제하기…", "삭제", "삭제됨")
    expect(page.locator("[data-key=deleted]")).to_contain_text("현대카드 411111******1111")
    expect(page.locator("[data-deed]")).to_have_count(0)
    page.get_by_text("새 정기결제 등록하기…").click()
    for label, typed in {
        "정기결제 이름": "월 회원권",
        "한 번에 결제할 돈": "9900",
        "고객 휴대폰": "010-2345-6789",
    }.items():
        page.get_by_label(label).fill(typed)
    page.get_by_role("button", name="등록", exact=True).click()
    expect(page.locator("#pay-bridge-deed-result")).to_contain_text("고객이 동의하면 시작돼요")
    assert page.request.get(page.get_by_label("고객이 동의하는 화면의 주소").input_value()).ok
    assert faults_on_every_screen(page, ".pay-bridge") == []
    enter_dashboard(office, page)
    page.goto(f"{office.bridge.url}/dashboard/recurring")
    expect(page.get_by_role("listitem").filter(has_text="CLUB-1")).to_contain_text("1회 청구 · 페이앱")
    assert faults_on_every_screen(page) == []
    context.close()


@pytest.mark.parametrize("wallet", WALLETS)
def test_what_payapp_says_a_wallet_paid_has_the_wallets_name_for_clerk_and_buyer(
    office: Office, browser: Browser, wallet: str
) -> None:
    add_payapp(office)
    context = browser.new_context(locale="ko-KR")
    page = context.new_page()
    ref = office.book_seats(context.request)
    find = f"PayBridge\\Order::find('{ref}', 'news', 0)->for_bridge()"
    wish = f"array('order' => {find}, 'gateway' => 'payapp', 'method' => '{wallet}')"
    made = json.loads(office.stand.run_php(f"{CLIENT}->post('/v1/payments', {wish})->body);"))
    page.goto(made["window_url"])
    page.locator("[name=action][value=pay]").click(no_wait_after=True)
    office.payment(ref, "paid")
    until(lambda: office.order_state(ref) == "paid", "the shop to know that the order is paid")
    clerk, buyer = office.facts(ref, made["id"])
    context.close()

    assert (clerk["수단"], buyer["결제 수단"]) == (WALLETS[wallet], WALLETS[wallet])
    assert clerk["결제사"] == "페이앱"


def test_a_delivery_of_a_payment_in_escrow_and_the_buyers_yes_are_reported(office: Office, browser: Browser) -> None:
    """And a third, whose windows are in escrow."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="ko-KR")
    page = context.new_page()
    _, made = pay_into_an_escrow(office, page)

    enter(office, page)
    page.goto(office.admin_url(made["id"]))
    page.get_by_role("button", name="상태 확인").click()
    expect(page.locator("#pay-bridge-deed-result")).to_have_text("에스크로: 승인")
    page.get_by_text("배송 등록하기…").click()
    assert faults_on_every_screen(page, ".pay-bridge") == []
    for field in page.locator("details[open] input[type=text]").all():
        field.fill("02-123-4567")
    for label, choice in {"등록 또는 변경": "등록", "택배사": "우체국택배", "배송비": "보내는 쪽이 냄"}.items():
        assert page.get_by_label(label).input_value() == "", "no courier is told that nobody chose"
        page.get_by_label(label).select_option(label=choice)
    page.get_by_role("button", name="등록", exact=True).click()
    expect(page.locator("#pay-bridge-deed-result")).to_have_text("에스크로: 배송을 등록했어요")
    expect(page.get_by_role("listitem").filter(has_text="에스크로를 요청했어요 · 배송 등록")).to_be_visible()
    page.get_by_role("link", name="구매 확정 전하기…").click()
    dialog = page.get_by_role("dialog", name="구매자의 구매 확정 전하기")
    assert faults_on_every_screen(page, ".pay-bridge") == []
    dialog.get_by_label("처리하는 사람").fill("홍길동")
    dialog.get_by_role("button", name="네, 구매자가 확정했어요").click()
    expect(page.locator("#pay-bridge-deed-result")).to_contain_text("구매를 확정했다고 결제사에 전했어요")
    expect(page.locator("[data-escrow=confirmed]")).to_be_visible()

    page.goto(f"{office.url}{PAGE}")
    page.get_by_text("카드 앞자리 확인하기…").click()
    page.get_by_label("카드 번호의 앞 6~8자리").fill("411111")
    assert faults_on_every_screen(page, ".pay-bridge") == []
    page.get_by_role("button", name="확인", exact=True).click()
    expect(page.locator("#pay-bridge-deed-result")).to_have_text("411111: BC · 신용카드")

    enter_dashboard(office, page)
    page.goto(f"{office.bridge.url}/dashboard/payments/{made['id']}")
    expect(page.locator("ol.timeline")).to_contain_text("배송 등록")
    assert faults_on_every_screen(page) == []
    context.close()


def test_a_buyer_confirms_the_purchase_on_the_own_orders_page_once_it_was_sent(
    office: Office, browser: Browser
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="ko-KR")
    page = context.new_page()
    enter(office, page, "buyer")
    ref, made = pay_into_an_escrow(office, page)
    until(lambda: office.order_state(ref) == "paid", "the shop to know that the order is paid")

    page.goto(office.detail_url(ref))
    expect(page.locator("[data-escrow=kept]")).to_contain_text("결제사가 돈을 맡아 두고 있어요")
    page.locator(".pay-bridge-escrow details").evaluate_all("all => all.forEach(one => one.open = true)")
    assert faults_on_every_screen(page, ".pay-bridge-escrow") == []
    page.get_by_role("button", name="구매 확정하기").click()
    told = page.locator(".pay-bridge-escrow [role=status]")
    expect(told).to_contain_text("결제사가 결정을 받아들이지 않았어요. “구매확정할 수 없는 상태입니다.”")
    expect(told).to_contain_text("받은 뒤에 다시 시도해 주세요")
    assert faults_on_every_screen(page, ".pay-bridge-escrow") == []

    escrow = f"/v1/payments/{made['id']}/escrow"
    steps = json.loads(office.stand.run_php(f"{CLIENT}->get('/v1/payments/{made['id']}')->body);"))["escrow"]["steps"]
    fields = {one["name"]: next(iter(one["choices"]), "02-123-4567") for one in steps[1]["fields"]}
    assert ask(office, escrow, {"step": "delivery", "actor": "wp:1", "fields": fields})["state"] == "delivery"
    page.goto(office.detail_url(ref))
    page.get_by_text("구매 확정하기…").click()
    page.get_by_role("button", name="구매 확정하기").click()
    expect(told).to_have_text("결정이 결제사에 전해졌어요.")
    expect(page.locator("[data-escrow=confirmed]")).to_contain_text("구매를 확정했고")
    expect(page.locator(".pay-bridge-escrow form")).to_have_count(0)
    assert ask(office, escrow, {"step": "status", "actor": "wp:1"})["state"] == "구매확정"
    context.close()


def pay_into_an_escrow(office: Office, page: Page) -> tuple[str, dict[str, Any]]:
    """Whoever the page's browser is books seats and pays in a window in escrow; gives the order and the payment."""
    given = {"api_url": f"{office.bridge.sandbox_url}/welcome/api", "approval_urls": office.bridge.sandbox_url}
    words = [
        word for name, value in {**given, "escrow": "yes"}.items() for word in ("--set", f"welcome.{name}={value}")
    ]
    office.bridge.command("site", "set", office.url, *words)
    ref = office.book_seats(page.context.request)
    find = f"PayBridge\\Order::find('{ref}', 'news', 0)->for_bridge()"
    wish = f"array('order' => {find}, 'gateway' => 'welcome')"
    made: dict[str, Any] = json.loads(office.stand.run_php(f"{CLIENT}->post('/v1/payments', {wish})->body);"))
    page.goto(made["window_url"])
    page.locator("[name=action][value=pay]").click(no_wait_after=True)
    office.payment(ref, "paid")
    expect(page).to_have_url(re.compile("/payment-detail/"))  # else it leads there from wherever the test goes next
    return ref, made


def add_payapp(office: Office) -> None:
    keys = {"linkkey": "KEY0123456789", "linkval": "VAL0123456789"}
    body = json.dumps({"gateway": "payapp", "sellers": {"payapptest": keys}}).encode()
    httpx2.post(f"{office.bridge.sandbox_url}/control/settings", content=body, trust_env=False).raise_for_status()
    given = {"userid": "payapptest", **keys, "api_url": f"{office.bridge.sandbox_url}/payapp/oapi/apiLoad.html"}
    words = [word for name, value in given.items() for word in ("--set", f"payapp.{name}={value}")]
    office.bridge.command("site", "set", office.url, "--set", "mainpay.card_entry=on", *words)


def ask(office: Office, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask the bridge as a theme would, through the plugin."""
    told = json.dumps(json.dumps(body))
    answered = office.stand.run_php(f"{CLIENT}->post('{path}', json_decode({told}, true))->body);")
    found: dict[str, Any] = json.loads(answered)
    return found


def plan_states(office: Office, customer: str) -> str:
    asked = f"get('/v1/plans', array('customer' => '{customer}'))"
    return office.stand.run_php(f"{CLIENT}->{asked}->body);")


def enter(office: Office, page: Page, who: str = "clerk") -> None:
    """Log in, by the form's own request: its script moves the focus while somebody types."""
    address = f"{office.url}/wp-login.php"
    page.context.request.get(address)
    form = {"log": who, "pwd": office.stand.passwords[who], "testcookie": "1"}
    assert page.context.request.post(address, form=form, max_redirects=0).status == 302, f"the {who} could not log in"


def enter_dashboard(office: Office, page: Page) -> None:
    page.goto(f"{office.bridge.url}/dashboard/login")
    page.get_by_label("이름").fill(OPERATOR)
    page.get_by_label("비밀번호").fill(office.bridge.password)
    page.get_by_role("button", name="로그인").click()
    expect(page.locator("#headline")).to_be_visible()


def do(page: Page, opener: str, button: str, words: str) -> None:
    """Open what a deed means, press its button, and read what came of it."""
    page.get_by_text(opener, exact=True).click()
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.locator("#pay-bridge-deed-result")).to_contain_text(words)
