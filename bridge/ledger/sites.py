"""Sites, their keys and their gateways' settings, as rows; secrets are sealed before they come here."""

from bridge.ledger.ledger import Row, Turn
from bridge.ledger.questions import Question


def add(turn: Turn, *, site: str, url: str, mode: str, default_gateway: str, at: int) -> None:
    """Write a site."""
    turn.run(
        "INSERT INTO sites (id, url, mode, default_gateway, created_at) VALUES (?, ?, ?, ?, ?)",
        *(site, url, mode, default_gateway, at),
    )


def by_url(turn: Turn, url: str) -> Row | None:
    """Find a site by its address."""
    return turn.one("SELECT * FROM sites WHERE url = ?", url)


def all_sites(turn: Turn) -> list[Row]:
    """Read every site."""
    return turn.all("SELECT * FROM sites ORDER BY created_at")


def add_key(turn: Turn, *, key_id: str, site: str, secret_sealed: str, state: str, at: int) -> None:
    """Write a key of a site."""
    turn.run(
        "INSERT INTO site_keys (key_id, site, secret_sealed, state, created_at, changed_at) VALUES (?, ?, ?, ?, ?, ?)",
        *(key_id, site, secret_sealed, state, at, at),
    )


def set_key_state(turn: Turn, *, key_id: str, site: str, state: str, at: int) -> bool:
    """Change a key's state; answers whether there is such a key."""
    changed = turn.run(
        "UPDATE site_keys SET state = ?, changed_at = ? WHERE key_id = ? AND site = ?", *(state, at, key_id, site)
    )
    return changed == 1


def all_keys(turn: Turn) -> list[Row]:
    """Read every key."""
    return turn.all("SELECT * FROM site_keys ORDER BY created_at")


def set_gateway(turn: Turn, *, site: str, gateway: str, settings_sealed: str, at: int) -> None:
    """Write a site's settings of a gateway, sealed."""
    turn.run(
        "INSERT INTO site_gateways (site, gateway, settings_sealed, created_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (site, gateway) DO UPDATE SET settings_sealed = excluded.settings_sealed",
        *(site, gateway, settings_sealed, at),
    )


def all_gateways(turn: Turn) -> list[Row]:
    """Read every site's gateways."""
    return turn.all("SELECT * FROM site_gateways ORDER BY created_at")


def touch(turn: Turn, mark: str) -> None:
    """Tell every reader that sites changed; the mark is new each time."""
    turn.run(
        "INSERT INTO meta (name, value) VALUES ('sites_changed', ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        mark,
    )


def any_changed(since: str) -> Question:
    """Ask whether sites were changed since then."""
    return Question("SELECT 1 FROM meta WHERE name = 'sites_changed' AND value <> ?", (since,))


def changed(turn: Turn) -> str:
    """Say when sites changed last."""
    row = turn.one("SELECT value FROM meta WHERE name = 'sites_changed'")
    return str(row["value"]) if row else ""
