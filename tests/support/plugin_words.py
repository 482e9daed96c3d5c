"""What the plugin calls things in Korean, read where its pages and its translation have them."""

import re
from pathlib import Path

PLUGIN = Path(__file__).parent.parent.parent / "wp-plugin/pay-bridge"


def wp_admin_says(method: str) -> str:
    """Give the Korean word of a payment method on the plugin's pages, as its translation has it."""
    english = re.search(rf"'{method}'\s+=> __\( '([^']+)'", (PLUGIN / "includes/class-words.php").read_text("utf-8"))
    assert english, f"the plugin has no word for {method}"
    korean = (PLUGIN / "languages/pay-bridge-ko_KR.l10n.php").read_text("utf-8")
    said = re.search(rf"^\t\t'{english[1]}' => '([^']+)',$", korean, re.MULTILINE)
    assert said, f"the plugin has no Korean for {english[1]}"
    return said[1]
