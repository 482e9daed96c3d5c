"""The plugin's PHP and the bridge's Python agree on every published and shared vector."""

import json
import subprocess
from pathlib import Path

import pytest

from bridge.signing.keys import SiteKey, decode_secret
from bridge.signing.tokens import open_order

PROJECT = Path(__file__).resolve().parents[2]
VECTORS = PROJECT / "tests" / "vectors" / "signing"


@pytest.fixture(scope="module")
def results() -> dict[str, list[object]]:
    ran = subprocess.run(
        ["php", "-d", "display_errors=stderr", PROJECT / "wp-plugin" / "tests" / "vectors.php"],
        input=json.dumps({"vectors": str(VECTORS)}),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ran.stderr == ""
    found: dict[str, list[object]] = json.loads(ran.stdout)
    return found


def test_php_agrees_with_every_vector(results: dict[str, list[object]]) -> None:
    wrong = {name: seen for name, (passed, seen) in results.items() if not passed}
    assert wrong == {}


def test_every_vector_was_tried(results: dict[str, list[object]]) -> None:
    def count(group: str) -> int:
        return sum(name.startswith(f"{group}: ") for name in results)

    def cases(name: str, group: str = "cases") -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads((VECTORS / f"{name}.json").read_text())[group]
        return found

    assert count("key") == 3 * len(cases("keys"))
    assert count("pairing") == len(cases("pairing"))
    assert count("request") == sum(case["method"] in ("GET", "POST") for case in cases("requests"))
    assert count("seal") == count("open") == len(cases("order_token"))
    assert count("published") == 3
    assert count("refused news") == len(cases("refusals", "news"))
    assert count("refused pairing code") == len(cases("refusals", "pairing_codes"))
    assert count("refused order token") == 13


def test_a_token_sealed_by_php_is_opened_by_the_bridge() -> None:
    secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    key = SiteKey.from_secret(decode_secret(secret), key_id="k1", site="shop")
    code = """
        define('ABSPATH', '/'); function wp_json_encode($v, $f) { return json_encode($v, $f); }
        require $argv[1] . '/class-keys.php'; require $argv[1] . '/class-order-token.php';
        $keys = PayBridge\\Keys::from_pairing_code(PayBridge\\Keys::encode(json_encode(
            array('url' => 'https://pay.example', 'site' => 'shop', 'key_id' => 'k1', 'secret' => $argv[2]))));
        echo PayBridge\\Order_Token::seal(array('order' => array('ref' => 'A', 'title' => '겨울'),
            'iat' => 1795000000, 'exp' => 1795000900, 'jti' => str_repeat('0', 32)), $keys);
    """
    includes = PROJECT / "wp-plugin" / "pay-bridge" / "includes"
    tokens = [
        subprocess.run(
            ["php", "-r", code, "--", includes, secret], capture_output=True, text=True, check=True, timeout=30
        ).stdout
        for _ in range(2)
    ]
    assert tokens[0] != tokens[1], "a nonce is never used twice"
    for token in tokens:
        opened = open_order(token, {"k1": key}.get, 1_795_000_001)
        assert opened.payload["order"] == {"ref": "A", "title": "겨울"}
