"""The vectors themselves: where they come from, and that no case is there twice."""

import subprocess
import sys

from tests.signing.support import VECTORS, vectors


def test_the_vectors_are_what_their_maker_makes(tmp_path):
    subprocess.run([sys.executable, "-B", VECTORS / "make.py", tmp_path], check=True, timeout=60)
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == sorted(path.name for path in VECTORS.glob("*.json"))
    for name in made:
        assert (tmp_path / name).read_text("utf-8") == (VECTORS / name).read_text("utf-8"), name


def test_the_maker_uses_nothing_of_the_bridge_and_no_cipher_library():
    for path in VECTORS.glob("*.py"):
        text = path.read_text("utf-8")
        assert "import bridge" not in text
        assert "from bridge" not in text
        assert "cryptography" not in text


def test_the_makers_own_cipher_reproduces_the_example_of_rfc_8439():
    """RFC 8439, section 2.8.2."""
    plain = (
        b"Ladies and Gentlemen of the class of '99: "
        b"If I could offer you only one tip for the future, sunscreen would be it."
    )
    program = (
        "import sys; from chacha import seal; "
        "print(seal(bytes(range(0x80, 0xa0)), bytes.fromhex('070000004041424344454647'), sys.argv[1].encode(), "
        "bytes.fromhex('50515253c0c1c2c3c4c5c6c7')).hex())"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", program, plain.decode()], cwd=VECTORS, capture_output=True, check=True, timeout=60
    )
    sealed = done.stdout.decode().strip()
    assert sealed.startswith("d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6")
    assert sealed.endswith("1ae10b594f09e26a7e902ecbd0600691")


def test_no_refusal_is_there_twice_and_every_kind_has_some():
    for kind in ("requests", "news", "order_tokens", "pairing_codes", "json"):
        names = [case["name"] for case in vectors("refusals")[kind]]
        assert len(names) >= 10
        assert len(set(names)) == len(names), kind
