"""Where a request may go: an absolute URL, taken apart strictly and held against the allowed origins."""

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:(?P<port>[0-9]{1,5}))?(?=[/?]|\Z)"
)
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,8192}\Z")
_NUMBER_AT_END = re.compile(r"(\A|\.)([0-9]+|0[xX][0-9A-Fa-f]*)\.?\Z")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Barred(Exception):
    """Nothing may be sent to this address; the text says why and shows no more of the URL than its origin."""


@dataclass(frozen=True, slots=True)
class Address:
    """One URL taken apart. `target` is its path and query; `public_only`: the name must lead to a public address."""

    scheme: str
    host: str
    port: int
    target: str
    public_only: bool

    @property
    def origin(self) -> str:
        """`scheme://host:port`, in lower case and with the port always said."""
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def authority(self) -> str:
        """The Host header: the port only where it is not the scheme's own."""
        return self.host if self.port == _DEFAULT_PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def dialled_host(self) -> str:
        """The host as the resolver wants it: an IPv6 address without its brackets."""
        return self.host.strip("[]")


def read_address(url: str, *, loopback_allowed: bool) -> Address:
    """Take a URL apart; http, loopback and IP literals only where `loopback_allowed`. Raises Barred."""
    found = _URL.match(url)
    if found is None or not _PRINTABLE.match(url) or "#" in url:
        raise Barred("The address is not a plain http or https URL of a host.")
    scheme, host = found["scheme"], found["host"].lower()
    port = int(found["port"] or _DEFAULT_PORTS[scheme])
    if not 0 < port < 65536:
        raise Barred("The address has a port that does not exist.")
    if not loopback_allowed:
        _check_live(scheme, host)
    rest = url[found.end() :]
    return Address(scheme, host, port, rest if rest.startswith("/") else f"/{rest}", public_only=not loopback_allowed)


def permit(url: str, hosts: frozenset[str], *, loopback_allowed: bool) -> Address:
    """Take a URL apart if its origin is one of `hosts`. Raises Barred."""
    address = read_address(url, loopback_allowed=loopback_allowed)
    if address.origin not in _origins(hosts):
        raise Barred(f"The origin {address.origin} is not among this gateway's configured hosts.")
    return address


def is_public(ip: str) -> bool:
    """Tell whether an IP address belongs to the open internet: not loopback, private, link-local or reserved."""
    try:
        found = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_global and not found.is_multicast


def without_query(url: str) -> str:
    """Cut the query and fragment off a URL, and whatever stands before the host."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _check_live(scheme: str, host: str) -> None:
    if scheme != "https":
        raise Barred("Only https is allowed for a live site.")
    # The resolver also takes 2130706433, 0x7f.1 and 127.1 for addresses; a real name never ends in a number.
    if host.startswith("[") or _NUMBER_AT_END.search(host):
        raise Barred("An IP address in place of a name is not allowed for a live site.")
    if host.rstrip(".").rpartition(".")[2] == "localhost":
        raise Barred("Loopback is not allowed for a live site.")


@lru_cache(maxsize=256)
def _origins(hosts: frozenset[str]) -> frozenset[str]:
    return frozenset(read_address(host, loopback_allowed=True).origin for host in hosts)
