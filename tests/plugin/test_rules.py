"""What holds of every file of the plugin: guards, prefixes, old PHP, escaping, translations, sizes, the zip."""

import hashlib
import importlib.util
import json
import re
import subprocess
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PLUGIN = PROJECT / "wp-plugin" / "pay-bridge"
PHP = sorted(PLUGIN.rglob("*.php"))
SCANNER = PROJECT / "wp-plugin" / "tests" / "newer.php"
OURS = [path for path in PHP if path.parent.name != "languages"]


def names(path: Path) -> str:
    return str(path.relative_to(PLUGIN))


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, PROJECT / "wp-plugin" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def header(name: str) -> str:
    match = re.search(rf"^ \* {name}: +(.+)$", (PLUGIN / "pay-bridge.php").read_text(), re.MULTILINE)
    assert match, f"no {name}"
    return match[1]


@pytest.mark.parametrize("path", PHP, ids=names)
def test_php_reads_the_file(path: Path) -> None:
    ran = subprocess.run(["php", "-l", path], capture_output=True, text=True, timeout=30, check=False)
    assert ran.returncode == 0, ran.stdout


def is_bare(pattern: str) -> bool:
    """Whether a class of the pattern has a hyphen that is no range: in a browser's v mode the whole pattern is invalid
    then, and nothing is checked."""
    ranges = re.sub(r"[0-9A-Za-z]-[0-9A-Za-z]", "", pattern)
    return any("-" in inside.replace("\\-", "") for inside in re.findall(r"\[([^\]]*)\]", ranges))


@pytest.mark.parametrize("path", OURS, ids=names)
def test_every_pattern_of_a_field_holds_in_a_browsers_v_mode(path: Path) -> None:
    assert [pattern for pattern in re.findall(r' pattern="([^"]+)"', path.read_text()) if is_bare(pattern)] == []


def test_a_bare_hyphen_is_seen() -> None:
    assert [is_bare(pattern) for pattern in ("[0-9 -]{9}", "[a-z-]", r"[0-9 \-]{9}", "[1-9][0-9]*-x")] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("path", OURS, ids=names)
def test_a_file_called_by_itself_does_nothing(path: Path) -> None:
    guard = (
        "defined( 'WP_UNINSTALL_PLUGIN' ) || exit;" if path.name == "uninstall.php" else "defined( 'ABSPATH' ) || exit;"
    )
    assert guard in path.read_text()
    ran = subprocess.run(
        ["php", "-d", "display_errors=1", path], capture_output=True, text=True, timeout=30, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "")


def newer(*files: Path) -> list[list[object]]:
    ran = subprocess.run(["php", SCANNER, *files], capture_output=True, text=True, timeout=60, check=True)
    found: list[list[object]] = json.loads(ran.stdout)
    return found


def test_nothing_is_newer_than_php_7_4() -> None:
    assert newer(*PHP) == []


@pytest.mark.parametrize(
    "code",
    [
        "match (1) { 1 => 2 };",
        "$a?->b;",
        "function f(int|string $a) {}",
        "f(name: 1);",
        "function f(int $a,) {}",
        "str_contains('a', 'b');",
        "class A { public function __construct(private int $a) {} }",
        "enum A { case B; }",
        "try { } catch (E) { }",
        "function f(): mixed { }",
        "$f = strlen(...);",
        "function f(): static { }",
        "#[A] function f() {}",
        "function f(): never { }",
    ],
)
def test_the_check_for_newer_php_can_fail(tmp_path: Path, code: str) -> None:
    file = tmp_path / "newer.php"
    file.write_text(f"<?php\n{code}\n")
    assert newer(file) != []


def test_every_global_name_has_our_prefix() -> None:
    for path in OURS:
        code = path.read_text()
        if "namespace PayBridge;" in code:
            assert (
                path.name
                == "class-"
                + re.findall(r"^final class (\w+)", code, re.MULTILINE)[0].lower().replace("_", "-")
                + ".php"
            )
            continue
        assert all(name.startswith("pay_bridge_") for name in re.findall(r"^function (\w+)", code, re.MULTILINE)), path
        assert all(name.startswith("PAY_BRIDGE_") for name in re.findall(r"define\( '(\w+)'", code)), path


def test_every_hook_in_the_table_of_contents_is_there_and_every_class_is_small() -> None:
    main = (PLUGIN / "pay-bridge.php").read_text()
    hooked = re.findall(r"array\( 'PayBridge\\(\w+)', '(\w+)' \)", main)
    assert len(hooked) > 20
    for name, method in hooked:
        code = (PLUGIN / "includes" / f"class-{name.lower().replace('_', '-')}.php").read_text()
        assert re.search(rf"public static function {method}\(", code), f"{name}::{method}"
    for path in OURS:
        lines = path.read_text().splitlines()
        assert len(lines) <= 350, path
        begun = [
            number
            for number, line in enumerate(lines)
            if re.match(r"\t?(public |private |static )*function \w+\(", line)
        ]
        for start in begun:
            end = next(number for number, line in enumerate(lines[start:], start) if re.match(r"\t?\}$", line))
            assert end - start <= 60, f"{path}:{start}"


@pytest.mark.parametrize("path", [*OURS, *sorted((PLUGIN / "assets").iterdir())], ids=names)
def test_no_address_of_one_machine_and_no_secret_is_in_a_file(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"localhost|127\.0\.0\.1|\.local\b|192\.168\.", text)
    assert not re.search(
        r"\b(eval|exec|system|passthru|shell_exec|unserialize|create_function|curl_init|file_put_contents|extract)\s*\(",
        text.replace(".exec(", "("),
    )
    assert "100011" not in text
    assert "mainpay.co.kr" not in text


