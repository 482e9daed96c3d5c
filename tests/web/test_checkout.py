"""The buyer's way in: browsers are led on, scripts get JSON, and whoever only looks creates nothing."""

import asyncio

import pytest

from tests.support.world import BUYER_ADDRESS, SHOP_URL, World

KAKAO = "facebookexternalhit/1.1; kakaotalk-scrap/1.0; +https://devtalk.kakao.com/t/scrap/33984"


async def test_a_browser_is_led_to_the_window_and_a_script_gets_json(world):
    order = world.order()
    async with world.client() as client:
        page = await client.post("/checkout", data={"token": world.token(order)})
        link = await client.get(f"/checkout/{world.token(order)}")
        script = await client.post(
            "/checkout",
            data={"token": world.token(order)},
            headers={"accept": "application/json", "origin": SHOP_URL},
        )

    for answer in (page, link):
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("http://sandbox.test/mainpay/ui/pc?")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert script.status_code == 201
    assert script.json().keys() == {"payment", "state", "status_url", "window_url", "expires_at"}
    assert script.headers["access-control-allow-origin"] == SHOP_URL


@pytest.mark.parametrize("origin", ["http://evil.test", "null", "http://shop.test.evil.test", "https://shop.test", ""])
async def test_a_script_of_no_site_of_ours_may_not_read_the_answer(world, origin):
    async with world.client() as client:
        headers = {"accept": "application/json", "origin": origin}
        answer = await client.post("/checkout", data={"token": world.token(world.order())}, headers=headers)
        refused = await client.post("/checkout", data={"token": "x"}, headers=headers)

    assert "access-control-allow-origin" not in answer.headers
    assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize(
    "headers",
    [{"user-agent": KAKAO}, {"user-agent": "Slackbot-LinkExpanding 1.0"}, {"user-agent": "Yeti/1.1 (Naver Corp.)"},
     {"sec-purpose": "prefetch"}, {"sec-purpose": "prefetch;prerender"}, {"purpose": "prefetch"},
     {"x-moz": "prefetch"}, {"user-agent": "TelegramBot (like TwitterBot)"}],
    ids=str,
)  # fmt: skip
async def test_a_preview_or_prefetch_of_the_link_creates_nothing(world, headers):
    async with world.client() as client:
        page = await client.get(f"/checkout/{world.token(world.order())}", headers=headers)

    assert page.status_code == 200
    assert "아직 아무것도 결제하지 않았어요" in page.text
    assert world.net.sent == []
    assert await world.all("SELECT id FROM payments") == []


async def test_asking_for_the_head_alone_creates_nothing(world):
    token = world.token(world.order())
    async with world.client() as client:
        answer = await client.head(f"/checkout/{token}")

    assert answer.status_code == 200
    assert await world.all("SELECT id FROM payments") == []


@pytest.mark.parametrize(
    ("agent", "window"),
    [("Mozilla/5.0 (Linux; Android 16) Chrome/140 Mobile", "mobile"), ("Mozilla/5.0 (iPhone)", "mobile"),
     ("Mozilla/5.0 (Windows NT 10.0) Chrome/140", "pc"), ("", "pc"), ("KAKAOTALK 11.0 (Android)", "mobile"),
     ("daumapps/1.0 iPhone", "mobile")],
)  # fmt: skip
async def test_the_window_fits_the_device(world, agent, window):
    async with world.client() as client:
        answer = await client.get(f"/checkout/{world.token(world.order())}", headers={"user-agent": agent})

    assert f"/mainpay/ui/{window}?" in answer.headers["location"]


async def test_the_device_that_the_page_names_counts_more_than_the_browser(world):
    async with world.client() as client:
        fields = {"token": world.token(world.order()), "device": "app"}
        answer = await client.post("/checkout", data=fields, headers={"user-agent": "iPhone"})

    assert "/mainpay/ui/app?" in answer.headers["location"]


async def test_a_paid_order_leads_a_browser_to_its_result(world):
    order = world.order()
    payment = await world.buy(order)
    async with world.client() as client:
        page = await client.get(f"/checkout/{world.token(order)}")

    assert page.status_code == 303
    assert page.headers["location"].startswith(f"{order['result_url']}&pay_bridge={payment.id}")


@pytest.mark.parametrize("method", ["cash", "", "CARD", "card'--"])
async def test_a_method_nobody_knows_is_refused(world, method):
    answer = await world.post_checkout(world.token(world.order(), method=method or "x"))

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


async def test_a_method_or_gateway_that_the_site_has_not_is_refused(world):
    for changes in ({"method": "applepay"}, {"gateway": "payapp"}, {"gateway": "mainpay", "method": "wechat"}):
        answer = await world.post_checkout(world.token(world.order(), **changes))
        assert (answer.status_code, answer.json()["code"]) == (503, "gateway_unavailable"), changes


