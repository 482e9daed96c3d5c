"""Brings the plugin's translations up to date: `python wp-plugin/translations.py` (needs gettext).

The source strings are English and stand in the PHP files; languages/pay-bridge-ko_KR.po is edited by hand, everything else
in that folder is made from these two.
"""

import gettext
import re
import subprocess
import sys
from pathlib import Path

PLUGIN = Path(__file__).parent / "pay-bridge"
DOMAIN = "pay-bridge"
LANGUAGE = "ko_KR"
KEYWORDS = ("__", "_e", "_x:1,2c", "_n:1,2", "esc_html_x:1,2c", "esc_html__", "esc_html_e", "esc_attr__", "esc_attr_e")
HEADER = f"""# This file is distributed under the GPL-2.0-or-later.
msgid ""
msgstr ""
"Project-Id-Version: Pay Bridge\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"X-Domain: {DOMAIN}\\n"
"""


def template() -> str:
    """The strings of the PHP files and of the plugin's header."""
    files = sorted(str(path.relative_to(PLUGIN)) for path in PLUGIN.rglob("*.php") if path.parent.name != "languages")
    words = [f"--keyword={word}" for word in KEYWORDS]
    command = [
        "xgettext",
        "--language=PHP",
        "--from-code=UTF-8",
        "--keyword",
        *words,
        "--add-comments=translators",
        "--add-location=file",
        "--no-wrap",
        "--output=-",
        *files,
    ]
    written = subprocess.run(command, cwd=PLUGIN, capture_output=True, text=True, check=True, timeout=60).stdout
    found = written.split("\n\n", 1)[1]  # Its own header has a time in it.
    main = (PLUGIN / f"{DOMAIN}.php").read_text(encoding="utf-8")
    for name in ("Plugin Name", "Description"):
        match = re.search(rf"^ \* {name}: +(.+)$", main, re.MULTILINE)
        assert match is not None, f"the plugin's header has no {name}"
        found = f'#. {name} of the plugin\n#: {DOMAIN}.php\nmsgid "{match[1]}"\nmsgstr ""\n\n{found}'
    return f"{HEADER}\n{found}"


def compiled(po: Path, pot: Path) -> tuple[str, bytes]:
    """The translation with every string of the template, and its binary form. Raises CalledProcessError if it is not sound."""
    merged = subprocess.run(
        ["msgmerge", "--quiet", "--no-fuzzy-matching", "--no-wrap", "--output-file=-", po, pot],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    merged = subprocess.run(
        ["msgattrib", "--no-obsolete", "--no-wrap", "-"],
        input=merged,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    binary = subprocess.run(
        ["msgfmt", "--check-format", "--check-domain", "--output-file=-", "-"],
        input=merged.encode(),
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout
    return merged, binary


def as_php(mo: Path) -> str:
    """The form that WordPress reads fastest."""
    with mo.open("rb") as file:
        catalog = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    messages = {key[0] if isinstance(key, tuple) else key: words for key, words in catalog.items() if key}
    lines = [f"\t\t{_quoted(key)} => {_quoted(words)}," for key, words in messages.items()]
    head = [
        "<?php",
        "return array(",
        f"\t'domain' => '{DOMAIN}',",
        f"\t'language' => '{LANGUAGE}',",
        "\t'plural-forms' => 'nplurals=1; plural=0;',",
        "\t'messages' => array(",
    ]
    return "\n".join([*head, *sorted(lines), "\t),", ");", ""])


def untranslated(po_text: str) -> int:
    """How many strings have no translation."""
    pattern = re.compile(r'^msgstr(?:\[0\])? ""\n(?!")', re.MULTILINE)
    return len(pattern.findall(po_text))


def update(folder: Path) -> int:
    """Rewrite the files of a languages folder; how many strings are not translated."""
    pot, po, mo = folder / f"{DOMAIN}.pot", folder / f"{DOMAIN}-{LANGUAGE}.po", folder / f"{DOMAIN}-{LANGUAGE}.mo"
    pot.write_text(template(), encoding="utf-8")
    merged, binary = compiled(po, pot)
    po.write_text(merged, encoding="utf-8")
    mo.write_bytes(binary)
    (folder / f"{DOMAIN}-{LANGUAGE}.l10n.php").write_text(as_php(mo), encoding="utf-8")
    return untranslated(merged)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


if __name__ == "__main__":
    missing = update(PLUGIN / "languages")
    print(f"{missing} strings without a translation" if missing else "every string is translated")
    sys.exit(1 if missing else 0)
