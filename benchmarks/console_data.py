"""A month of conversations, straight into the tables: what `console.py` asks its questions of.

    .venv/bin/python benchmarks/console_data.py sqlite+aiosqlite:////tmp/console.db

A message's hour follows the clock of a shop; a few peers write much and most write little; what the rules said, how
carriers reported and what went wrong is spread as it might be. The same seed makes the same month, ending now.
"""

import argparse
import asyncio
import heapq
import itertools
import json
import random
import sqlite3
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from sqlalchemy import Table
from sqlalchemy.engine import make_url

from benchmarks.console_phrases import FATES, RULES, TAGS
from bot.storage.database import Database
from bot.storage.tables import (
    conversations,
    delivery_reports,
    incidents,
    messages,
    rejected_events,
    status_changes,
)

DAYS = 30
NUMBERS = ("+15555550100", "+15555550110", "+18885550100")
BOOK = "0123456789ab"
#: Moments at which somebody may write, for each message that comes of it.
MOMENTS = 0.56
#: How busy a shop's telephone is by the hour, in UTC.
HOURS = (1, 1, 1, 1, 2, 4, 10, 24, 40, 52, 60, 62, 58, 50, 48, 50, 55, 60, 52, 36, 20, 10, 5, 2)
TABLES = (conversations, messages, status_changes, delivery_reports, rejected_events, incidents)

Row = dict[str, Any]

_made = itertools.count()


def new_id(seconds: float, dice: random.Random) -> str:
    """A UUIDv7 of that moment."""
    stamp, chance = f"{int(seconds * 1000):012x}", f"{dice.getrandbits(60):015x}"
    # A counter where another one may stand: ids of the same moment sort as they were made, as the bot's do.
    return f"{stamp[:8]}-{stamp[8:]}-7{next(_made) % 4096:03x}-8{chance[:3]}-{chance[3:]}"