FINE = re.compile(r"(esc_\w+\(|absint\(|\$open \? ' open' : ''$|\$waits \? ' data-refresh' : ''$|'[^']*'$)")


def unescaped(code: str) -> list[str]:
    """What printf or echo print without escaping it there and then, unless the statement says why it need not be."""
    found = []
    code = re.sub(r"^\s*/\* translators.*?\*/\n", "", code, flags=re.MULTILINE)
    for call in re.finditer(r"(?<![\w>])(printf|echo)\b\s*", code):
        rest = code[call.end() :]
        end = statement_end(rest)
        line_end = rest.find("\n", end)
        if "phpcs:ignore WordPress.Security.EscapeOutput -- " in rest[:line_end]:
            continue
        printed = arguments(rest[1:end])[1:] if call[1] == "printf" else arguments(rest[:end])
        found += [argument for argument in printed if argument and not FINE.match(argument)]
    return found


def statement_end(text: str) -> int:
    quote = ""
    for place, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote and text[place - 1] != "\\" else quote
        elif letter in "'\"":
            quote = letter
        elif letter == ";":
            return place
    raise AssertionError("a statement without an end")


@pytest.mark.parametrize("path", [path for path in OURS if "command" not in path.name], ids=names)
def test_output_is_escaped(path: Path) -> None:
    assert unescaped(path.read_text()) == []


@pytest.mark.parametrize(
    "code",
    [
        "printf( '<p>%s</p>', $a );",
        "echo $a;",
        "echo '<p>' . $a;",
        "printf( '%s', __( 'x', 'pay-bridge' ) );",
        "printf( '%s %s', esc_html( $a ), $b );",
    ],
)
def test_the_check_for_escaping_can_fail(code: str) -> None:
    assert unescaped(code + "\n") != []


def arguments(text: str) -> list[str]:
    found, depth, quote, start = [], 0, "", 0
    for place, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote and text[place - 1] != "\\" else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "([":
            depth += 1
        elif letter in ")]":
            depth -= 1
            if depth < 0:
                return [*found, text[start:place].strip()]
        elif letter == "," and depth == 0:
            found.append(text[start:place].strip())
            start = place + 1
    return [*found, text[start:].strip()]


def test_header_and_readme_agree() -> None:
    readme = (PLUGIN / "readme.txt").read_text()
    said = dict(re.findall(r"^([A-Z][\w ]+): (.+)$", readme.split("== Description")[0], re.MULTILINE))
    assert (
        said["Stable tag"]
        == header("Version")
        == re.findall(r"'PAY_BRIDGE_VERSION', '([^']+)'", (PLUGIN / "pay-bridge.php").read_text())[0]
    )
    assert said["Requires at least"] == header("Requires at least") == "6.1"
    assert said["Requires PHP"] == header("Requires PHP") == "7.4"
    assert said["License"] == header("License") == "GPL-2.0-or-later"
    assert header("Text Domain") == "pay-bridge"
    assert (PLUGIN / header("Domain Path").strip("/")).is_dir()
    assert "localhost" not in readme
    short = readme.split("\n\n")[1].strip()
    assert len(short) <= 150
    assert len(said["Tags"].split(",")) <= 5
    for section in ("Description", "Installation", "External services", "Changelog"):
        assert f"== {section} ==" in readme
    import bridge

    assert header("Version") == bridge.__version__


def test_every_string_has_our_text_domain_and_is_translated(tmp_path: Path) -> None:
    translations = load("translations")
    for path in OURS:
        for call in re.finditer(r"\b(?:esc_html__|esc_attr__|esc_html_e|esc_attr_e|__|_e|_x|_n)\(", path.read_text()):
            given = arguments(path.read_text()[call.end() :])
            assert given[-1] == "'pay-bridge'", f"{path.name}: {given}"
    folder = tmp_path / "languages"
    folder.mkdir()
    kept = {path.name: path.read_bytes() for path in (PLUGIN / "languages").iterdir()}
    (folder / "pay-bridge-ko_KR.po").write_bytes(kept["pay-bridge-ko_KR.po"])
    assert translations.update(folder) == 0, "run wp-plugin/translations.py and translate what is new"
    made = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {name for name in made if made[name] != kept[name]} == set(), "run wp-plugin/translations.py"


def test_a_missing_translation_is_noticed() -> None:
    assert load("translations").untranslated('msgid "a"\nmsgstr ""\n\nmsgid "b"\nmsgstr "나"\n') == 1


def test_the_scripts_are_small() -> None:
    assert (PLUGIN / "assets" / "checkout.js").stat().st_size <= 5 * 1024
    assert sum(path.stat().st_size for path in (PLUGIN / "assets").iterdir()) <= 20 * 1024


def test_the_zip_is_the_same_whenever_it_is_built(tmp_path: Path) -> None:
    build = load("build")
    one, other = build.build(tmp_path / "one"), build.build(tmp_path / "other")
    assert one.read_bytes() == other.read_bytes()
    digest, name = one.with_suffix(".zip.sha256").read_text().split()
    assert (digest, name) == (hashlib.sha256(one.read_bytes()).hexdigest(), one.name)
    with zipfile.ZipFile(one) as archive:
        inside = archive.namelist()
    assert inside == sorted(inside)
    assert {
        "pay-bridge/pay-bridge.php",
        "pay-bridge/readme.txt",
        "pay-bridge/license.txt",
        "pay-bridge/languages/pay-bridge-ko_KR.mo",
    } <= set(inside)
    assert all(name.startswith("pay-bridge/") for name in inside)
