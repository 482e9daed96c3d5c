"""The forms of a clerk's page besides the refund's: found, filled in, sent."""

import html
import re

import httpx2

from tests.plugin.conftest import Shop


def forms_on(page: str) -> list[dict[str, str]]:
    """The hidden fields of each form that is sent once, in the order they stand there."""
    found = re.findall(r"<form[^>]* data-once>(.*?)</form>", page, re.S)
    return [
        {
            name: html.unescape(value)
            for name, value in re.findall(r'type="hidden"[^>]*name="([^"]+)" value="([^"]*)"', one)
        }
        for one in found
    ]


def submit(shop: Shop, fields: dict[str, str], who: str = "clerk") -> httpx2.Response:
    """Send a form."""
    return shop.as_(who).post("/wp-admin/admin-post.php", data=fields)


def outcome(shop: Shop, answer: httpx2.Response) -> tuple[str, str]:
    """Kind and words of what the page says came of it."""
    assert answer.status_code == 302, answer.text[-600:]
    page = shop.as_("clerk").get(answer.headers["location"]).text
    found = re.search(
        r'id="pay-bridge-deed-result" class="notice notice-(\w+) inline" role="status"><p>(.*?)</p>', page
    )
    assert found, page[:400]
    return found[1], html.unescape(found[2])