class Month:
    """A month of talk that ends at a moment."""

    def __init__(self, *, count: int, peers: int, seed: int, end: float) -> None:
        self._dice = random.Random(seed)
        self._end = end
        self._moments = _moments(count, self._dice, end)
        self._who = _who(peers, self._dice)
        self._talks: list[Row | None] = [None] * peers
        #: What is written of messages after their birth, by its time.
        self._later: list[tuple[float, int, Table, Row]] = []
        self._order = itertools.count()
        self._opt_outs: dict[str, str] = {}

    def rows(self) -> Iterator[tuple[Table, Row]]:
        """Every row, in the order in which it would have been written, conversations at the end."""
        for seconds in self._moments:
            while self._later and self._later[0][0] <= seconds:
                yield heapq.heappop(self._later)[2:]
            yield from self._hear(seconds)
        while self._later:
            yield heapq.heappop(self._later)[2:]
        yield from self._rejected()
        for talk in self._talks:
            if talk is not None:
                yield conversations, talk
                if talk["id"] in self._opt_outs:
                    yield incidents, self._incident(talk, "opt-out", self._opt_outs[talk["id"]])
                if talk["handed_over"] and talk["unanswered_since"]:
                    yield incidents, self._incident(talk, "handover", None)

    def _hear(self, seconds: float) -> Iterator[tuple[Table, Row]]:
        """Somebody writes, and is answered."""
        dice, peer, at = self._dice, next(self._who), _at(seconds)
        talk = self._talks[peer]
        if talk is None:
            talk = self._talks[peer] = _talk(peer, new_id(seconds, dice), at, dice)
        elif (talk["opted_out"] and dice.random() < 0.97) or (talk["handed_over"] and dice.random() < 0.5):
            return  # who left has little to say, and who waits for a person waits
        ((rule, _, heard, said),) = dice.choices(RULES, [each[1] for each in RULES])
        text, message_id = _fill(dice.choice(heard), dice), new_id(seconds, dice)
        guard = "handed over" if talk["handed_over"] else "opted out" if talk["opted_out"] else None
        decision = self._decision(talk, rule, guard, text, message_id)
        yield messages, _message(
            talk, message_id, at, text, direction="inbound", status="received", rule=rule, decision=decision,
            provider_message_id=f"Incoming_{message_id}", received_at=at - timedelta(seconds=1.5),
        )  # fmt: skip
        talk["opted_out"] = talk["opted_out"] or rule == "stop"
        replies = () if guard == "handed over" else said if rule != "booking" else (dice.choice(said),)
        for reply in replies:
            yield self._reply(talk, seconds, rule, reply, message_id, is_suppressed=guard == "opted out")
        if talk["handed_over"] and dice.random() < 0.6 and seconds + 700 < self._end:
            yield self._ada(talk, seconds + dice.random() * 600)
            return
        self._remember(talk, seconds, rule, guard)
        waits = talk["handed_over"] or (not replies and rule != "thanks")
        talk["unanswered_since"] = at if waits and not talk["opted_out"] else None

    def _decision(self, talk: Row, rule: str | None, guard: str | None, text: str, message_id: str) -> Row:
        """What a message's row says of why it got its answer."""
        decision: Row = {"rule": rule, "key": _key(rule)} if rule else {}
        if guard:
            decision["guard"] = guard
        if text.startswith("please take me off"):
            decision["marks"] = ["may be an opt-out"]
            if self._dice.random() < 0.1:  # the others were seen to
                self._opt_outs[talk["id"]] = message_id
        return decision

    def _remember(self, talk: Row, seconds: float, rule: str | None, guard: str | None) -> None:
        """What a rule leaves in the conversation."""
        if rule == "person" and not guard:
            talk["handed_over"] = self._dice.random() < 0.4
        if rule == "booking":
            flow = {"rule": "booking", "awaits": "day", "answers": {}, "misses": 0, "touched": seconds}
            talk["memory"] = {"flow": flow} if self._dice.random() < 0.3 else None

    def _reply(
        self, talk: Row, seconds: float, rule: str | None, reply: str, to: str, *, is_suppressed: bool
    ) -> tuple[Table, Row]:
        dice = self._dice
        born = "suppressed" if is_suppressed else "queued"
        row = _message(
            talk, new_id(seconds, dice), _at(seconds), _fill(reply, dice), direction="outbound", status=born,
            rule=rule, in_reply_to=to, number=talk["number"],
        )  # fmt: skip
        talk |= {"latest_outbound_id": row["id"], "delivery": born}
        if is_suppressed:
            return messages, row | {"status_details": "The recipient has opted out."}
        ((status, _, details),) = dice.choices(FATES, [each[1] for each in FATES])
        age = self._end - seconds
        if age < 20:
            status, details = "queued", None
        elif age < 90 and status != "failed":
            status, details = "sent", None
        self._deliver(talk, row, seconds, status, details)
        return messages, row

    def _ada(self, talk: Row, seconds: float) -> tuple[Table, Row]:
        """A person answers and hands the conversation back."""
        row = _message(
            talk, new_id(seconds, self._dice), _at(seconds), "This is Ada. How can I help?", direction="outbound",
            status="queued", rule=None, number=talk["number"],
        )  # fmt: skip
        talk |= {"latest_outbound_id": row["id"], "delivery": "queued"}
        talk |= {"handed_over": False, "unanswered_since": None}
        self._deliver(talk, row, seconds, "delivered", "No error.")
        return messages, row

    def _deliver(self, talk: Row, row: Row, seconds: float, status: str, details: str | None) -> None:
        for table, later in _delivered(talk, row, seconds, status, details, self._dice):
            heapq.heappush(self._later, (later.pop("_at"), next(self._order), table, later))

    def _rejected(self) -> Iterator[tuple[Table, Row]]:
        for at in range(40):
            arrived = _at(self._end - at * 50_000)
            raw = json.dumps({"odd": at, "text": "<script>alert(1)</script>"})
            yield rejected_events, {
                "id": new_id(arrived.timestamp(), self._dice), "digest": f"{at:064x}", "arrived_at": arrived,
                "reason": "It has no eventType or type: an object with odd, text.", "raw": raw,
            }  # fmt: skip

    def _incident(self, talk: Row, kind: str, message_id: str | None) -> Row:
        at = talk["last_message_at"]
        return {
            "id": new_id(at.timestamp(), self._dice), "conversation_id": talk["id"], "kind": kind, "reason": kind,
            "message_id": message_id, "opened_at": at,
        }  # fmt: skip


