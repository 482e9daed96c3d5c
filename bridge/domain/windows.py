"""Windows: where the buyer pays, how a page of ours opens one, and what the browser brings back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from bridge.domain.outcomes import Declined

Argument = Literal["form", "form_id", "object"]
FIELD_BYTES_MAX = 4096
FIELDS_MAX = 100
_FUNCTION = re.compile(r"[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*){0,3}", re.ASCII)
_FIELD = re.compile(r"[A-Za-z_][\w.-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Redirect:
    """The window is a page of the gateway's; `refs` are to be kept on the payment.

    `until` is when the gateway itself lets nobody pay any more, where that is later than the payment's own time.
    """

    url: str
    refs: Mapping[str, str] = field(default_factory=dict)
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """The window is opened by a script of the gateway's on a page of ours. Data only: no code is put into that page.

    `scripts` are loaded in this order, each from one of `origins`; then `function`, the name of a function they bring
    ("SendPay", "PayApp.payrequest"), is called once with `argument`: the page's form that holds `fields` as hidden
    inputs, that form's id, or an object of them. `form_name` is the form's name and id, where a gateway asks for one.
    `callback` names the field of the object that gets a function of ours: what the gateway's script hands to it is
    posted to the return address, as a form. `functions` are functions of ours that the gateway's script calls by these
    names: `return` submits the form, as it then is, to the return address; `close` leads on to the close address; any
    other value is the name of a function of the gateway's, which is called (Pay-Story payResultSubmit).
    `origins` (scheme://host[:port]) are all that the page's content policy lets in: scripts, styles, pictures, frames,
    connections and the targets of forms.
    Field names are ASCII letters, digits and `_.-`; a value has at most 4,096 bytes, a window at most 100 fields.
    The fields are sealed at rest and shown to the buyer's browser alone: no secret of the merchant may be in them.
    """

    scripts: tuple[str, ...]
    function: str
    fields: Mapping[str, str]
    origins: tuple[str, ...]
    argument: Argument = "form"
    form_name: str = "pay_form"
    callback: str = ""
    functions: Mapping[str, str] = field(default_factory=dict)
    charset: str = "UTF-8"
    refs: Mapping[str, str] = field(default_factory=dict)
    until: datetime | None = None

    def __post_init__(self) -> None:
        names = (*self.fields, self.form_name, *([self.callback] if self.callback else []))
        assert self.scripts, "a window without a script opens nothing"
        assert {origin_of(url) for url in self.scripts} <= set(self.origins), "a script from elsewhere"
        assert all(origin_of(origin) == origin for origin in self.origins), "an origin is scheme://host[:port]"
        assert _FUNCTION.fullmatch(self.function), "a function has a plain name"
        assert len(names) <= FIELDS_MAX, "too many fields"
        assert all(_FIELD.fullmatch(name) for name in names), "fields have plain names"
        assert all(len(value.encode()) <= FIELD_BYTES_MAX for value in self.fields.values()), "a field is too long"
        called = (*self.functions, *self.functions.values())
        assert all(_FUNCTION.fullmatch(name) for name in called), "a function has a plain name"
        assert self.argument == "object" or not self.callback, "only an object can carry a function"


Window = Redirect | Script


@dataclass(frozen=True, slots=True)
class WindowPass:
    """What a gateway's script is told by the merchant's server before it opens the window (Payple auth.php).

    `answer` goes to the buyer's browser as JSON: short-lived tokens, never the merchant's credentials. `refs` are kept
    on the payment.
    """

    answer: Mapping[str, Any]
    refs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Urls:
    """Addresses given to a gateway: where the browser returns (GET or POST), where closing leads, where notices go.

    `auth` is where a script of the gateway's asks for the merchant's authentication, on our own origin. `shown` is
    where notices go of what a browser asks for by itself, where no browser may see the other address.
    """

    approval: str
    close: str
    notice: str
    auth: str = ""
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Return:
    """What the browser brought back: parsed, not believed. `refs` are opaque values an approval needs.

    Those of them that were kept when the window opened must be equal, and at least one must be among them where any
    was kept. `refused` is the window's own no: nothing is approved then. `claims` is the gateway's number of what is to
    be approved, where nothing that was kept names it: one payment alone may ever be approved with it, as another's
    would be taken back together with this one.
    """

    refs: Mapping[str, str]
    refused: Declined | None = None
    claims: str = ""


def origin_of(url: str) -> str:
    """Give an address's origin: scheme://host[:port]."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
