"""How Welcome is asked: signed name=value pairs, encrypted cards, JSON back. (PAYAPI 1.2, 1.3; prepare 1.2)"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bridge.domain.exchange import KST, Call, Fields, Reply, Stamp
from bridge.domain.failures import Unreadable
from bridge.domain.paid_time import moment_in
from bridge.domain.payment import Buyer
from bridge.domain.texts import email
from bridge.gateways.welcome.settings import WelcomeSettings

SECRETS = frozenset(
    {"signature", "cardNumber", "registNo", "passwd", "cardExpireYY", "cardExpireMM", "billkey", "buyerName"}
    | {"buyerTel", "buyerEmail", "P_NEXT_URL", "P_RETURN_URL", "P_NOTI_URL", "P_TID", "refundAccount", "refundName"}
    | {"sendName", "sendTel", "sendAddr1", "sendAddr2", "sendPost", "recvName", "recvTel", "recvAddr", "recvPost"}
    | {"buyName", "registName"}
)
_NOT_PLAIN = re.compile(r"[^\w\s()\[\].,-]")
_BLOCK_BITS = 128

Pairs = Sequence[tuple[str, str]]


class Talk:
    """What every part of the adapter needs: its settings, signatures, ciphers and the form of a call."""

    settings: WelcomeSettings

    @property
    def merchant(self) -> str:
        """Give the id under which Welcome knows the merchant (mid)."""
        return self.settings.mid

    def call(
        self, op: str, path: str, fields: Mapping[str, str], covered: Pairs, stamp: Stamp, *, moves_money: bool = False
    ) -> Call:
        """Make a call; `covered` are the pairs that its signature covers besides shop, key and time.

        Shop, time and signature are ours, whatever the fields say.
        """
        moment = self.timestamp(stamp)
        form = {name: value for name, value in fields.items() if value}
        form |= {"mid": self.settings.mid, "timestamp": moment, "signature": self.sign(covered, moment)}
        return Call(op, "POST", f"{self.settings.api_url}{path}", form=form, moves_money=moves_money, secrets=SECRETS)

    def sign(self, covered: Pairs, moment: str) -> str:
        """Sign pairs in their order: sha256 over mid=…&mkey=…&…&timestamp=…, where mkey is the hash of the signKey.

        Cards are signed as they are, not as they are encrypted. (prepare 1.2, sample 1)
        """
        pairs = (("mid", self.settings.mid), ("mkey", self.mkey()), *covered, ("timestamp", moment))
        return hashlib.sha256("&".join(f"{name}={value}" for name, value in pairs).encode()).hexdigest()

    def mkey(self) -> str:
        """Hash the signKey as it is written: lower-case hex SHA-256. (prepare 1.2)"""
        return hashlib.sha256(self.settings.sign_key.encode()).hexdigest()

    def encrypt(self, text: str) -> str:
        """Encrypt a field: AES-256-CBC, PKCS7, base64; key and IV are the mailed characters themselves. (PAYAPI 1.3)

        Welcome dictates the constant IV; nothing of ours is ever encrypted so.
        """
        padder = padding.PKCS7(_BLOCK_BITS).padder()
        plain = padder.update(text.encode()) + padder.finalize()
        key, vector = self.settings.api_key.encode(), self.settings.api_iv.encode()
        made = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
        return base64.b64encode(made.update(plain) + made.finalize()).decode()

    def timestamp(self, stamp: Stamp) -> str:
        """Write the moment: milliseconds since 1970 as the samples do, or yyyyMMddHHmmss in Korea as the tables say."""
        if self.settings.timestamp == "millis":
            return str(int(stamp.at.timestamp() * 1000))
        return stamp.at.astimezone(KST).strftime("%Y%m%d%H%M%S")


class Answer:
    """A JSON answer whose names are read whatever their case is: ResultCode, tid, RmainPrice."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._fields = Fields({name.lower(): value for name, value in values.items()})
        self.code = self._fields.text("resultcode")
        self.message = self._fields.text("resultmsg", "")

    def has(self, name: str) -> bool:
        """Tell whether a field is there and not empty."""
        return self._fields.has(name.lower())

    def text(self, name: str, default: str | None = None) -> str:
        """Read a text. Raises Unreadable."""
        return self._fields.text(name.lower(), default)

    def number(self, name: str) -> str:
        """Read a number of Welcome's, never empty. Raises Unreadable."""
        return self._fields.number(name.lower())

    def won(self, name: str) -> int:
        """Read an amount of KRW. Raises Unreadable."""
        return self._fields.won(name.lower())

    def moment(self, *names: str) -> datetime | None:
        """Read a moment out of fields, one after the other; nothing where they make none."""
        return moment_in(self._fields, *(name.lower() for name in names))


def read(reply: Reply) -> Answer:
    """Read an answer: a body with a ResultCode counts with status 200, and with 4xx. Raises Unreadable for others."""
    if reply.status >= 500 or reply.status < 200 or 300 <= reply.status < 400:
        raise Unreadable(f"The gateway answered with HTTP status {reply.status}.")
    try:
        value = json.loads(reply.body.decode("utf-8-sig"), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise Unreadable("The gateway's answer is not JSON.") from error
    if not isinstance(value, dict):
        raise Unreadable("The gateway's answer is not a JSON object.")
    return Answer(value)


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Read an object whose fields are there once each, whatever their case is. Raises ValueError."""
    found = dict(pairs)
    if len({name.lower() for name in found}) != len(pairs):
        raise ValueError("a field is there twice")
    return found


def buyer_fields(buyer: Buyer) -> dict[str, str]:
    """Write the buyer: name at most 30 bytes, phone and address at most 40."""
    return {
        "buyerName": plain(buyer.name, "구매자", 30),
        "buyerTel": digits(buyer.phone)[:40],
        "buyerEmail": email(buyer.email, 40),
    }


def plain(text: str, instead: str, bytes_max: int) -> str:
    """Fit a text into a field that takes no special characters; no broken character at the end. (mobile 3.2.4)"""
    bare = " ".join(_NOT_PLAIN.sub(" ", text).split())
    return bare.encode()[:bytes_max].decode(errors="ignore").strip() or instead


def digits(text: str) -> str:
    """Keep digits."""
    return "".join(sign for sign in text if sign in "0123456789")
