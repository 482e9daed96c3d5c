"""The whole way once: ready, window, return, pay, refund, books."""

import httpx2


def test_a_buyer_pays_and_the_books_show_the_money(sandbox, shop):
    opened = shop.ready()
    assert set(opened) == {"aid", "nextPcUrl", "nextMobileUrl", "nextAppUrl", "createTime", "expireTime"}
    assert sandbox.book("ORDER00001")["captured"] == 0

    window = shop.http.get(opened["nextPcUrl"])
    assert window.status_code == 200
    assert "55,000원" in window.text
    assert "모의 결제창 - 실제로 결제되지 않아요" in window.text

    answer = shop.press(opened["nextPcUrl"], "pay")
    back = httpx2.URL(answer.headers["location"])
    assert answer.status_code == 303
    assert (back.host, back.path) == ("shop.test", "/r/token")
    assert set(back.params) == {"order", "aid", "authToken", "payType", "merchantData"}
    assert back.params["authToken"].startswith("AUTH")
    assert len(back.params["authToken"]) == 40
    assert sandbox.book("ORDER00001")["captured"] == 0, "authentication moves no money"

    form = shop.pay_form("ORDER00001", 55_000, dict(back.params))
    paid = shop.post("/mainpay/api/v1/payment/pay", form)
    assert paid["resultCode"] == "200"
    assert paid["data"]["amount"] == 55_000
    assert paid["data"]["taxAmount"] == 5_000
    assert paid["data"]["custommerName"] == "홍길동"
    assert len(paid["data"]["tranDate"]) == 6

    book = sandbox.book("ORDER00001")
    assert (book["captured"], book["refunded"], book["net"]) == (55_000, 0, 55_000)
    assert book["ref_no"] == paid["data"]["refNo"]
    assert book["calls"] == {"ready": 1, "pay": 1}

    assert shop.cancel(paid["data"], 55_000)["resultCode"] == "200"
    assert sandbox.book("ORDER00001")["net"] == 0
