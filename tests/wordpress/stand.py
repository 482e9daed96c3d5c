"""A real WordPress with the ticketing theme and the plugin: up in seconds, gone without a trace.

with Stand("quick", directory=tmp_path) as stand:
    print(stand.url, stand.passwords["buyer"])
    stand.wp("option", "get", "blogname")
"""

import argparse
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Self
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.support.ports import free_port

from . import downloads, servers

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
LANES = ("quick", "full", "oldest")
ACCOUNTS = [
    {"login": "admin", "role": "administrator", "name": "운영자"},
    {"login": "clerk", "role": "clerk", "name": "매표소"},
    {"login": "buyer", "role": "subscriber", "name": "김하늘"},
]


class Stand:
    """One WordPress site.

    Lanes: quick (7.1, PHP's built-in server, SQLite), full (7.1, nginx, php-fpm, MariaDB), oldest (6.1, as full).
    Without `palette` wp-admin has its palette of commands only for browsers with the cookie `stand_palette`.
    `url` is known before `up()`, so that a bridge can be told of the site first.
    """

    def __init__(
        self,
        lane: str,
        *,
        directory: Path | str,
        host: str = "127.0.0.1",
        port: int = 0,
        workers: int = 10,
        plugin: bool = True,
        pairing_code: str = "",
        dial_url: str = "",
        cron: bool = False,
        palette: bool = False,
        hosts: tuple[str, ...] = ("127.0.0.1", "localhost"),
    ):
        if lane not in LANES:
            raise ValueError(f"no lane {lane!r}; there are {', '.join(LANES)}")
        self.lane = lane
        self.directory = Path(directory).resolve()
        self.host = host
        self.port = port or free_port()
        self.url = f"http://{host}:{self.port}"
        self.workers = workers
        self.root = self.directory / "site"
        self.plugin = plugin
        self.furnished: dict[str, str] = {}
        self._hosts = hosts
        self._cron = cron
        self._palette = palette
        self._servers: list[servers.Server] = []
        self._inside: tuple[str, dict[str, str]] | None = None
        self._sockets: Path | None = None
        self.directory.mkdir(parents=True, exist_ok=True)
        self.passwords = self._kept_passwords()
        self._constants = {"PAY_BRIDGE_PAIRING_CODE": pairing_code, "PAY_BRIDGE_DIAL_URL": dial_url}

    def __enter__(self) -> Self:
        return self.up()

    def __exit__(self, *_: object) -> None:
        self.down()

    def up(self) -> Self:
        """Builds what is missing, starts the servers and furnishes the site. Raises ServerFailed, DownloadFailed."""
        self._end_leftovers()
        self._lay_out()
        try:
            if self.lane != "quick":
                self._sockets = Path(tempfile.mkdtemp(prefix="pb-"))
                self._start(servers.mariadb(self._sockets, self.directory))
                self._make_database()
            self._write_config()
            self._install()
            if self._sockets is None:
                self._start(
                    servers.built_in(
                        self.root, "127.0.0.1", self.port, workers=self.workers, log=self.directory / "web.log"
                    )
                )
            else:
                self._start(servers.fpm(self._sockets, workers=self.workers, directory=self.directory))
                self._start(servers.nginx(self.root, "127.0.0.1", self.port, self._sockets, directory=self.directory))
        except BaseException:
            self.down()
            raise
        return self

    def down(self) -> None:
        """Ends the servers, last started first; the directory stays."""
        while self._servers:
            self._servers.pop().end()
        self._inside = None
        (self.directory / "pids.json").unlink(missing_ok=True)
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None

    def ended(self) -> servers.Server | None:
        """A server that ended by itself, if one did."""
        return next((server for server in self._servers if not server.runs()), None)

    def pair(self, pairing_code: str, dial_url: str = "") -> None:
        """Puts a bridge's pairing code (and another address to dial it at) into the settings; works while running."""
        self._constants = {"PAY_BRIDGE_PAIRING_CODE": pairing_code, "PAY_BRIDGE_DIAL_URL": dial_url}
        if self.root.is_dir():
            self._write_constants()

    def wp(self, *args: str, check: bool = True) -> str:
        """Runs wp-cli on the site and gives what it printed. Raises RuntimeError with its complaint."""
        command = [
            servers.php(),
            *servers.words(["error_reporting=E_ALL&~E_DEPRECATED", *servers.ONCE, *servers.compiled(self.directory)]),
            str(downloads.wp_cli()),
            "--allow-root",
            f"--path={self.root}",
            f"--url={self.url}",
            *args,
        ]
        environment = {**os.environ, "WP_CLI_CACHE_DIR": str(self.directory / "wp-cli")}
        ran = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
        if check and ran.returncode != 0:
            raise RuntimeError(f"wp {' '.join(args)}: {ran.stderr.strip() or ran.stdout.strip()}")
        return ran.stdout.strip()

    def run_php(self, code: str) -> str:
        """Runs PHP inside the loaded WordPress, while it is up, and gives what it printed. Raises RuntimeError with its
        complaint."""
        if not self._inside:
            port, word = free_port(), secrets.token_urlsafe(16)
            self._start(servers.inside(self.root, self.url, word, port=port, directory=self.directory))
            self._inside = f"http://127.0.0.1:{port}/", {"Stand-Word": word, "Content-Type": "text/plain"}
        address, headers = self._inside
        try:
            with urlopen(Request(address, code.encode(), headers), timeout=120) as answer:
                printed: str = answer.read().decode()
        except HTTPError as failed:
            raise RuntimeError(f"{code}: {self.php_errors()[-2000:]}") from failed
        return printed.strip()

    def mails(self) -> list[dict[str, object]]:
        """The mails the site has sent, oldest first."""
        kept = self.directory / "mail.jsonl"
        return [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []

    def php_errors(self) -> str:
        """What PHP complained of so far, without WordPress' and the SQLite drop-in's own deprecations."""
        log = self.directory / "php.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return "\n".join(line for line in lines if "PHP " in line and "Deprecated" not in line)

    def _kept_passwords(self) -> dict[str, str]:
        kept = self.directory / "passwords.json"
        if not kept.exists():
            kept.touch(0o600)
            kept.write_text(json.dumps({account["login"]: secrets.token_urlsafe(9) for account in ACCOUNTS}))
        passwords: dict[str, str] = json.loads(kept.read_text())
        return passwords

    def _lay_out(self) -> None:
        """The core as hard links where the file system allows it, the theme and the plugin as symbolic links."""
        core = downloads.oldest_core() if self.lane == "oldest" else downloads.newest_core()
        if not (self.root / "wp-load.php").exists():
            part = self.directory / "site.part"
            shutil.rmtree(part, ignore_errors=True)
            shutil.copytree(core, part, copy_function=_link_or_copy)
            part.rename(self.root)
        content = self.root / "wp-content"
        for name in ("plugins", "themes", "mu-plugins", "uploads"):
            (content / name).mkdir(exist_ok=True)
        _point(content / "themes" / "ticketing", HERE / "theme" / "ticketing")
        _point(content / "mu-plugins" / "stand.php", HERE / "php" / "mu-plugin.php")
        if self.plugin:
            _point(content / "plugins" / "pay-bridge", PROJECT / "wp-plugin" / "pay-bridge")
        else:
            (content / "plugins" / "pay-bridge").unlink(missing_ok=True)
        if self.lane == "quick":
            drop_in = downloads.sqlite_drop_in()
            (content / "db.php").write_text(
                (drop_in / "db.copy").read_text().replace("{SQLITE_IMPLEMENTATION_FOLDER_PATH}", str(drop_in))
            )

    def _write_config(self) -> None:
        settings: dict[str, str | bool] = {
            "STAND_DIRECTORY": str(self.directory),
            "WP_HOME": self.url,
            "WP_SITEURL": self.url,
            "DB_NAME": "wordpress",
            "DB_USER": "root",
            "DB_PASSWORD": "",
            "DB_CHARSET": "utf8mb4",
            "DB_COLLATE": "",
            "DB_HOST": f"localhost:{self._sockets}/db.sock" if self._sockets else "localhost",
            "DB_DIR": str(self.directory / "database"),
            "DB_FILE": "site.sqlite",
            "WP_HTTP_BLOCK_EXTERNAL": True,
            "WP_ACCESSIBLE_HOSTS": ",".join(self._hosts),
            "DISABLE_WP_CRON": not self._cron,
            "STAND_PALETTE": self._palette,
            "AUTOMATIC_UPDATER_DISABLED": True,
            "DISALLOW_FILE_EDIT": True,
            "WP_ENVIRONMENT_TYPE": "local",
            "WP_DEFAULT_THEME": "ticketing",
            "FS_METHOD": "direct",
            "WP_DEBUG": True,
            "WP_DEBUG_DISPLAY": False,
            "WP_DEBUG_LOG": str(self.directory / "php.log"),
        }
        keys = json.loads((self.directory / "passwords.json").read_text())
        for salt in ("AUTH", "SECURE_AUTH", "LOGGED_IN", "NONCE"):
            for kind in ("KEY", "SALT"):
                settings[f"{salt}_{kind}"] = f"{salt}-{kind}-{keys['admin']}"
        lines = "".join(f"define( {_quoted(name)}, {_quoted(value)} );\n" for name, value in settings.items())
        _replace(
            self.root / "wp-config.php",
            f"<?php\n{lines}require __DIR__ . '/wp-config-bridge.php';\n$table_prefix = 'wp_';\n"
            "defined( 'ABSPATH' ) || define( 'ABSPATH', __DIR__ . '/' );\n"
            "require_once ABSPATH . 'wp-settings.php';\n",
        )
        self._write_constants()

    def _write_constants(self) -> None:
        given = {name: value for name, value in self._constants.items() if value}
        lines = "".join(f"define( {_quoted(name)}, {_quoted(value)} );\n" for name, value in given.items())
        _replace(self.root / "wp-config-bridge.php", f"<?php\n{lines}")

    def _make_database(self) -> None:
        subprocess.run(
            [
                "mariadb",
                "--no-defaults",
                f"--socket={self._sockets}/db.sock",
                "--user=root",
                "-e",
                "CREATE DATABASE IF NOT EXISTS wordpress CHARACTER SET utf8mb4",
            ],
            check=True,
            capture_output=True,
            timeout=30,
        )

    def _install(self) -> None:
        installed = self.directory / "installed"
        if not installed.exists():
            self._php(
                "install.php",
                {"root": str(self.root), "title": "별빛극장", "admin": "admin", "password": self.passwords["admin"]},
            )
        accounts = [{**account, "password": self.passwords[account["login"]]} for account in ACCOUNTS]
        self.furnished = json.loads(self._php("furnish.php", {"root": str(self.root), "accounts": accounts}))
        installed.touch()

    def _php(self, script: str, wanted: dict[str, object]) -> str:
        settings = ["display_errors=0", f"error_log={self.directory}/php.log"]
        settings += [*servers.ONCE, *servers.compiled(self.directory)]
        ran = subprocess.run(
            [servers.php(), *servers.words(settings), HERE / "php" / script],
            input=json.dumps(wanted),
            capture_output=True,
            text=True,
            timeout=120,
        )
        if ran.returncode != 0:
            complaints = (ran.stderr.strip(), ran.stdout.strip(), self.php_errors()[-2000:])
            raise servers.ServerFailed(f"{script}: " + "\n".join(complaints))
        return ran.stdout

    def _start(self, server: servers.Server) -> None:
        self._servers.append(server)
        pids = [running.pid for running in self._servers]
        (self.directory / "pids.json").write_text(json.dumps(pids))

    def _end_leftovers(self) -> None:
        """Ends what an interrupted run left behind in this directory, and nothing else."""
        kept = self.directory / "pids.json"
        if kept.exists():
            for pid in json.loads(kept.read_text()):
                servers.end_leftover(pid, self.directory)
            kept.unlink()


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _point(link: Path, target: Path) -> None:
    if not link.is_symlink() or link.readlink() != target:
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def _replace(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(text)
    part.chmod(0o600)
    part.replace(path)


def _quoted(value: str | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def main() -> None:
    """Runs one stand in the foreground until Ctrl-C."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("lane", nargs="?", default="quick", choices=LANES)
    parser.add_argument("--directory", default="", help="keeps the site there; without it the site is gone at the end")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--without-plugin", action="store_true")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="stand-") as scratch,
        Stand(
            options.lane,
            directory=options.directory or scratch,
            port=options.port,
            plugin=not options.without_plugin,
        ) as stand,
    ):
        print(stand.url, json.dumps({**stand.furnished, **stand.passwords}, ensure_ascii=False), flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
