"""Starts and ends the processes of one stand: PHP's built-in server, or nginx with php-fpm, and MariaDB."""

import contextlib
import ctypes
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
PR_SET_PDEATHSIG = 1
OPCACHE = ["opcache.enable=1", "opcache.revalidate_freq=0", "opcache.max_accelerated_files=20000"]
ONCE = ["opcache.enable_cli=1", "opcache.file_cache_only=1"]
"""For a PHP that runs one script and ends: what is compiled lies in files, so that the next one need not again."""


class ServerFailed(RuntimeError):
    """A server did not come up in time, or ended by itself."""


class Server:
    """One child process in a process group of its own, ended with everything it started."""

    def __init__(self, name: str, command: Sequence[str | Path], *, log: Path, env: dict[str, str] | None = None):
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_end_with_the_parent,
                env={**os.environ, **(env or {})},
            )
        self.pid = self._process.pid

    def wait_until(self, ready: Callable[[], bool], timeout_seconds: float = 30) -> None:
        """Returns when `ready` says so. Raises ServerFailed with the end of the log."""
        until = time.monotonic() + timeout_seconds
        while not ready():
            if self._process.poll() is not None or time.monotonic() > until:
                tail = self.log.read_text(errors="replace")[-2000:]
                raise ServerFailed(f"{self.name} did not come up:\n{tail}")
            time.sleep(0.02)

    def runs(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Asks the whole group to end and insists after ten seconds."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(10)
        until = time.monotonic() + 5
        while _lives(self.pid) and time.monotonic() < until:
            time.sleep(0.01)


def _lives(group: int) -> bool:
    """Whether a process group has a member that is more than a zombie, which an idle PID 1 may never collect."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, member_of = stat.read_text().rpartition(")")[2].split()[:3]
            if int(member_of) == group and state != "Z":
                return True
    return False


def _end_with_the_parent() -> None:
    # A test run that is killed must not leave its web servers behind.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def answers(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def words(settings: Sequence[str]) -> list[str]:
    """PHP's settings as words of its command line."""
    return [word for setting in settings for word in ("-d", setting)]


def compiled(directory: Path) -> list[str]:
    """Where all of a stand's PHP keeps what it compiled."""
    kept = directory / "compiled"
    kept.mkdir(exist_ok=True)
    return [f"opcache.file_cache={kept}"]


def inside(root: Path, url: str, word: str, *, port: int, directory: Path) -> Server:
    """A server that runs PHP inside the WordPress in `root` for whoever knows the word; its own, so that no page waits
    for it and the site has no such door."""
    host = urlsplit(url)
    request = {
        "HTTP_HOST": host.netloc,
        "SERVER_NAME": host.hostname,
        "SERVER_PORT": str(host.port),
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": "/",
        "PHP_SELF": "/index.php",
        "SCRIPT_NAME": "/index.php",
    }
    settings = [*OPCACHE, *compiled(directory), "opcache.enable_cli=1", f"error_log={directory}/php.log"]
    settings += ["log_errors=1", "display_errors=0", "max_execution_time=0", "memory_limit=-1"]
    server = Server(
        "php inside",
        [php(), *words(settings), "-S", f"127.0.0.1:{port}", HERE / "php" / "inside.php"],
        log=directory / "inside.log",
        env={"STAND_WORD": word, "STAND_ROOT": str(root), "STAND_REQUEST": json.dumps(request)},
    )
    server.wait_until(lambda: answers("127.0.0.1", port))
    return server


def built_in(root: Path, host: str, port: int, *, workers: int, log: Path) -> Server:
    """PHP's own web server on `root`; it needs several workers because WordPress calls itself."""
    settings = [*OPCACHE, *compiled(log.parent), "opcache.enable_cli=1"]
    settings += [f"error_log={log.with_name('php.log')}", "log_errors=1"]
    server = Server(
        "php -S",
        [
            php(),
            *words(settings),
            "-S",
            f"{host}:{port}",
            "-t",
            root,
            HERE / "php" / "router.php",
        ],
        log=log,
        env={"PHP_CLI_SERVER_WORKERS": str(workers)},
    )
    server.wait_until(lambda: answers(host, port))
    return server


def fpm(sockets: Path, *, workers: int, directory: Path) -> Server:
    """php-fpm with a fixed number of workers on a socket `fpm.sock`."""
    listen = sockets / "fpm.sock"
    settings = directory / "fpm.conf"
    settings.write_text(
        f"[global]\nerror_log = {directory}/fpm.log\ndaemonize = no\n"
        f"[www]\nlisten = {listen}\nlisten.mode = 0666\npm = static\npm.max_children = {workers}\n"
        "catch_workers_output = yes\nphp_admin_flag[log_errors] = on\n"
        f"php_admin_value[error_log] = {directory}/php.log\n" + (f"user = {_login()}\n" if os.geteuid() == 0 else "")
    )
    server = Server(
        "php-fpm",
        [fpm_binary(), "-F", "-R", "-y", settings, *words([*OPCACHE, *compiled(directory)])],
        log=directory / "fpm.out",
    )
    server.wait_until(listen.exists)
    return server


def nginx(root: Path, host: str, port: int, sockets: Path, *, directory: Path) -> Server:
    """nginx before php-fpm, with WordPress' pretty permalinks."""
    scratch = directory / "nginx"
    scratch.mkdir(exist_ok=True)
    temporary = "".join(
        f"  {kind}_temp_path {scratch}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    settings = directory / "nginx.conf"
    settings.write_text(
        (f"user {_login()};\n" if os.geteuid() == 0 else "")
        + (HERE / "nginx.conf")
        .read_text()
        .replace("TEMPORARY", temporary)
        .replace("SCRATCH", str(scratch))
        .replace("LISTEN", f"{host}:{port}")
        .replace("ROOT", str(root))
        .replace("FPM", str(sockets / "fpm.sock"))
    )
    server = Server(
        "nginx",
        [_sbin("nginx"), "-c", settings, "-g", "daemon off;", "-e", directory / "nginx.log"],
        log=directory / "nginx.out",
    )
    server.wait_until(lambda: answers(host, port))
    return server


def mariadb(sockets: Path, directory: Path) -> Server:
    """MariaDB on its own data directory, reachable by the socket `db.sock` only."""
    data, listen = directory / "mariadb", sockets / "db.sock"
    if not (data / "mysql").is_dir():
        shutil.rmtree(data, ignore_errors=True)
        subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                "--force",
                f"--datadir={data}",
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
                f"--user={_login()}",
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
    server = Server(
        "mariadbd",
        [
            _sbin("mariadbd"),
            "--no-defaults",
            f"--datadir={data}",
            f"--socket={listen}",
            "--skip-networking",
            f"--pid-file={sockets}/db.pid",
            f"--user={_login()}",
            "--character-set-server=utf8mb4",
        ],
        log=directory / "mariadb.log",
    )
    server.wait_until(lambda: _accepts(listen), 60)
    return server


def _accepts(listen: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(listen)) == 0


def php() -> str:
    """The command-line PHP. Raises ServerFailed where there is none."""
    found = shutil.which("php")
    if not found:
        raise ServerFailed("PHP is not installed; run tests/wordpress/install.sh")
    return found


def fpm_binary() -> str:
    """The php-fpm of the same version as the command-line PHP. Raises ServerFailed where there is none."""
    version = subprocess.run(
        [php(), "-r", "echo PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION;"],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    ).stdout
    return _sbin(f"php-fpm{version}")


def _sbin(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if not found:
        raise ServerFailed(f"{name} is not installed; run tests/wordpress/install.sh")
    return found


def _login() -> str:
    # As root everything stays root: the project may lie where no other account can read it.
    return pwd.getpwuid(os.geteuid()).pw_name


def end_leftover(pid: int, directory: Path) -> None:
    """Ends the process group of an earlier run, if that number still belongs to a process of `directory`."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return
    if str(directory) in command:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGTERM)
