"""Reads a list of opt-outs as another provider gives it: CSV in any writing, phone numbers in any writing."""

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from msgspec import Struct

from bot.rulebook.files.csv_text import Dialect, UnreadableCsv, declared_dialect, read_rows
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
#: In a column whose name may mean a time, these say only that somebody opted out; these that nobody knows when; and
#: these that they did not opt out.
_YES: Final = frozenset({
    "yes", "y", "true", "x", "1", "stop", "out", "opted out", "optedout", "opt-out", "unsubscribed", "ja", "oui", "si",
    "sí",
})  # fmt: skip
_UNKNOWN: Final = frozenset({
    "-", "--", "null", "none", "n/a", "na", "nan", "unknown", "0000-00-00", "0000-00-00 00:00:00",
})  # fmt: skip
_NO: Final = frozenset({"no", "n", "false", "0"})
_SLASHES = re.compile(r"(\d{4})/(\d\d)/(\d\d)")
_IN_UTC = re.compile(r"\s*(?:UTC|GMT|Z)")
_LONGEST_SHOWN = 60
#: Digits of an international number, by E.164 and by the shortest that are given out.
_FEWEST, _MOST = 7, 15
#: With so many digits a number behind another one in a cell is hardly a postal code.
_SURELY_A_NUMBER = 10


class UnreadableList(Exception):
    """Of this list nothing may be taken; the message names the line, what is wrong there and the mend."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(f"line {line}: {sentence}")


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
    #: What the head calls the column of times.
    at_name: str = ""


def read_opt_outs(content: bytes, ours: Collection[str] = (), number: str = "") -> OptOutList:
    """The opt-outs in a CSV file with or without a head, in UTF-8 or UTF-16 or what Windows writes.

    `ours` are our numbers: one that lacks its country has theirs. `number`: the opt-outs are from this one alone,
    where a line names none. Raises `UnreadableList` where a quote may hide lines, or where a time can't be read: an
    opt-out of an unknown time would count as one of today.
    """
    text = _decoded(content)
    dialect = _dialect_of(text)
    entries: dict[tuple[str, str], ListedOptOut] = {}
    unread: list[UnreadLine] = []
    columns, repeated = _Columns(), 0
    for place, (line, written) in enumerate(_rows_of(text, dialect)):
        row = [make_storable(cell.strip()) for cell in written]
        if place == 0 and (found := _columns_of(row)) is not None:
            columns = found
            continue
        _refuse_hidden_lines(line, written, columns, ours, dialect)
        listed = _read(line, row, columns, ours, number)
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


def _dialect_of(text: str) -> Dialect:
    if (declared := declared_dialect(text)) is not None:
        return declared
    head = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=head.count)
    return Dialect(delimiter if delimiter in head else ",")


def _rows_of(text: str, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """The rows that hold anything, each with the line where it begins."""
    try:
        for line, row in read_rows(text, dialect):
            if any(cell.strip() for cell in row):
                yield line, row
    except UnreadableCsv as error:
        raise UnreadableList(error.line, f"{error}.") from None


def _refuse_hidden_lines(
    line: int, row: Sequence[str], columns: _Columns, ours: Collection[str], dialect: Dialect
) -> None:
    """Raise `UnreadableList` for a cell that goes on over lines which have people's numbers of their own.

    `row` is as it was read: what a cell begins with, such as the end of a line, tells.
    """
    own = _phone_number(_cell(row, columns.peer).strip(), ours)
    for cell in row:
        first, *others = re.split("\r\n|\r|\n", cell)
        if not others:
            continue
        lines = [each.split(dialect.delimiter) for each in others]
        hidden = [*first.split(dialect.delimiter)[1:], *(each[0] for each in lines if len(each) == 1)]
        peers = [_cell(each, columns.peer) for each in lines if len(each) > 1 or len(row) == 1]
        peers += [each for each in hidden if _is_surely_a_number(each)]
        numbers = {_phone_number(each.strip().strip(dialect.quote), ours) for each in peers}
        if any(each.startswith("+") and each != own for each in numbers):
            shown = one_line(first, _LONGEST_SHOWN)
            raise UnreadableList(
                line,
                f"the cell that a {dialect.quote} opens before “{shown}” goes on over lines with numbers of their"
                " own; close it in its line, or take the line breaks out of it.",
            )


def _is_surely_a_number(cell: str) -> bool:
    return cell.strip().startswith("+") or sum(letter.isdecimal() for letter in cell) >= _SURELY_A_NUMBER


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
    at = next((at for at, name in enumerate(names) if name in _TIME), None)
    return _Columns(peer, ours, at, _cell(row, at))


def _read(
    line: int, row: Sequence[str], columns: _Columns, ours: Collection[str], number: str
) -> ListedOptOut | str:
    """What a line says, or why it can't be read."""
    peer = _phone_number(_cell(row, columns.peer), ours)
    if not peer.startswith("+"):
        return peer
    named = _cell(row, columns.number)
    written = normalise_number(named) if named and named != "*" else number
    return ListedOptOut(peer=peer, number=written, at=_time(line, row, columns))


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


def _time(line: int, row: Sequence[str], columns: _Columns) -> datetime | None:
    """When they opted out; None where the line does not say."""
    text = _cell(row, columns.at).lstrip("'")
    word = text.casefold()
    if not text or word in _YES or word in _UNKNOWN:
        return None
    shown, name = one_line(text, _LONGEST_SHOWN), one_line(columns.at_name, _LONGEST_SHOWN)
    if word in _NO:
        raise UnreadableList(
            line,
            f"“{shown}” in the column “{name}” seems to say that they did not opt out; take such lines out of the"
            " list.",
        )
    try:
        return _moment(text)
    except WrongTime as error:
        raise UnreadableList(
            line,
            f"“{shown}” in the column “{name}” is no time that can be read. {error} Or take the column out: then all"
            " of them count as opted out now.",
        ) from None


def _moment(text: str) -> datetime:
    """A time as ISO 8601, e-mail or a spreadsheet writes it, in UTC where it names no zone; raises `WrongTime`."""
    written = _SLASHES.sub(r"\1-\2-\3", text)
    if (zone := _IN_UTC.search(written)) is not None and zone.end() == len(written):
        written = written[: zone.start()] + "Z"
    try:
        return read_moment(written, UTC)
    except WrongTime:
        try:
            sent = parsedate_to_datetime(text)
            return read_moment(sent.isoformat(), UTC)
        except (ValueError, TypeError, OverflowError, WrongTime):
            pass
        raise


def _cell(row: Sequence[str], place: int | None) -> str:
    return row[place] if place is not None and place < len(row) else ""


def _later(one: ListedOptOut | None, other: ListedOptOut) -> ListedOptOut:
    """Of two lines about one number the one with the later time."""
    if one is None or (other.at is not None and (one.at is None or one.at < other.at)):
        return other
    return one