async def test_a_flood_from_one_address_is_told_when_to_come_back(folder):
    world = World(folder, checkout_per_address_per_minute=5)
    await world.start()
    world.site = await world.pair()
    token = world.token(world.order())
    answers = [await world.post_checkout(token) for _ in range(7)]
    async with world.client() as client:
        page = await client.post("/checkout", data={"token": token})
    async with world.client("203.0.113.77") as client:
        other = await client.post("/checkout", data={"token": token})

    assert [answer.status_code for answer in answers] == [201] * 5 + [429] * 2
    assert answers[-1].json()["code"] == "too_many"
    for answer in (answers[-1], page):
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) == 12
    assert other.status_code == 303
    await world.clock.forward(12)
    assert (await world.post_checkout(token)).status_code == 201
    await world.close()


async def test_a_flood_at_one_site_leaves_another_alone(folder):
    world = World(folder, checkout_per_site_per_second=3)
    await world.start()
    world.site = await world.pair()
    other = await world.pair("http://other.test")
    urls = {"result_url": "http://other.test/r", "retry_url": "http://other.test/o"}
    answers = [await world.post_checkout(world.token(world.order())) for _ in range(5)]
    theirs = await world.post_checkout(world.token(world.order(**urls), site=other))

    assert [answer.status_code for answer in answers] == [201] * 3 + [429] * 2
    assert theirs.status_code == 201
    await world.close()


async def test_a_gateway_that_does_not_answer_leads_the_buyer_back(world):
    world.fault("ready", "drop_before")
    world.fault("ready", "decline", code="1002", message="가맹점번호 오류")
    order = world.order()
    async with world.client() as client:
        lost = await client.post("/checkout", data={"token": world.token(order)})
        refused = await client.post("/checkout", data={"token": world.token(order)})

    for page in (lost, refused):
        assert page.status_code == 503
        assert "돈은 빠져나가지 않았어요" in page.text
        assert order["retry_url"].replace("&", "&amp;") in page.text
    assert "가맹점번호 오류" in refused.text


async def test_what_the_gateway_says_is_shown_as_text(world):
    world.fault("ready", "decline", code="1001", message="<script>alert(1)</script>")
    async with world.client() as client:
        page = await client.post("/checkout", data={"token": world.token(world.order())})

    assert "<script>alert" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"token=a&token=b", "application/x-www-form-urlencoded", 400),
        (b"&".join([b"a%d=1" % n for n in range(129)]), "application/x-www-form-urlencoded", 400),
        (b"token=%00", "application/x-www-form-urlencoded", 400),
        ("token=봄".encode("cp949"), "application/x-www-form-urlencoded", 400),
        (b"token=x", "application/x-www-form-urlencoded", 400),
        (b"", "application/x-www-form-urlencoded", 400),
        (b"token=" + b"A" * 9_000, "application/x-www-form-urlencoded", 400),
        (b"token=" + b"A" * 2_000_000, "application/x-www-form-urlencoded", 413),
        (b'--x\r\ncontent-disposition: form-data; name="token"\r\n\r\nv1\r\n--x--', "multipart/form-data; boundary=x",
         415),
        (b'{"token": "x"}', "application/json", 415),
    ],
)  # fmt: skip
async def test_a_form_that_is_none_is_refused_in_a_page_and_in_json(world, content, kind, status):
    async with world.client() as client:
        page = await client.post("/checkout", content=content, headers={"content-type": kind})
        script = await client.post(
            "/checkout", content=content, headers={"content-type": kind, "accept": "application/json"}
        )

    assert page.status_code == script.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert script.json()["message_ko"] in page.text
    assert await world.all("SELECT id FROM payments") == []


async def test_at_a_path_of_the_public_address_every_link_keeps_it(folder):
    """The bridge lives at https://shop.test/pay/ behind a proxy that strips the path."""
    world = World(folder)
    await world.start()
    world.site = await world.pair()
    object.__setattr__(world.context.settings, "public_url", "https://shop.test/pay")
    async with world.client() as client:
        preview = await client.get(f"/checkout/{world.token(world.order())}", headers={"sec-purpose": "prefetch"})
        opened = (
            await client.post(
                "/checkout", data={"token": world.token(world.order())}, headers={"accept": "application/json"}
            )
        ).json()
        assert 'href="/pay/checkout/v1.' in preview.text
        assert "https://shop.test/pay/s/" in opened["status_url"]
        world.fault("pay", "drop_after")
        world.fault("net_cancel", "drop_after", times=None)
        heard = await world.press(opened["window_url"])
        back = heard.headers["location"]
        assert back.startswith("https://shop.test/pay/r/")
        waiting = await client.get(back.replace("https://shop.test/pay", ""))
    assert "다시 결제하지 마세요" in waiting.text
    assert waiting.headers["refresh"].startswith("3; url=/pay/r/")
    assert 'href="/pay/r/' in waiting.text
    await world.close()


async def test_hundreds_of_buyers_at_once_each_get_their_own_window(world):
    opened = await asyncio.gather(*(world.checkout() for _ in range(100)))

    assert len({one.window_url for one in opened}) == 100
    assert BUYER_ADDRESS
