"""Reads a list of opt-outs as another provider gives it: CSV in any writing, phone numbers in any writing."""

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from bot.text.moments import WrongTime, read_moment
from bot.text.numbers import compact, normalise_number, number_meant
from bot.text.storable import make_storable, one_line

#: What columns of the peer, of our number and of the time are called, in letters and digits alone.
_PEER = frozenset({
    "peer", "phone", "phonenumber", "mobile", "mobilenumber", "mobilephone", "msisdn", "cell", "cellphone", "recipient",
    "to", "tonumber", "contact", "subscriber", "customer", "telephone", "tel", "number", "destination",
    "destinationnumber", "address", "handy", "telefon", "telefono", "numero", "rufnummer",
})  # fmt: skip
_OURS = frozenset({
    "from", "fromnumber", "sender", "senderid", "ournumber", "sourcenumber", "shortcode", "sendernumber",
    "originator",
})  # fmt: skip
_TIME = frozenset({
    "at", "date", "time", "timestamp", "datetime", "since", "optedoutat", "optoutat", "optedout", "optoutdate",
    "optouttime", "optoutdatetime", "unsubscribed", "unsubscribedat", "created", "createdat", "createddate", "updated",
    "updatedat", "dateoptedout", "blockedat",
})  # fmt: skip
_DELIMITERS = ",;\t|"
#: A spreadsheet writes a long number so, and its last digits are gone.
_ROUNDED = re.compile(r"\d[.,]\d+E\+?\d+", re.IGNORECASE)
_NO_DIGIT = re.compile(r"[^a-z0-9]")
_LONGEST_SHOWN = 60
#: Digits of an international number, by E.164 and by the shortest that are given out.
_FEWEST, _MOST = 7, 15


class ListedOptOut(Struct, frozen=True, kw_only=True):
    """A number on a list."""

    peer: str
    #: The number of ours that may not text them; empty: none may.
    number: str
    #: When they opted out, where the list says so.
    at: datetime | None


class UnreadLine(Struct, frozen=True, kw_only=True):
    """A line of which nothing was taken."""

    line: int
    text: str
    reason: str


class OptOutList(Struct, frozen=True, kw_only=True):
    """A list as it was read."""

    entries: list[ListedOptOut]
    unread: list[UnreadLine]
    #: Lines that say again what another one says.
    repeated: int


class _Columns(Struct, frozen=True):
    peer: int = 0
    number: int | None = None
    at: int | None = None


def read_opt_outs(content: bytes, ours: Collection[str] = (), number: str = "") -> OptOutList:
    """The opt-outs in a CSV file with or without a head, in UTF-8 or UTF-16 or what Windows writes.

    `ours` are our numbers: one that lacks its country has theirs. `number`: the opt-outs are from this one alone,
    where a line names none.
    """
    rows = _rows_of(_decoded(content))
    entries: dict[tuple[str, str], ListedOptOut] = {}
    unread: list[UnreadLine] = []
    columns, repeated = _Columns(), 0
    for place, (line, row) in enumerate(rows):
        if place == 0 and (found := _columns_of(row)) is not None:
            columns = found
            continue
        listed = _read(row, columns, ours, number)
        if isinstance(listed, str):
            shown = one_line(", ".join(cell for cell in row if cell.strip()), _LONGEST_SHOWN)
            unread.append(UnreadLine(line=line, text=shown, reason=listed))
            continue
        key = (listed.peer, listed.number)
        repeated += key in entries
        entries[key] = _later(entries.get(key), listed)
    return OptOutList(entries=list(entries.values()), unread=unread, repeated=repeated)


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _rows_of(text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that hold anything, each with its number in the file."""
    head = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter if delimiter in head else ",")
    for row in reader:
        if any(cell.strip() for cell in row):
            yield reader.line_num, [make_storable(cell.strip()) for cell in row]


def _columns_of(row: Sequence[str]) -> _Columns | None:
    """The columns that a head names; None for a row that is none."""
    if any(sum(letter.isdecimal() for letter in cell) >= 5 for cell in row):
        return None
    names = [_NO_DIGIT.sub("", cell.casefold()) for cell in row]
    # `number` is theirs, but beside a column of theirs that has a clearer name, as in our own export.
    peers = sorted((names[at] == "number", at) for at in range(len(names)) if names[at] in _PEER)
    peer = peers[0][1] if peers else 0
    ours = next((at for at, name in enumerate(names) if name in _OURS), None)
    if ours is None and "number" in names and names[peer] != "number":
        ours = names.index("number")
    return _Columns(peer, ours, next((at for at, name in enumerate(names) if name in _TIME), None))


def _read(row: Sequence[str], columns: _Columns, ours: Collection[str], number: str) -> ListedOptOut | str:
    """What a line says, or why it can't be read."""
    peer = _phone_number(_cell(row, columns.peer), ours)
    if not peer.startswith("+"):
        return peer
    named = _cell(row, columns.number)
    written = normalise_number(named) if named and named != "*" else number
    return ListedOptOut(peer=peer, number=written, at=_time(_cell(row, columns.at)))


def _phone_number(raw: str, ours: Collection[str]) -> str:
    """The number with its `+`, or why it is none."""
    raw = raw.lstrip("'=\"").rstrip('"')  # what spreadsheets are given so that they keep a number as it is
    if not raw:
        return "There is no number in it."
    if _ROUNDED.fullmatch(raw):
        return "A spreadsheet has rounded the number; give the column the format “text” before the export."
    meant = number_meant(raw, ours)
    if meant == "":
        return "The number has no country: write it with + and the country code."
    # Compact ones need no look into the numbering plans, which takes 0.2 ms.
    number = meant or normalise_number(compact(raw))
    digits = number.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return "This is no phone number."
    if not number.startswith("+") or not _FEWEST <= len(digits) <= _MOST:
        return "This is no international phone number: those have 7 to 15 digits."
    return number


def _time(text: str) -> datetime | None:
    try:
        return read_moment(text.replace(" UTC", "Z"), UTC)
    except WrongTime:
        return None


def _cell(row: Sequence[str], place: int | None) -> str:
    return row[place] if place is not None and place < len(row) else ""


def _later(one: ListedOptOut | None, other: ListedOptOut) -> ListedOptOut:
    """Of two lines about one number the one with the later time."""
    if one is None or (other.at is not None and (one.at is None or one.at < other.at)):
        return other
    return one
