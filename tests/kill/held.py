"""Deaths while the gateway holds back an answer: the request has arrived, the answer never will."""

from concurrent.futures import ThreadPoolExecutor

from .lab import Lab
from .people import Order


def die_over_approval(lab: Lab, order: Order, fault: str, *, captured: bool) -> None:
    """Kill the server after its approval arrived at the gateway and, where `captured`, was carried out."""
    order.check_out()
    order.pay_in_window()
    lab.gateway.hold("pay", fault)
    with ThreadPoolExecutor(1) as browser:
        browser.submit(order.come_back)
        ref = order.payment["merchant_ref"]

        def arrived() -> bool:
            book = lab.gateway.books()[ref]
            return bool(book["captured"]) if captured else bool(book["calls"].get("pay"))

        lab.wait_for(arrived, "the gateway has the approval")
        lab.kill()
