"""The vectors, and the keys they are made with."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bridge.signing.keys import SiteKey, decode_secret
from bridge.signing.requests import Signed

VECTORS = Path(__file__).parent.parent / "vectors" / "signing"
NOW = 1_795_000_000


@cache
def vectors(name: str) -> dict[str, Any]:
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def named(cases: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What `pytest.mark.parametrize` needs besides the argument's name."""
    listed = list(cases)
    assert listed, "a vector file without cases proves nothing"
    return {"argvalues": listed, "ids": [case["name"].replace(" ", "-") for case in listed]}


KEYS = {
    key_id: SiteKey.from_secret(decode_secret(known["secret"]), key_id=key_id, site=known["site"], state=known["state"])
    for key_id, known in vectors("requests")["known_keys"].items()
}
find_key = KEYS.get
KEY = KEYS["k1"]


def raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as a server hands them over: lower-case names, among others that nobody signs."""
    others = [(b"host", b"pay.example"), (b"content-type", b"application/json")]
    return others + [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def arrived(case: Mapping[str, Any]) -> Signed:
    return Signed(case["method"], case["target_uri"], raw(case["headers"]), case["body"].encode())
