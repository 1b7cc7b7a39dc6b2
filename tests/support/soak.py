"""The soak: a bot is killed again and again while its texts arrive and ACS storms; at the end nothing may be amiss.

Every phone texts once. `run` gives a `Verdict`; its faults are what a phone or a person at the console would find
wrong.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import text

from bot.storage.database import Database
from tests.support.azure_model import Outcome, Progress, Texts, peer_of
from tests.support.processes import assert_no_fault
from tests.support.stand import Stand
from tests.support.storm import Sms, Storm

#: A third of the calls goes wrong in one way or another, and one in five takes up to two seconds. Reports overtake the
#: answers of their own calls, come up to three times, and one message in fifty has two that contradict each other.
STORM = Storm(
    throttled=0.10,
    failed=0.08,
    reset=0.04,
    lost=0.06,
    broken=0.04,
    latency=0.1,
    slow=0.2,
    report_delay=3.0,
    report_copies=3,
    reports_failed=0.05,
    reports_contradict=0.02,
)
FINAL = {"delivered", "failed", "suppressed", "unconfirmed"}
#: Seconds without any progress after which the round is over, however it stands.
PATIENCE = 90.0
#: Seconds that a start is taken to last before one has been seen.
FIRST_START = 1.5
#: The part of the lives that end before the bot is up.
KILLED_AT_START = 0.2
#: Faults that are told one by one.
MOST_TOLD = 20


class Plan(Struct, frozen=True, kw_only=True):
    """What a round consists of."""

    messages: int
    kills: int
    seed: int
    #: Seconds that a life lasts on average once the bot is up; as long as a start takes, where that is more. Else the
    #: bot of a slow machine would be dead nearly always, ACS's five minutes would pass before it could ask again what
    #: became of a call, and `unconfirmed` would be right for a phone that got nothing.
    life: float = 4.0
    #: Our numbers: each is a lane.
    lanes: int = 10
    #: How many times faster than Azure the Event Grid comes again; ACS, its five-minute window and the bot keep to the
    #: real time. At 60 an event that was refused comes after a sixth of a second, then half, 1, 5, 10, 10 ...
    pace: float = 60.0
    storm: Storm = STORM
    #: None: a fresh SQLite file.
    database_url: str | None = None


class Moment(Struct, frozen=True, kw_only=True):
    """How far a round has come."""

    phase: Literal["texts arrive", "the backlog drains", "the books are compared"]
    kills: int
    azure: Progress


class Verdict(Struct, frozen=True, kw_only=True):
    """What came of it."""

    seconds: float
    kills: int
    kills_at_start: int
    azure: Progress
    #: State → messages, as the bot has them and as the newest reports of ACS say.
    bot_states: dict[str, int]
    acs_states: dict[str, int]
    log_lines: int
    faults: list[str]


def run(plan: Plan, folder: Path, tell: Callable[[Moment], None] = lambda _: None) -> Verdict:
    """Run a round in an empty folder."""
    chance = random.Random(plan.seed)
    started = time.monotonic()
    stand = Stand(folder, database_url=plan.database_url, lanes=plan.lanes, pace=plan.pace, seed=plan.seed)
    with stand:
        stand.azure.set_storm(plan.storm)
        lives = [_Life(plan, chance, place) for place in range(plan.kills)]
        start = FIRST_START
        for life in lives:
            start = life.live(stand, start, lambda kills: tell(_moment(stand, "texts arrive", kills)))
        stand.bot.start()
        texted = sum(life.texts for life in lives)
        stand.azure.text(Texts(first=texted, count=plan.messages - texted, seconds=2, copies=3))
        drain(stand, plan.messages, lambda: tell(_moment(stand, "the backlog drains", plan.kills)))
        tell(_moment(stand, "the books are compared", plan.kills))
        wait_for_settlements(stand)
        assert stand.bot.stop() == 0
        lines = sum(read_log(path) for path in folder.glob("serve-*.log"))
        outcome = stand.azure.outcome()
        rows = asyncio.run(read_books(stand.bot.environ["BOT_DATABASE_URL"]))
        return Verdict(
            seconds=time.monotonic() - started,
            kills=plan.kills,
            kills_at_start=sum(life.ends_at_start for life in lives),
            azure=stand.azure.progress(),
            bot_states=dict(Counter(row["status"] for row in rows if row["direction"] == "outbound")),
            acs_states=dict(Counter(sms.reported or "sent" for sms in outcome.sent)),
            log_lines=lines,
            faults=find_faults(plan.messages, rows, outcome),
        )


class _Life:
    """From a start of the bot to its SIGKILL, and the texts that arrive meanwhile and while it is dead."""

    def __init__(self, plan: Plan, chance: random.Random, place: int) -> None:
        self._plan = plan
        self._place = place
        self.ends_at_start = chance.random() < KILLED_AT_START
        #: When it ends, as a part of a start, or of twice the life that is due.
        self._end = chance.random()
        self.texts = plan.messages // (plan.kills + 1)

    def live(self, stand: Stand, start: float, tell: Callable[[int], None]) -> float:
        """Start the bot, let phones text it, kill it. Given the seconds that a start took, how many this one did."""
        length = self._end * (start if self.ends_at_start else 2 * max(self._plan.life, start))
        seconds = length + (0 if self.ends_at_start else start)
        stand.azure.text(Texts(first=self._place * self.texts, count=self.texts, seconds=seconds, copies=3))
        began = time.monotonic()
        process = stand.bot.launch()
        if not self.ends_at_start:
            process.wait_for(r"(Listening on) ", seconds=120)
            start = time.monotonic() - began
        end = time.monotonic() + length
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.5))
            tell(self._place)
        process.kill()
        assert_no_fault(process.printed())
        return start


def drain(stand: Stand, messages: int, tell: Callable[[], None]) -> None:
    """Return when everything has arrived on both sides, or nothing moves any more."""
    last: Progress | None = None
    moved = time.monotonic()
    while True:
        progress = stand.azure.progress()
        if progress.sent >= messages and not progress.waiting:
            return
        if last is None or (progress.sent, progress.delivered) != (last.sent, last.delivered):
            last, moved = progress, time.monotonic()
        if time.monotonic() - moved > PATIENCE:
            return
        tell()
        time.sleep(0.25)


def wait_for_settlements(stand: Stand, seconds: float = 60) -> None:
    """Until the bot has no message under way; it may have lost the answer to a call and not have asked again yet."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(stand.bot.get("/conversations", delivery=state)["items"] for state in ("queued", "sent")):
            return
        time.sleep(0.5)


