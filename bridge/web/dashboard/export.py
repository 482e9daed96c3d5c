"""The list of payments as a file for a spreadsheet: masked, with a reason that is kept, and without formulas."""

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import datetime

from starlette.responses import Response

from bridge.clock import from_ms
from bridge.domain.exchange import KST
from bridge.domain.failures import Malformed, NeedsAnother
from bridge.ledger import search
from bridge.ledger.ledger import Row, Turn
from bridge.web.dashboard.access import Visit
from bridge.web.dashboard.payments import FILTERS, read_wanted
from bridge.web.dashboard.said import say
from bridge.web.dashboard.words import METHODS, STATES
from bridge.web.masks import mask_name, mask_phone

ROWS_MAX = 10_000
PAGE = 500
REASON_CHARACTERS_MIN, REASON_CHARACTERS_MAX = 5, 200
FORMULA = ("=", "+", "-", "@", "\t", "\r")
COLUMNS = (
    ("결제 시작", "created at"),
    ("사이트", "site"),
    ("주문번호", "order"),
    ("상품", "title"),
    ("구매자", "buyer"),
    ("전화", "phone"),
    ("결제사", "gateway"),
    ("수단", "method"),
    ("상태", "state"),
    ("금액", "amount KRW"),
    ("받은 금액", "captured KRW"),
    ("돌려준 금액", "refunded KRW"),
    ("결제 시각", "paid at"),
    ("결제번호", "payment"),
    ("가맹점 주문번호", "merchant ref"),
    ("코드", "code"),
    ("메시지", "message"),
)


async def export_payments(visit: Visit) -> Response:
    """Give the filtered payments as CSV (UTF-8 with BOM, RFC 4180), the newest ROWS_MAX of them.

    Raises NeedsAnother for a viewer, Malformed without a reason.
    """
    if visit.session.operator.role != "operator":
        raise NeedsAnother("A viewer may look and not take files away.")
    reason = " ".join(visit.form.get("reason", "").split())
    if not REASON_CHARACTERS_MIN <= len(reason) <= REASON_CHARACTERS_MAX or not reason.isprintable():
        raise Malformed("Say what the file is for.")
    chosen = {name: visit.form.get(name, "") for name in FILTERS}
    wanted = read_wanted(chosen)
    sites = [site.id for site in visit.sites if chosen["site"] in ("", site.id)]
    rows = list[Row]()
    cursor = ""
    while len(rows) < ROWS_MAX:

        def work(turn: Turn, cursor: str = cursor) -> search.Page:
            return search.find(turn, sites, wanted, cursor=cursor, limit=PAGE)

        page = await visit.context.ledger.read(work)
        rows += page.rows
        cursor = page.next_cursor
        if not cursor:
            break
    await visit.note_look("export", f"{len(rows)} payments", reason)
    hosts = {site.id: site.url for site in visit.sites}
    lines: list[list[str | int]] = [[korean if visit.lang == "ko" else english for korean, english in COLUMNS]]
    lines += [_cells(row, hosts, visit.lang) for row in rows[:ROWS_MAX]]
    day = visit.context.clock.now().astimezone(KST).strftime("%Y%m%d")
    return Response(
        write_csv(lines),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="pay-bridge-{day}.csv"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def write_csv(lines: Iterable[Iterable[str | int]]) -> bytes:
    """Write lines as RFC 4180 has it; a text that a spreadsheet would take for a formula begins with an apostrophe."""
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    for line in lines:
        writer.writerow([_harmless(cell) if isinstance(cell, str) else cell for cell in line])
    return b"\xef\xbb\xbf" + file.getvalue().encode()


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


def _cells(row: Row, hosts: Mapping[str, str], lang: str) -> list[str | int]:
    return [
        _time(row["created_at"]),
        hosts.get(row["site"], ""),
        row["order_ref"],
        row["title"],
        mask_name(row["buyer_name"]),
        mask_phone(row["buyer_phone"]),
        row["gateway"],
        say(METHODS, row["method"], lang),
        say(STATES, row["state"], lang),
        row["amount"],
        row["captured"],
        row["refunded"],
        _time(row["paid_at"]),
        row["id"],
        row["merchant_ref"],
        row["code"],
        row["message"],
    ]


def _time(at: int | None) -> str:
    moment: datetime | None = from_ms(at).astimezone(KST) if at else None
    return moment.strftime("%Y-%m-%d %H:%M:%S") if moment else ""
