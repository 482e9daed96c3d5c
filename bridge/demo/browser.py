"""A browser without scripts, for the check: it follows redirects one by one and sends the forms that a page shows."""

import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx2

REDIRECTS_MAX = 10
PAGE_SECONDS = 20.0


class Lost(Exception):
    """The page has not what a buyer would look for; the text says what."""


@dataclass(slots=True)
class Form:
    """A form with the values it would send; `buttons` are (name, value) of those that have a name."""

    action: str
    method: str
    id: str
    values: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Page:
    """A page, the address it has, and those that led to it."""

    status: int
    url: str
    text: str
    way: tuple[str, ...]

    def form(self, id: str = "") -> Form:
        """Find the form with an id, or the only one. Raises Lost."""
        forms = self.forms()
        found = [form for form in forms if form.id == id] if id else forms
        if len(found) != 1:
            raise Lost(f"{urlsplit(self.url).path} (status {self.status}) has {len(found)} forms {id!r}")
        return found[0]

    def forms(self) -> list[Form]:
        """Read all forms of the page."""
        reader = _FormReader()
        reader.feed(self.text)
        return reader.forms

    def link(self, words: str) -> str:
        """Find where the link with these words leads. Raises Lost."""
        found = re.search(rf'<a [^>]*href="([^"]*)"[^>]*>{re.escape(words)}</a>', self.text)
        if found is None:
            raise Lost(f"{urlsplit(self.url).path} (status {self.status}) has no link {words!r}")
        return urljoin(self.url, unescape(found[1]))

    def data(self, name: str) -> str:
        """Read the page's only attribute of this name, such as data-close. Raises Lost."""
        found = re.findall(rf' {re.escape(name)}="([^"]*)"', self.text)
        if len(found) != 1:
            raise Lost(f"{urlsplit(self.url).path} (status {self.status}) has {len(found)} attributes {name}")
        return unescape(found[0])

    def target(self, form: Form) -> str:
        """Give the address one of the page's forms is sent to; "?" is the page's own without its query."""
        return self.url.partition("?")[0] if form.action == "?" else urljoin(self.url, form.action)


class Browser:
    """One buyer, or one clerk with a name and password."""

    def __init__(self, http: httpx2.AsyncClient, clerk: tuple[str, str] | None = None) -> None:
        self._http = http
        self._clerk = clerk

    async def get(self, url: str) -> Page:
        """Go to an address."""
        return await self._go("GET", url, {})

    async def submit(self, page: Page, id: str = "", /, **values: str) -> Page:
        """Send a page's form with some values changed."""
        form = page.form(id)
        return await self._go(form.method, page.target(form), form.values | values)

    async def post(self, url: str, values: dict[str, str]) -> Page:
        """Send a form that no page showed."""
        return await self._go("POST", url, values)

    async def _go(self, method: str, url: str, values: dict[str, str]) -> Page:
        way: list[str] = []
        for _ in range(REDIRECTS_MAX):
            way.append(url)
            headers = {"Sec-Fetch-Site": "same-origin"}
            auth = httpx2.BasicAuth(*self._clerk) if self._clerk else None
            posted = values if method == "POST" else None
            answer = await self._http.request(
                method, url, data=posted, headers=headers, auth=auth, timeout=PAGE_SECONDS
            )
            if answer.status_code not in (301, 302, 303, 307, 308):
                return Page(answer.status_code, url, answer.text, tuple(way))
            url, method = urljoin(url, answer.headers["location"]), "GET"
        raise Lost(f"{urlsplit(url).path} leads round in a circle")


class _FormReader(HTMLParser):
    """Collects forms: hidden and filled fields, checked radios, each select's first option."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._select = ""
        self._is_open = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self._is_open = True
            self.forms.append(Form(given.get("action", ""), given.get("method", "get").upper(), given.get("id", "")))
        elif self._is_open:
            self._field(tag, given)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_open = False
        elif tag == "select":
            self._select = ""

    def _field(self, tag: str, given: dict[str, str]) -> None:
        form, name = self.forms[-1], given.get("name", "")
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            form.values.setdefault(self._select, given.get("value", ""))
        elif tag == "button" and name:
            form.buttons.append((name, given.get("value", "")))
        elif tag == "input" and name and (given.get("type") not in ("radio", "checkbox") or "checked" in given):
            form.values[name] = given.get("value", "")
