"""The types of columns, and what all tables are listed in."""

from datetime import UTC, datetime
from typing import Any

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


class Tags(TypeDecorator[list[str]]):
    """A list of words as JSON. What is none, which another program must have written, is read as no tags at all."""

    impl = JSON(none_as_null=True)
    cache_ok = True
    #: Whether the log has it already: a list may show such a row with every look.
    is_told = False

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """Read what there is; raised for one row, an error would keep all others from being shown."""
        read = self.impl_instance.dialect_impl(dialect).result_processor(dialect, coltype)

        def forgive(stored: Any) -> list[str] | None:
            try:
                found = read(stored) if read is not None else stored
                return None if found is None else msgspec.convert(found, list[str])
            except (ValueError, TypeError):
                if not Tags.is_told:
                    Tags.is_told = True
                    log.warning("Tags that are no list of words are read as none", action="tags_unreadable")
                return None

        return forgive


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
Json = JSON(none_as_null=True)