def _moments(count: int, dice: random.Random, end: float) -> list[float]:
    start = end - DAYS * 86_400
    slots = [start + hour * 3_600 for hour in range(DAYS * 24)]
    weights = [HOURS[datetime.fromtimestamp(slot, UTC).hour] for slot in slots]
    weights[-1] = max(weights[-1], 60)  # whenever this runs, the last hour is a busy one
    return sorted(
        slot + dice.random() * 3_600 for slot in dice.choices(slots, weights, k=int(count * MOMENTS))
    )


def _who(peers: int, dice: random.Random) -> Iterator[int]:
    everybody = list(range(peers))
    dice.shuffle(everybody)
    while True:
        for one in everybody:
            yield one
            for _ in range(dice.choice((0, 3, 8))):
                yield int(dice.random() ** 2 * peers)


def _talk(peer: int, talk_id: str, at: datetime, dice: random.Random) -> Row:
    tags = [tag for tag, percent in TAGS if dice.random() * 100 < percent / 4]
    return {
        "id": talk_id, "number": NUMBERS[0 if peer % 10 < 8 else 1 + peer % 2], "opted_out": False,
        "handed_over": False,
        "peer": f"+1555{peer * 7_919 % 10_000_000:07d}" if peer % 5 else f"+336{peer * 7_919 % 100_000_000:08d}",
        "tags": tags or None, "memory": None, "last_position": 0, "last_message_at": at, "last_text": "",
        "latest_outbound_id": None, "delivery": None, "created_at": at, "unanswered_since": None,
    }  # fmt: skip


def _message(talk: Row, message_id: str, at: datetime, text: str, **more: Any) -> Row:
    talk["last_position"] += 1
    talk |= {"last_message_at": at, "last_text": text}
    row = {
        "id": message_id, "conversation_id": talk["id"], "position": talk["last_position"], "text": text,
        "status_details": None, "provider_message_id": None, "in_reply_to": None, "segments": 1,
        "encoding": "GSM-7" if text.isascii() else "UCS-2", "created_at": at, "updated_at": at, "received_at": None,
        "decision": None, "book_version": BOOK, "number": None, "exempt": None, "attempts": 0, "next_try_at": None,
        "last_error": None, "repeatability_id": None, "first_sent_at": None, "outcome_unknown": False,
        "reported_at": None,
    }  # fmt: skip
    return row | more


def _delivered(
    talk: Row, row: Row, seconds: float, status: str, details: str | None, dice: random.Random
) -> Iterator[tuple[Table, Row]]:
    """What is written of a reply after its birth, each with its time; `row` becomes what it is at the end."""
    if status == "queued":
        return
    accepted = seconds + min(dice.lognormvariate(-3.2, 0.7), 600)
    provider = f"Outgoing_{row['id']}"
    refused = (
        status == "failed" and details is not None and not details[:1].isdigit() and "Code" not in details
    )
    states: list[tuple[float, str, str | None]] = [] if refused else [(accepted, "sent", None)]
    if status != "sent":
        final = accepted if refused else accepted + min(dice.lognormvariate(1, 0.8), 7_200)
        states.append((final, status, details))
    row |= {
        "status": states[-1][1], "status_details": states[-1][2], "updated_at": _at(states[-1][0]), "attempts": 1,
        "repeatability_id": row["id"], "first_sent_at": row["created_at"],
        "provider_message_id": None if refused else provider,
    }  # fmt: skip
    if talk["latest_outbound_id"] == row["id"]:
        talk["delivery"] = states[-1][1]
    for moment, state, words in states:
        yield (
            status_changes,
            {"message_id": row["id"], "status": state, "at": _at(moment), "details": words, "_at": moment},
        )
    if status in ("delivered", "failed", "unconfirmed") and not refused:
        moment = states[-1][0]
        said = "Delivered" if status == "delivered" else "Failed"
        row["reported_at"] = _at(moment)
        raw = json.dumps(
            {"MessageId": provider, "DeliveryStatus": said, "DeliveryStatusDetails": details, "Tag": "t"}
        )
        yield delivery_reports, {
            "key": f"{provider}|{said}|{moment}", "provider_message_id": provider, "message_id": row["id"],
            "status": said, "details": details, "reported_at": _at(moment), "arrived_at": _at(moment), "raw": raw,
            "_at": moment,
        }  # fmt: skip


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _key(rule: str | None) -> str:
    return "anything" if rule == "anything-else" else f'keyword "{rule}"'


