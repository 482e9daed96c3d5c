"""Who may do what: every person against every action."""

import re

import pytest

from tests.plugin.conftest import PEOPLE, Shop

EVERYBODY = ["visitor", *PEOPLE]
NOBODY: list[str] = []

# Of an order that belongs to "owner" and may be cancelled by its buyer.
MAY = {
    "ready": ["owner"],
    "token": ["owner"],
    "cancel": ["owner", "clerk", "admin"],
    "list": ["clerk", "admin"],
    "view": ["clerk", "admin"],
    "health": ["clerk", "admin"],
    "refund": ["clerk", "admin"],
    "settings": ["admin"],
    "save settings": ["admin"],
    "site health": ["admin"],
    "news": NOBODY,
    "fence": NOBODY,
}


def test_every_role_of_wordpress_that_matters_is_in_the_table(shop: Shop) -> None:
    roles = set(shop.stand.run_php("echo implode(' ', array_keys(wp_roles()->roles));").split())
    assert roles - {"author", "contributor"} == set(PEOPLE.values()), "author and contributor stand below editor"


@pytest.mark.parametrize("who", EVERYBODY)
@pytest.mark.parametrize("action", MAY)
def test_the_right_people_and_nobody_else(shop: Shop, action: str, who: str) -> None:
    assert attempt(shop, action, who) is (who in MAY[action])


def attempt(shop: Shop, action: str, who: str) -> bool:
    """Whether the person succeeded; what changes something is judged by the bridge's or the site's own state."""
    browser, bridge = shop.as_(who), shop.bridge
    if action in ("ready", "token"):
        order = shop.order()
        name = {"ready": "mainpay_payment_ready", "token": "pay_bridge_token"}[action]
        answer = shop.ajax(
            who, name, {"pay_bridge_order": order["ref"], "order": order["ref"]}, sec_fetch_site="same-origin"
        )
        return bool(answer.json()["success"])
    if action == "cancel":
        order, payment = shop.paid(cancel=True)
        fields = {"mbr_ref_no": order["ref"], "ref_no": "", "amount": "30000", "cancel_reason": "변심"}
        answer = shop.ajax(who, "mainpay_payment_cancel", fields, sec_fetch_site="same-origin")
        done = bridge.payments[payment["id"]]["state"] == "refunded"
        assert done is answer.json()["success"]
        if not done:
            assert answer.status_code == (401 if who == "visitor" else 403)
        return done
    if action == "refund":
        order, payment = shop.paid()
        action_name = f"pay_bridge_refund_{payment['id']}"
        leaked = browser.get(f"/wp-admin/admin-ajax.php?action=test_shop_nonce&for={action_name}").text
        assert re.fullmatch("[0-9a-f]{10}", leaked)
        fields = {
            "action": "pay_bridge_refund",
            "payment": payment["id"],
            "key": "0" * 16 + payment["id"][-16:],
            "left": "30000",
            "kind": "full",
            "reason": "공연 취소",
            "_wpnonce": leaked,
        }
        browser.post("/wp-admin/admin-post.php", data=fields)
        return bool(bridge.payments[payment["id"]]["state"] == "refunded")
    if action in ("news", "fence"):
        order = shop.order()
        body = f'{{"type":"payment.paid","seq":1,"order_ref":"{order["ref"]}"}}'.encode()
        answer = browser.post(
            f"/?rest_route=/pay-bridge/v1/{action}", content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.json()["code"] == "bad_signature"
        return answer.status_code == 200
    if action == "save settings":
        page = browser.get("/wp-admin/admin.php?page=pay-bridge-settings").text
        fields = {
            "option_page": "pay_bridge",
            "action": "update",
            "_wpnonce": nonce(page),
            "pay_bridge_settings[delete_records]": "1",
        }
        shop.stand.run_php("update_option('pay_bridge_settings', array());")
        browser.post("/wp-admin/options.php", data=fields)
        return shop.stand.run_php("echo (int) (get_option('pay_bridge_settings')['delete_records'] ?? 0);") == "1"
    _, payment = shop.paid()
    address = {
        "list": "/wp-admin/admin.php?page=pay-bridge",
        "view": f"/wp-admin/admin.php?page=pay-bridge&payment={payment['id']}",
        "health": "/wp-admin/admin.php?page=pay-bridge-health",
        "settings": "/wp-admin/admin.php?page=pay-bridge-settings",
        "site health": "/?rest_route=/pay-bridge/v1/site-health/connection",
    }[action]
    if action == "site health" and who != "visitor":
        rest = browser.get("/wp-admin/admin-ajax.php?action=rest-nonce").text
        return browser.get(address, headers={"X-WP-Nonce": rest}).status_code == 200
    answer = browser.get(address)
    assert answer.status_code in (200, 302, 401, 403)
    return answer.status_code == 200


def nonce(page: str) -> str:
    match = re.search(r'name="_wpnonce" value="([0-9a-f]+)"', page)
    return match[1] if match else ""