def _moment(stand: Stand, phase: Any, kills: int) -> Moment:
    return Moment(phase=phase, kills=kills, azure=stand.azure.progress())


def read_log(path: Path) -> int:
    printed = path.read_text("utf-8", "replace")
    assert_no_fault(printed)
    return printed.count("\n")


async def read_books(url: str) -> list[dict[str, Any]]:
    """Every message as the bot has it; a row without a peer is an event or a report that it could not place."""
    database = Database(url)
    try:
        async with database.reading() as connection:
            query = (
                "SELECT c.peer, m.direction, m.status, m.provider_message_id, m.number, m.text, m.last_error"
                " FROM messages m JOIN conversations c ON c.id = m.conversation_id"
            )
            rows = [dict(row) for row in (await connection.execute(text(query))).mappings()]
            query = (
                "SELECT NULL AS peer, 'rejected event' AS direction, reason AS text FROM rejected_events"
                " UNION ALL SELECT NULL, 'report without a message', raw FROM delivery_reports WHERE message_id IS NULL"
            )
            rows += [dict(row) for row in (await connection.execute(text(query))).mappings()]
            return [{"status": None} | row for row in rows]
    finally:
        await database.close()


def find_faults(messages: int, rows: list[dict[str, Any]], outcome: Outcome) -> list[str]:
    """Wherever a phone, ACS and the bot's own books do not agree."""
    faults = list(outcome.troubles)
    faults += [f"{row['direction']}: {row['text']}" for row in rows if row["peer"] is None]
    sent: dict[str, list[Sms]] = {}
    for sms in outcome.sent:
        sent.setdefault(sms.peer, []).append(sms)
    heard = Counter(row["peer"] for row in rows if row["direction"] == "inbound")
    replies: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["direction"] == "outbound":
            replies.setdefault(row["peer"], []).append(row)
    phones = [peer_of(place) for place in range(messages)]
    for stranger in (sent.keys() | heard.keys() | replies.keys()) - set(phones) - {None}:
        faults.append(f"{stranger}: never texted, and is known")
    for phone in phones:
        if said := _fault_of(heard[phone], replies.get(phone, []), sent.get(phone, [])):
            faults.append(f"{phone}: {said}")
    return faults


def _fault_of(heard: int, replies: list[dict[str, Any]], sent: list[Sms]) -> str | None:
    if heard != 1:
        return f"its text is stored {heard} times"
    if len(replies) != 1:
        return f"has {len(replies)} replies in the bot's books"
    (reply,) = replies
    if len(sent) != 1:
        pairs = ", ".join(f"{sms.message_id} by {sms.repeatability_id}" for sms in sent)
        return f"got {len(sent)} SMS ({pairs}); the bot has it as {json.dumps(reply)}"
    (sms,) = sent
    if reply["status"] not in FINAL:
        return f"its reply stays {reply['status']} ({reply['last_error']})"
    if reply["status"] != sms.reported:
        return f"its reply is {reply['status']} and the newest report says {sms.reported}"
    mine = (reply["provider_message_id"], reply["number"], reply["text"])
    theirs = (sms.message_id, sms.number, sms.text)
    return None if mine == theirs else f"the bot has {mine} and ACS has {theirs}"


def in_words(faults: list[str]) -> str:
    """The first of the faults, a line each."""
    more = [f"and {len(faults) - MOST_TOLD:,} more"] if len(faults) > MOST_TOLD else []
    return "\n".join([*faults[:MOST_TOLD], *more])
