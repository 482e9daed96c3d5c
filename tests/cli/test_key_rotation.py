"""A site's key is turned and ended while requests come in: none fails on the way, and an ended key works nowhere."""

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import httpx2
import pytest

from bridge.signing.keys import SiteKey, decode_secret
from bridge.signing.requests import sign
from tests.support.ports import free_port
from tests.support.postgres import empty

from .conftest import Place

SHOP = "http://127.0.0.1:8080"
PATH = "/v1/payments?limit=1"
REVOKED_SECONDS = 5.0


class Traffic:
    """A shop that asks and asks, signing with whatever key it has now; each answer counts."""

    def __init__(self, urls: list[str], key: SiteKey):
        self.urls = urls
        self.key = key
        self.answers: list[tuple[str, int]] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(url,)) for url in urls for _ in range(2)]

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(20)

    def _ask(self, url: str) -> None:
        with httpx2.Client(base_url=url, trust_env=False, timeout=10) as client:
            while not self._ended.is_set():
                key = self.key
                self.answers.append((key.key_id, asked(client, url, key)))
                time.sleep(0.02)

    def wait_for(self, key_id: str, many: int) -> None:
        """Wait until a key was used so often."""
        deadline = time.monotonic() + 20
        while sum(name == key_id for name, _ in list(self.answers)) < many:
            assert time.monotonic() < deadline, f"{key_id} was not used"
            time.sleep(0.05)


def asked(client: httpx2.Client, url: str, key: SiteKey) -> int:
    headers = sign(
        key,
        method="GET",
        target_uri=f"{PUBLIC[url]}{PATH}",
        created=int(time.time()),
        nonce=secrets.token_hex(11),
    )
    return client.get(PATH, headers=headers).status_code


PUBLIC: dict[str, str] = {}


def key_of(printed: str) -> SiteKey:
    made = json.loads(printed)
    return SiteKey.from_secret(decode_secret(made["secret"]), key_id=made["key_id"], site=made["site"])


@pytest.fixture(params=["one server", "two servers on PostgreSQL"])
def places(request: pytest.FixtureRequest, place: Place) -> Iterator[list[Place]]:
    """Serving bridges on one database."""
    found = [place]
    if request.param != "one server":
        url: str = request.getfixturevalue("postgres_database")
        empty(url)
        first = replace(place, environment=place.environment | {"BRIDGE_DATABASE_URL": url})
        port = free_port()
        second = {"BRIDGE_PUBLIC_URL": f"http://127.0.0.1:{port}"}
        found = [first, replace(first, port=port, environment=first.environment | second)]
    PUBLIC.clear()
    PUBLIC.update({f"http://127.0.0.1:{one.port}": f"http://127.0.0.1:{one.port}" for one in found})
    with ExitStack() as running:
        for one in found:
            running.enter_context(one.serving())
        yield found


def test_turning_a_key_fails_no_request_and_an_ended_key_is_refused_within_seconds(places: list[Place]) -> None:
    place = places[0]
    old = key_of(place.type("site", "add", SHOP, "--gateway", "mainpay", "--json").out)
    time.sleep(REVOKED_SECONDS)  # every server has read the new site by then
    with Traffic(list(PUBLIC), old) as traffic:
        traffic.wait_for(old.key_id, 40)
        turned = place.type("site", "rotate-key", SHOP, "--json")
        assert turned.code == 0, turned.err
        new = key_of(turned.out)
        time.sleep(REVOKED_SECONDS)
        traffic.key = new
        traffic.wait_for(new.key_id, 80)
        assert {status for _, status in traffic.answers} == {200}, "no request failed, whatever key it was signed with"

        ended = place.type("site", "revoke-key", SHOP, old.key_id, "--json")
        assert ended.code == 0, ended.err
        time.sleep(REVOKED_SECONDS)
        for url in PUBLIC:
            with httpx2.Client(base_url=url, trust_env=False, timeout=10) as client:
                assert asked(client, url, old) == 401, "an ended key is refused everywhere"
                assert asked(client, url, new) == 200
        traffic.wait_for(new.key_id, len(traffic.answers) + 20 - sum(name == old.key_id for name, _ in traffic.answers))
    assert {status for name, status in traffic.answers if name == new.key_id} == {200}
