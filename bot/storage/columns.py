"""The types of columns, and what all tables are listed in."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec
import structlog
from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Integer,
    MetaData,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.types import TypeEngine

from bot.text.numberless import without_numbers

log = structlog.get_logger(__name__)


class UtcTime(TypeDecorator[datetime]):
    """A moment. PostgreSQL keeps it as timestamptz, SQLite as fixed-width ISO text, which sorts as time does.

    A naive datetime is refused: it could mean any of 38 moments.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text on SQLite: its own datetime type is slower to write and drops the offset."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(32))
        return dialect.type_descriptor(DateTime(timezone=True))

    def bind_processor(self, dialect: Dialect) -> Any:
        """For SQLite without the calls that SQLAlchemy puts around it: a message has two times or three."""
        return _as_stored if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """As above: each conversation is read with its times."""
        return _as_moment if dialect.name == "sqlite" else super().result_processor(dialect, coltype)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse a naive time; give SQLite its text."""
        if dialect.name == "sqlite":
            return _as_stored(value)
        return None if value is None else _in_utc(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's
        """Bring back an aware time, in UTC."""
        if value is None or isinstance(value, str):
            return _as_moment(value)
        moment: datetime = value
        if (
            moment.tzinfo is None
        ):  # asyncpg stores the last moment as `infinity`, and reads that without a zone
            return moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)


class NumberlessText(TypeDecorator[str]):
    """What others say of something, in rows that nobody's erasure takes: without the phone numbers in it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        """Leave them out."""
        return None if value is None else without_numbers(value)


class CheckedJson(TypeDecorator[Any]):
    """JSON of one shape. What is none, which another program must have written, is read as if nothing stood there.

    Raised for one row, an error would keep all others from being shown, and a message from being answered.
    """

    impl = JSON(none_as_null=True)
    cache_ok = True
    #: The columns of which the log has it already: a list may show such a row with every look.
    told: ClassVar[set[str]] = set()

    def __init__(self, column: str, shape: Any, empty: Callable[[], Any] | None = None) -> None:
        """`shape` is a type of msgspec's, for what is read often a Struct: others are looked at anew each time.

        `empty` makes what is read in place of something else; None where nobody gives it.
        """
        super().__init__()
        self.column, self.shape, self.empty = column, shape, empty

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        """What a key or a text beside it is: as beside any other JSON."""
        kind: TypeEngine[Any] = self.impl_instance.coerce_compared_value(op, value)
        return kind

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:  # noqa: ARG002 - SQLAlchemy's
        """Read what there is: with SQLite a text, which PostgreSQL's driver has read already."""
        read = _JSON.decode if dialect.name == "sqlite" else None
        shape, convert, replace = self.shape, msgspec.convert, self._replacement

        def read_checked(stored: Any) -> Any:
            if stored is None:
                return None
            try:
                found = stored if read is None else read(stored)
                convert(found, shape)
            except (ValueError, TypeError, RecursionError):
                return replace()
            return found

        return read_checked

    def _replacement(self) -> Any:
        """What is read in place of what is none; the log has it once."""
        if self.column not in CheckedJson.told:
            CheckedJson.told.add(self.column)
            self._tell()
        return None if self.empty is None else self.empty()

    def _tell(self) -> None:
        log.warning(
            "What can't be read in a column of JSON is read as nothing",
            action="json_unreadable",
            column=self.column,
        )


class Tags(CheckedJson):
    """A list of words."""

    cache_ok = True

    def __init__(self) -> None:
        super().__init__("conversations.tags", list[str])

    def _tell(self) -> None:
        log.warning("Tags that are no list of words are read as none", action="tags_unreadable")


def read_json(stored: Any) -> Any:
    """What a column of JSON has; what can't be read is of no shape at all, for `CheckedJson` to replace.

    For the engine: PostgreSQL's driver reads JSON before any column's type is asked, and takes what msgspec doesn't.
    """
    try:
        return msgspec.json.decode(stored)
    except (ValueError, TypeError, RecursionError):
        return UNREADABLE


_JSON = msgspec.json.Decoder()
#: Stands for what is no JSON.
UNREADABLE = object()


def _in_utc(moment: datetime) -> datetime:
    """The same moment; refuses one that could be any of 38."""
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone; times in the database are UTC")
    return moment.astimezone(UTC)


def _as_stored(moment: datetime | None) -> str | None:
    """What SQLite keeps of a moment.

    As `isoformat(timespec="microseconds")` writes it, in a fifth of its time: each message has a time of its own, and
    Python asks a zone for its offset to write one (1.0 µs, and 0.2 here).
    """
    if moment is None:
        return None
    written: str = msgspec.to_builtins(moment if moment.tzinfo is UTC else _in_utc(moment))
    # With Z, and without a fraction where there is none.
    return f"{written[:-1]}+00:00" if len(written) > _WITHOUT_FRACTION else f"{written[:-1]}.000000+00:00"


def _as_moment(written: str | None) -> datetime | None:
    """What SQLite has kept."""
    return None if written is None else datetime.fromisoformat(written)


#: Characters of `2026-11-23T12:00:00Z`.
_WITHOUT_FRACTION = 20

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: UUIDv7 in its usual writing: what the API, the logs and the database show is the same text.
Id = String(36)
Number = String(64)
Counter = BigInteger().with_variant(Integer, "sqlite")
