"""The stand itself: the pages answer, a seat is held by one buyer only, and the theme lives without the plugin."""

import json
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.wordpress import servers
from tests.wordpress.fixtures import StandMaker
from tests.wordpress.stand import PROJECT, Stand

pytestmark = pytest.mark.wordpress

BUYER = {"buyer_name": "김하늘", "buyer_tel": "01012345678", "buyer_email": "haneul@shop.example"}


@pytest.fixture(params=["quick", "oldest"])
def stand(request: pytest.FixtureRequest) -> Iterator[Stand]:
    """Each test on the newest and on the oldest WordPress; PHP must have nothing to complain of afterwards."""
    stand: Stand = request.getfixturevalue(f"{request.param}_stand")
    yield stand
    assert stand.php_errors() == ""


def fetch(url: str, form: dict[str, str] | None = None, **headers: str) -> tuple[int, str, str]:
    """One request as a browser would send it: status, body, where it ended after redirects."""
    body = urllib.parse.urlencode(form).encode() if form is not None else None
    request = urllib.request.Request(url, body, {name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode(), answer.url
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode(), url


def php(stand: Stand, code: str) -> Any:
    """What a PHP expression is worth inside WordPress."""
    return json.loads(stand.run_php(f"echo wp_json_encode( {code} );"))


def a_show(stand: Stand, number: int = 1) -> int:
    return int(php(stand, f"get_page_by_path( 'show-{number}', OBJECT, 'ticketing_show' )->ID"))


def hold(stand: Stand, show: int, category: str = "S석", count: int = 1, **headers: str) -> tuple[int, str, str]:
    form = {"ticketing": "hold", "show_id": str(show), "category": category, "count": str(count), **BUYER}
    return fetch(f"{stand.url}/order/?show_id={show}", form, **headers)


def order_of(url: str) -> str:
    return urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["order_id"][0]


def test_the_front_page_lists_the_season(stand: Stand) -> None:
    status, page, _ = fetch(stand.url + "/")
    assert status == 200
    assert len(re.findall(r'<li class="card">', page)) == 20


def test_the_plugin_is_active_and_the_clerk_may_refund_and_little_else(stand: Stand) -> None:
    assert stand.furnished["plugin"] == "active"
    may = php(
        stand,
        "array_map( fn( $can ) => user_can( get_user_by( 'login', 'clerk' ), $can ),"
        " array( 'pay_bridge_refund', 'read', 'edit_posts', 'manage_options' ) )",
    )
    assert may == [True, True, False, False]


def test_choosing_a_seat_makes_an_order_priced_by_the_shop_and_held_for_ten_minutes(stand: Stand) -> None:
    status, page, url = hold(stand, a_show(stand), count=2, Origin=stand.url)
    order = php(stand, f"ticketing_order( '{order_of(url)}' )")
    assert status == 200
    assert "110,000원" in page
    assert order["amount"] == 110_000
    assert order["state"] == "open"
    assert 590 <= order["hold_expires_at"] - order["created_at"] <= 600


def test_an_order_cannot_be_begun_from_another_site(stand: Stand) -> None:
    status, _, _ = hold(stand, a_show(stand), Origin="https://elsewhere.example")
    assert status == 403


def test_two_buyers_who_want_the_last_seat_do_not_both_get_it(stand: Stand) -> None:
    show = a_show(stand, 2)
    stand.run_php(f"ticketing_add_seats( {show}, '마지막석', 5000, array( '1열 1번' ) );")
    with ThreadPoolExecutor(6) as buyers:
        pages = list(buyers.map(lambda _: hold(stand, show, "마지막석"), range(6)))
    assert sum("order_id=" in url for _, _, url in pages) == 1
    assert sum("그 사이 매진됐어요" in page for _, page, _ in pages) == 5


def test_a_hold_is_lengthened_until_somebody_else_has_taken_the_seat(stand: Stand) -> None:
    show = a_show(stand, 3)
    stand.run_php(f"ticketing_add_seats( {show}, '연장석', 5000, array( '1열 1번' ) );")
    first = order_of(hold(stand, show, "연장석")[2])
    ask = f"apply_filters( 'pay_bridge_extend_hold', null, '{first}', time() + 1200, array() )"
    assert php(stand, ask)["hold"] is True
    assert php(stand, ask)["hold"] is True
    until = php(stand, f"ticketing_order( '{first}' )->hold_expires_at - time()")
    assert 1190 <= until <= 1200

    expire = (
        f"$GLOBALS['wpdb']->update( ticketing_table( 'seats' ), array( 'hold_expires_at' => 1 ),"
        f" array( 'order_ref' => '{first}' ) );"
    )
    stand.run_php(expire)
    assert php(stand, ask)["hold"] is True, "nobody has taken the seat, so a hold that ran out can be renewed"
    stand.run_php(expire)
    assert "order_id=" in hold(stand, show, "연장석")[2]
    assert php(stand, ask) == {"hold": False, "reason": "seats_gone"}


def test_letting_an_order_go_frees_its_seat_and_raises_its_version(stand: Stand) -> None:
    show = a_show(stand, 4)
    url = hold(stand, show, "R석")[2]
    free = php(stand, f"(int) wp_list_pluck( ticketing_offer( {show} ), 'free', 'category' )['R석']")
    _, page, _ = fetch(url, {"ticketing": "release", "order_id": order_of(url)}, Origin=stand.url)
    assert "예매를 그만뒀어요" in page
    assert php(stand, f"(int) wp_list_pluck( ticketing_offer( {show} ), 'free', 'category' )['R석']") == free + 1
    assert php(stand, f"ticketing_order( '{order_of(url)}' )->version") == 2


def test_a_paid_order_sells_its_seats_once_and_a_refund_frees_them(stand: Stand) -> None:
    ref = order_of(hold(stand, a_show(stand, 5), count=2)[2])
    paid = f"do_action( 'pay_bridge_paid', '{ref}', array( 'state' => 'paid', 'amount' => 110000 ), 1 );"
    stand.run_php(paid + paid)
    assert php(stand, f"wp_list_pluck( ticketing_seats_of( '{ref}' ), 'state' )") == ["sold", "sold"]
    assert "결제했어요 · 110,000원" in fetch(f"{stand.url}/payment-detail/?order_id={ref}")[1]
    assert sum(ref in str(mail["message"]) for mail in stand.mails()) == 1
    stand.run_php(f"do_action( 'pay_bridge_refunded', '{ref}', array( 'state' => 'refunded' ), 2 );")
    assert php(stand, f"ticketing_seats_of( '{ref}' )") == []
    assert "환불했어요" in fetch(f"{stand.url}/payment-detail/?order_id={ref}")[1]


def test_an_order_let_go_but_paid_in_another_window_has_its_seat_back_unless_it_was_sold(stand: Stand) -> None:
    show = a_show(stand, 9)
    stand.run_php(f"ticketing_add_seats( {show}, '되찾는석', 5000, array( '1열 1번' ) );")
    paid = "do_action( 'pay_bridge_paid', '%s', array( 'state' => 'paid', 'amount' => 5000 ), 1 );"
    late = order_of(hold(stand, show, "되찾는석")[2])
    stand.run_php(f"ticketing_cancel_order( ticketing_order( '{late}' ) );")
    other = order_of(hold(stand, show, "되찾는석")[2])
    stand.run_php(paid % late)
    assert php(stand, f"ticketing_seats_of( '{other}' )[0]->state") == "held"
    assert late in php(stand, "wp_list_pluck( ticketing_open_requests(), 'ref' )")
    assert "그 사이 좌석이 팔렸어요" in fetch(f"{stand.url}/payment-detail/?order_id={late}")[1]

    stand.run_php(f"ticketing_cancel_order( ticketing_order( '{other}' ) );")
    stand.run_php(paid % other)
    assert php(stand, f"ticketing_seats_of( '{other}' )[0]->state") == "sold"


def test_a_refund_of_the_seats_asked_for_frees_those_alone(stand: Stand) -> None:
    url = hold(stand, a_show(stand, 6), count=2)[2]
    ref = order_of(url)
    stand.run_php(f"do_action( 'pay_bridge_paid', '{ref}', array( 'state' => 'paid', 'amount' => 110000 ), 1 );")
    seats = [item["ref"] for item in php(stand, f"ticketing_order( '{ref}' )->items")]
    wish = {"ticketing": "refund", "order_id": ref, "seats[]": seats[1], "reason": "일정 변경"}
    _, page, _ = fetch(f"{stand.url}/payment-detail/?order_id={ref}", wish, Origin=stand.url)
    assert "환불을 요청했어요" in page
    assert php(stand, "wp_list_pluck( ticketing_open_requests(), 'ref' )").count(ref) == 1
    refused = "array( 'id' => 'r_1', 'state' => 'refused' ), '결제사가 환불을 거절했어요: 한도 초과'"
    stand.run_php(f"do_action( 'pay_bridge_refund_refused', '{ref}', array( 'state' => 'paid' ), 2, {refused} );")
    noted = php(stand, f"ticketing_order( '{ref}' )->refund_request")
    assert (noted["note"], noted["reason"]) == ("결제사가 환불을 거절했어요: 한도 초과", "일정 변경")
    part = "array( 'state' => 'part_refunded', 'refunded' => 55000 )"
    stand.run_php(f"do_action( 'pay_bridge_refunded', '{ref}', {part}, 2 );")
    assert [f"seat-{seat['id']}" for seat in php(stand, f"ticketing_seats_of( '{ref}' )")] == seats[:1]
    assert ref not in php(stand, "wp_list_pluck( ticketing_open_requests(), 'ref' )")


def test_an_order_of_a_member_is_handed_over_to_nobody_else(stand: Stand) -> None:
    buyer = "get_user_by( 'login', 'buyer' )->ID"
    person = "array( 'name' => '김하늘', 'email' => 'a@shop.example', 'phone' => '' )"
    ref = php(stand, f"ticketing_make_order( {a_show(stand, 7)}, 'S석', 1, {person}, {buyer} )->ref")
    ask = "null !== apply_filters( 'pay_bridge_order', null, array( 'order' => '%s', 'purpose' => '%s' ), %s )"
    assert php(stand, ask % (ref, "checkout", buyer)) is True
    assert php(stand, ask % (ref, "checkout", "0")) is False
    assert php(stand, ask % (ref, "news", "0")) is True
    page = fetch(f"{stand.url}/payment-detail/?order_id={ref}")[1]
    assert "a@shop.example" not in page


def test_nothing_is_said_to_have_failed_while_the_outcome_is_unknown(stand: Stand) -> None:
    ref = order_of(hold(stand, a_show(stand, 8))[2])
    page = fetch(f"{stand.url}/payment-detail/?order_id={ref}&pay_bridge=0190f6c2a7e94d0c8a2bb6c1d0e4f733")[1]
    assert "결제 결과를 확인하고 있어요" in page
    assert "실패" not in page


@pytest.mark.parametrize("address", ["payment-approval", "payment-close"])
def test_the_old_addresses_say_that_nothing_happened(stand: Stand, address: str) -> None:
    status, page, _ = fetch(f"{stand.url}/{address}/", {"refNo": "1", "authCode": "2", "amount": "1000"})
    assert status == 410
    assert "아무것도 결제하거나 취소하지 않았어요" in page


def test_the_test_payment_page_makes_the_order_on_the_server(stand: Stand) -> None:
    _, page, url = fetch(f"{stand.url}/test-pay/", {"ticketing": "story", "story": "declined"}, Origin=stand.url)
    assert php(stand, f"ticketing_order( '{order_of(url)}' )->amount") == 1001
    assert f'name="pay_bridge_order" value="{order_of(url)}"' in page


def test_the_theme_lives_without_the_plugin(bare_stand: Stand) -> None:
    url = hold(bare_stand, a_show(bare_stand))[2]
    ref = order_of(url)
    assert "지금은 결제를 받을 수 없어요" in fetch(url)[1]
    for page in ("/", "/test-pay/", f"/payment-detail/?order_id={ref}", "/shows/show-1/", "/nowhere/"):
        assert fetch(bare_stand.url + page)[0] == (404 if page == "/nowhere/" else 200)
    assert bare_stand.php_errors() == ""


def test_a_site_keeps_its_orders_and_passwords_when_it_comes_back(make_stand: StandMaker) -> None:
    first = make_stand("quick")
    ref = order_of(hold(first, a_show(first))[2])
    first.down()
    again = Stand("quick", directory=first.directory, port=first.port)
    with again:
        assert again.passwords == first.passwords
        assert php(again, f"ticketing_order( '{ref}' )->ref") == ref
    assert not servers.answers("127.0.0.1", first.port)


def test_every_php_file_parses() -> None:
    folders = [PROJECT / "tests", PROJECT / "wp-plugin"]
    files = [str(file) for folder in folders for file in sorted(folder.rglob("*.php"))]
    assert len(files) > 30
    script = "foreach (array_slice($argv, 1) as $f) token_get_all(file_get_contents($f), TOKEN_PARSE);"
    ran = subprocess.run([servers.php(), "-r", script, *files], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_no_php_file_of_the_theme_can_be_called_by_itself() -> None:
    theme = Path(__file__).parent / "theme" / "ticketing"
    assert [file.name for file in theme.rglob("*.php") if "defined( 'ABSPATH' ) || exit;" not in file.read_text()] == []
