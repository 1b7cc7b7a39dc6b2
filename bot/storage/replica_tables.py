"""The tables that replicas on one PostgreSQL share: where a lane is taken over, the next one goes on with them."""

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table

from bot.storage.columns import Number, NumberlessText, UtcTime, metadata

# Messages that left a number with a pace in the last minutes: a row for each second in which some did, by the
# database's clock.
lane_paces = Table(
    "lane_paces",
    metadata,
    Column("number", Number, primary_key=True),
    Column("second", BigInteger, primary_key=True, autoincrement=False),
    Column("sent", Integer, nullable=False),
)

# Circuit breakers that are open: of a number, or, with an empty one, of ACS as a whole. A closed one has no row.
lane_circuits = Table(
    "lane_circuits",
    metadata,
    Column("number", Number, primary_key=True),
    Column("until", UtcTime, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("probes", Integer, nullable=False),
    # Whether `until` is what ACS asked for.
    Column("is_asked", Boolean, nullable=False),
    # In Azure's words, which may name whom it did not reach.
    Column("reason", NumberlessText, nullable=True),
)

# The replicas that run, or ran lately, and which rule book each has in force.
replicas = Table(
    "replicas",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("place", String(255), nullable=False),
    Column("book_version", String(12), nullable=False),
    Column("book_since", UtcTime, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
)
