"""What rules ask of other services: the rows, as durable as the message that brought them about."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.rulebook.fetch import Fetched, FetchRequest
from bot.storage.bulk import BulkInsert
from bot.storage.sql import status_is
from bot.storage.tables import conversations, messages
from bot.storage.task_tables import fetches

#: Characters of an answer that are kept for people and for replays.
LONGEST_ANSWER = 20_000
KEPT = "An answer from memory."
#: Why a request is not made that is stored in a way that this version does not know.
UNREADABLE = (
    "What was to be asked can't be read: it was stored by something else than this version of the bot."
)
#: What becomes of a fetch by what came.
_STATUS = {"value": "answered", "missing": "missing", "nothing": "failed"}


class FetchRow(NamedTuple):
    """A fetch to insert."""

    #: That of the message.
    id: str
    conversation_id: str
    rule: str
    host: str
    request: str
    method: str
    url: str
    status: str
    answer: str | None
    reason: str | None
    created_at: datetime
    updated_at: datetime


INSERT_FETCHES = BulkInsert(fetches, FetchRow)
#: What `read_request` needs of a row.
_REQUEST = (fetches.c.request, fetches.c.rule, fetches.c.method, fetches.c.url, fetches.c.host)


def fetch_row(request: FetchRequest, *, message_id: str, conversation_id: str, now: datetime) -> FetchRow:
    """A request that is to be made."""
    return FetchRow(
        message_id, conversation_id, request.rule, request.host,
        msgspec.json.encode(request).decode(), request.method, request.url, "queued", None, None, now, now,
    )  # fmt: skip


def kept_row(
    request: FetchRequest, fetched: Fetched, message_id: str, conversation_id: str, now: datetime
) -> FetchRow:
    """A request that an answer in memory has served."""
    return FetchRow(
        message_id, conversation_id, request.rule, request.host, "", request.method, request.url,
        _STATUS[fetched.kind], answer_text(fetched), KEPT, now, now,
    )  # fmt: skip


def answer_text(fetched: Fetched) -> str | None:
    """What came, as JSON for people and for replays."""
    if fetched.kind != "value":
        return None
    text = msgspec.json.encode(fetched.value).decode()
    return text if len(text) <= LONGEST_ANSWER else None


def fetched_as_stored(status: str, answer: str | None) -> Fetched | None:
    """What was fetched, as far as it is still known."""
    if status == "answered":
        value = read_answer(answer)
        return Fetched("value", value) if value is not None or answer == "null" else None
    if status in {"missing", "failed"}:
        return Fetched("missing" if status == "missing" else "nothing")
    return None


def read_answer(stored: str | None) -> object:
    """What came, as it is stored; None where nothing is, or what another program has put there."""
    try:
        return None if stored is None else msgspec.json.decode(stored)
    except (msgspec.DecodeError, RecursionError):
        return None


def read_request(row: Any) -> FetchRequest:
    """What a row asks; one that can't be read can't be made, and says so as its `trouble`."""
    try:
        return msgspec.json.decode(row.request, type=FetchRequest)
    except (msgspec.DecodeError, RecursionError):
        return FetchRequest(
            rule=row.rule, method=row.method, url=row.url, host=row.host, timeout=0.0, trouble=UNREADABLE
        )


class ClaimedFetch(Struct, frozen=True, kw_only=True):
    """A fetch that this process makes."""

    #: That of the message.
    id: str
    conversation_id: str
    number: str
    peer: str
    request: FetchRequest
    created_at: datetime
    #: Somebody else had begun it and is gone.
    was_begun: bool


class FailedTry(Struct, frozen=True, kw_only=True):
    """One try that brought nothing usable."""

    at: datetime
    ms: int
    reason: str


class FetchOutcome(Struct, frozen=True, kw_only=True):
    """What came of a fetch."""

    fetched: Fetched
    reason: str | None = None
    http_status: int | None = None
    ms: int | None = None
    tries: tuple[FailedTry, ...] = ()

    @property
    def status(self) -> str:
        """The state of its row."""
        return _STATUS[self.fetched.kind]


class DueFetch(NamedTuple):
    """A fetch that somebody should make."""

    id: str
    host: str


async def holders_of_fetches(connection: AsyncConnection, now: datetime) -> set[str]:
    """Who has leases of fetches that are not over."""
    query = (
        select(fetches.c.lease_holder)
        .where(status_is("queued", fetches.c.status), fetches.c.lease_until > now)
        .distinct()
    )
    return {holder for holder in (await connection.execute(query)).scalars() if holder}


async def due_fetches(
    connection: AsyncConnection, now: datetime, *, holders: Collection[str], full: Collection[str], limit: int
) -> list[DueFetch]:
    """The oldest fetches that none of these holders makes, but for those of hosts that have enough to do."""
    query = (
        select(fetches.c.id, fetches.c.host)
        .where(
            status_is("queued", fetches.c.status),
            or_(
                fetches.c.lease_until.is_(None),
                fetches.c.lease_until <= now,
                fetches.c.lease_holder.not_in(holders),
            ),
        )
        .order_by(fetches.c.id)
        .limit(limit)
    )
    if full:
        query = query.where(fetches.c.host.not_in(full))
    return [DueFetch(*row) for row in await connection.execute(query)]


async def claim_fetches(
    connection: AsyncConnection,
    ids: Sequence[str],
    *,
    holder: str,
    living: Collection[str],
    now: datetime,
    until: datetime,
) -> list[ClaimedFetch]:
    """Lease those that are still to be had."""
    query = (
        select(
            fetches.c.id, fetches.c.conversation_id, *_REQUEST, fetches.c.created_at,
            fetches.c.lease_holder, fetches.c.lease_until, conversations.c.number, conversations.c.peer,
        )
        .join(conversations, conversations.c.id == fetches.c.conversation_id)
        .where(fetches.c.id.in_(ids), fetches.c.status == "queued")
        .order_by(fetches.c.id)
        .with_for_update(of=fetches)
    )  # fmt: skip
    claimed: list[ClaimedFetch] = []
    for row in await connection.execute(query):
        is_leased = row.lease_until is not None and row.lease_until > now and row.lease_holder in living
        if is_leased:
            continue
        claimed.append(
            ClaimedFetch(
                id=row.id,
                conversation_id=row.conversation_id,
                number=row.number,
                peer=row.peer,
                request=read_request(row),
                created_at=row.created_at,
                was_begun=row.lease_holder is not None,
            )
        )
    if claimed:
        taken = update(fetches).where(fetches.c.id.in_([each.id for each in claimed]))
        await connection.execute(taken.values(lease_holder=holder, lease_until=until))
    return claimed


async def fetches_of(connection: AsyncConnection, message_ids: Collection[str]) -> dict[str, Any]:
    """The fetch of each of these inbound messages that has one."""
    if not message_ids:
        return {}
    query = select(fetches).where(fetches.c.id.in_(message_ids))
    return {row.id: row for row in await connection.execute(query)}


#: What must be known to finish fetches: the row, and the message that it is for.
FINISHED_COLUMNS = (
    fetches.c.id,
    fetches.c.status,
    *_REQUEST,
    messages.c.text,
    messages.c.position,
    messages.c.provider_message_id,
    messages.c.created_at,
    messages.c.received_at,
    messages.c.decision,
)
