"""Two messages of one person that reach two replicas at the same moment: of flows, codes and votes 200 each.

    .venv/bin/python -m benchmarks.halves_soak [--people 200] [--rounds 1]

Both replicas are processes on one PostgreSQL. Each of the two messages goes to another one, in posts that leave
together. What is right, `tests/support/halves.py` says. Exit status 0, or 1 with what is wrong.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from bot.storage.answer_tables import answers
from bot.storage.database import Database
from tests.support.acs import Acs
from tests.support.events import a_number, received
from tests.support.halves import AGES, RULES, TEXTS, Halves, Kind, coupons, faults_of, time_of
from tests.support.postgresql import postgresql_server
from tests.support.processes import SECRET, Bot, run_bot, until

#: People whose messages are under way at the same time.
_AT_ONCE = 8


class Talks:
    """People who text two replicas."""

    def __init__(self, bots: list[Bot], client: httpx.AsyncClient) -> None:
        self._bots = bots
        self._client = client
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def text(self, kind: Kind, peer: str) -> None:
        """One person: what comes first, and once that is taken both halves."""
        before, *halves = TEXTS[kind]
        now = time.time()
        times = [time_of(now - each) for each in AGES]
        async with self._places:
            if before is not None:
                await self._post(self._bots[0], received(peer, before, ReceivedTimestamp=times[0]))
            await asyncio.gather(
                *(
                    self._post(bot, received(peer, text, ReceivedTimestamp=at))
                    for bot, text, at in zip(self._bots, halves, times[1:], strict=True)
                )
            )

    async def _post(self, bot: Bot, event: dict[str, Any]) -> None:
        answer = await self._client.post(
            f"{bot.url}/events", params={"code": SECRET}, json=[event],
            headers={"aeg-event-type": "Notification"},
        )  # fmt: skip
        answer.raise_for_status()


async def text_all(bots: list[Bot], people: dict[str, Kind]) -> None:
    """Let all of them text."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        talks = Talks(bots, client)
        await asyncio.gather(*(talks.text(kind, peer) for peer, kind in people.items()))


async def rows_of(url: str) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """The rows of answers of each person."""
    database = Database(url)
    found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    async with database.reading() as connection:
        for row in await connection.execute(select(answers.c.peer, answers.c.status, answers.c.content)):
            found.setdefault(row.peer, []).append((row.status, row.content))
    await database.close()
    return found


def run(url: str, folder: Path, count: int) -> list[str]:
    """One round; what is wrong."""
    acs = Acs(folder)
    bots = []
    for name in ("one", "other"):
        rules = folder / name / "rules"
        rules.mkdir(parents=True)
        (rules / "rules.yaml").write_text(RULES)
        (rules / "coupons.csv").write_text(coupons(10 * count))
        bots.append(Bot(folder / name, acs=acs.connection_string, database_url=url))
    people: dict[str, Kind] = {a_number(): kind for kind in TEXTS for _ in range(count)}
    try:
        for bot in bots:
            bot.start()
        asyncio.run(text_all(bots, people))
        # A reply for each message; an end that does not come is told as what is missing.
        expected = sum(text is not None for kind in people.values() for text in TEXTS[kind])
        until(lambda: len(acs.all_messages()) >= expected, seconds=300, what="all SMS")
        sent: dict[str, list[str]] = {}
        for sms in acs.all_messages():
            sent.setdefault(sms["to"], []).append(sms["text"])
        kept = asyncio.run(rows_of(url))
        found = [
            Halves(
                kind=kind,
                peer=peer,
                talk=[(each["direction"], each["text"]) for each in bots[0].messages(peer)],
                sent=sent.get(peer, []),
                answers=kept.get(peer, []),
            )
            for peer, kind in people.items()
        ]
        for bot in bots:
            assert bot.stop() == 0
    finally:
        for bot in bots:
            bot.close()
        acs.close()
    crossed = sum(each.kind == "flow" and each.is_crossed for each in found)
    print(f"{len(found)} people, {count} of each kind; of the flows {crossed} were decided second half first")
    return faults_of(found)


def main() -> int:
    """Run the rounds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=200, help="of each kind")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    faults = []
    with postgresql_server() as server, tempfile.TemporaryDirectory(prefix="halves-") as text:
        for place in range(given.rounds):
            url = server.database()
            folder = Path(text, str(place))
            folder.mkdir()
            done = run_bot("db", "upgrade", folder=folder, environ={"BOT_DATABASE_URL": url})
            if done.returncode:
                raise SystemExit(done.stderr)
            faults += run(url, folder, given.people)
    print("\n".join(faults) or "All right.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