def _fill(text: str, dice: random.Random) -> str:
    return text.format(n=dice.randrange(100_000, 1_000_000), d=dice.randrange(1, 9)) if "{" in text else text


async def fill(url: str, *, count: int, peers: int, seed: int = 1) -> float:
    """Make the schema and put a month into it; the seconds that it took."""
    started = time.monotonic()
    database = Database(url)
    await database.upgrade()
    await database.close()
    rows = Month(count=count, peers=peers, seed=seed, end=time.time()).rows()
    if make_url(url).get_backend_name() == "sqlite":
        _fill_sqlite(make_url(url).database or "", rows)
    else:
        await _fill_postgresql(url.replace("+asyncpg", ""), rows)
    return time.monotonic() - started


def _chunks(rows: Iterable[tuple[Table, Row]], size: int) -> Iterator[dict[str, list[Row]]]:
    """The rows by table, so many at a time, conversations at the very end."""
    chunk: dict[str, list[Row]] = {}
    for at, (table, row) in enumerate(rows, 1):
        chunk.setdefault(table.name, []).append(row)
        if at % size == 0:
            yield chunk
            chunk = {}
    yield chunk


def _columns(table: Table, row: Row) -> list[str]:
    return [name for name in table.c.keys() if name in row]  # noqa: SIM118 - not a dict


def _fill_sqlite(path: str, rows: Iterable[tuple[Table, Row]]) -> None:
    def plain(value: Any) -> Any:
        if isinstance(value, datetime):
            return value.isoformat(timespec="microseconds")
        return json.dumps(value, separators=(",", ":")) if isinstance(value, dict | list) else value

    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000", "foreign_keys=OFF"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN")
    for chunk in _chunks(rows, 50_000):
        for table in TABLES:
            some = chunk.get(table.name)
            if some:
                names = _columns(table, some[0])
                marks = ",".join("?" * len(names))
                sql = f"INSERT INTO {table.name} ({','.join(names)}) VALUES ({marks})"
                connection.executemany(sql, [[plain(row[name]) for name in names] for row in some])
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()


async def _fill_postgresql(url: str, rows: Iterable[tuple[Table, Row]]) -> None:
    connection = await asyncpg.connect(url)
    await connection.set_type_codec(
        "json",
        encoder=lambda value: json.dumps(value).encode(),
        decoder=json.loads,
        schema="pg_catalog",
        format="binary",
    )
    await connection.execute(
        "SET session_replication_role = replica"
    )  # foreign keys hold without being looked at
    async with connection.transaction():
        for chunk in _chunks(rows, 50_000):
            for table in TABLES:
                some = chunk.get(table.name)
                if some:
                    names = _columns(table, some[0])
                    records = [[row[name] for name in names] for row in some]
                    await connection.copy_records_to_table(table.name, records=records, columns=names)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


def main() -> None:
    """Fill a database that is named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("database", help="the URL of an empty database")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--conversations", type=int, default=100_000)
    given = parser.parse_args()
    seconds = asyncio.run(fill(given.database, count=given.messages, peers=given.conversations))
    print(f"{given.messages:,} messages in {given.conversations:,} conversations, in {seconds:.0f} s")


if __name__ == "__main__":
    main()
