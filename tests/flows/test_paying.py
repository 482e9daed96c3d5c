"""A buyer pays: once, whatever the browser does."""


async def test_a_buyer_pays_and_the_shop_hears_it_once(any_world):
    world = any_world
    payment = await world.buy()
    await world.beat()

    assert payment.state == "paid"
    assert world.book(payment).net == 55_000
    assert await world.entries(payment.id) == [("capture", 55_000, "E1")]
    assert world.shop.kinds() == ["payment.paid"]
    await world.check_books()
