"""Votes and coupons while a bot is killed: each event comes in three copies, in any order, until it is answered 200.

Each vote has the time at which it was written, and of the votes of one person the newest counts, so the tally is known
before the first event is sent.
"""

import asyncio
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from msgspec import Struct
from sqlalchemy import select

from bot.storage.answer_tables import answers, codes_given
from bot.storage.database import Database
from bot.storage.tables import conversations, messages
from tests.support.acs import Acs
from tests.support.events import received
from tests.support.processes import SECRET, Bot
from tests.support.sockets import NO_AUTHORITIES

RULES = """\
rules:
  - name: vote
    when: {pattern: '^vote (?P<option>[a-d])$'}
    record: {option: "{{ option | upcase }}"}
    once: replace
    reply: "Counted."
  - name: coupon
    when: {exact: coupon}
    code: {from: coupons.csv, save: code, missing: "All coupons are gone."}
    reply: "Your code is {{ code }}."
"""
_BEGAN = datetime(2026, 1, 5, 12, tzinfo=UTC)
_BATCH = 25
_CALLERS = 4


class VotePlan(Struct, frozen=True, kw_only=True):
    """What a round consists of."""

    votes: int
    #: People who want a coupon, and the coupons there are.
    people: int
    coupons: int
    kills: int
    seed: int
    database_url: str | None = None


class VoteOutcome(Struct, frozen=True, kw_only=True):
    """What came of it."""

    seconds: float
    calls: int
    #: Calls that no bot answered with 200, and that were made again.
    refused: int
    tally: dict[str, int]
    faults: list[str]


def run_votes(plan: VotePlan, folder: Path) -> VoteOutcome:
    """Run a round in an empty folder."""
    dice = random.Random(plan.seed)
    rules = folder / "bot" / "rules"
    rules.mkdir(parents=True)
    (rules / "rules.yaml").write_text(RULES)
    (rules / "coupons.csv").write_text("".join(f"{line}\n" for line in ["code", *_codes(plan)]))
    acs = Acs(folder)
    bot = Bot(
        folder / "bot", acs=acs.connection_string, database_url=plan.database_url,
        BOT_REPLIES_PER_HOUR="1000", BOT_REPEATS_PER_HOUR="1000",
    )  # fmt: skip
    started = time.monotonic()
    try:
        bot.start()
        calls = _calls(plan, dice)
        refused = _post_all(bot, calls, plan.kills, dice)
        api = bot.get("/answers/vote/summary")
        assert bot.stop() == 0
        faults = asyncio.run(_faults(plan, bot.environ["BOT_DATABASE_URL"]))
        (option,) = api["fields"]
        expected = _tally(plan)
        if option["counts"] != expected or api["finished"] != sum(expected.values()):
            faults.append(
                f"the tally is {option['counts']} of {api['finished']}, and it should be {expected}"
            )
    finally:
        bot.close()
        acs.close()
    return VoteOutcome(
        seconds=time.monotonic() - started,
        calls=len(calls),
        refused=refused,
        tally=option["counts"],
        faults=faults,
    )


def _codes(plan: VotePlan) -> list[str]:
    return [f"SAVE-{number:05}" for number in range(plan.coupons)]


def _votes(plan: VotePlan) -> list[tuple[str, str, datetime]]:
    """Of each vote who, what, and when: two of three people change their minds, some of them twice."""
    dice = random.Random(plan.seed + 1)
    people = max(plan.votes // 2, 1)
    return [
        (_peer(number % people), dice.choice("aabbbccd"), _BEGAN + timedelta(seconds=number))
        for number in range(plan.votes)
    ]


def _tally(plan: VotePlan) -> dict[str, int]:
    last = {who: what.upper() for who, what, _ in sorted(_votes(plan), key=lambda vote: vote[2])}
    return dict(Counter(last.values()))


def _peer(number: int) -> str:
    return f"+1555{3_000_000 + number:07}"


def _calls(plan: VotePlan, dice: random.Random) -> list[list[dict[str, Any]]]:
    """The bodies of all calls: each event in three copies, everything in any order."""
    texts = [(who, f"vote {what}", at) for who, what, at in _votes(plan)]
    texts += [(_peer(number + 5_000_000), "coupon", _BEGAN) for number in range(plan.people)]
    events = [
        received(who, text, MessageId=f"Incoming_{place}", ReceivedTimestamp=f"{at:%Y-%m-%dT%H:%M:%S}Z")
        for place, (who, text, at) in enumerate(texts)
    ]
    copies = events * 3
    dice.shuffle(copies)
    return [copies[start : start + _BATCH] for start in range(0, len(copies), _BATCH)]


def _post_all(bot: Bot, calls: list[list[dict[str, Any]]], kills: int, dice: random.Random) -> int:
    """Make every call until it is answered 200, and kill the bot at random moments of it; how many were not."""
    part = -(-len(calls) // (kills + 1))
    refused = 0
    with ThreadPoolExecutor(_CALLERS) as pool:
        for number in range(kills + 1):
            mine = calls[number * part : (number + 1) * part]
            waiting = [pool.submit(_post, bot, call) for call in mine]
            if number < kills:
                while sum(each.done() for each in waiting) < len(mine) * dice.uniform(0.2, 0.9):
                    time.sleep(0.01)
                bot.kill()
                bot.start()
            left = [call for call, each in zip(mine, waiting, strict=True) if not each.result()]
            refused += len(left)
            while left:
                left = [call for call in left if not _post(bot, call)]
    return refused


def _post(bot: Bot, events: list[dict[str, Any]]) -> bool:
    """Whether the call was answered 200."""
    try:
        answer = httpx.post(
            f"{bot.url}/events", params={"code": SECRET}, json=events,
            headers={"aeg-event-type": "Notification"}, timeout=30, trust_env=False, verify=NO_AUTHORITIES,
        )  # fmt: skip
    except httpx.HTTPError:
        return False
    return answer.status_code == 200


async def _faults(plan: VotePlan, url: str) -> list[str]:
    """What is wrong in the database."""
    database = Database(url)
    try:
        async with database.reading() as connection:
            rows = (await connection.execute(select(answers.c.peer, answers.c.content))).all()
            given = (await connection.execute(select(codes_given.c.code, codes_given.c.peer))).all()
            said = select(conversations.c.peer, messages.c.text).join_from(messages, conversations)
            told = (await connection.execute(said.where(messages.c.direction == "outbound"))).all()
    finally:
        await database.close()
    faults = []
    last = {who: what.upper() for who, what, _ in sorted(_votes(plan), key=lambda vote: vote[2])}
    if {row.peer: row.content["option"] for row in rows} != last or len(rows) != len(last):
        faults.append(f"{len(rows)} rows of votes, of which not all are the last ones of their people")
    heard = {peer: text for peer, text in told if text != "Counted."}
    codes = [text for text in heard.values() if text.startswith("Your code is ")]
    gone = [text for text in heard.values() if text == "All coupons are gone."]
    few = min(plan.people, plan.coupons)
    if len(set(codes)) != len(codes) or len(codes) != few or len(gone) != plan.people - few:
        faults.append(
            f"{len(codes)} codes were said, {len(set(codes))} of them different, and {len(gone)} none"
        )
    if {f"Your code is {row.code}." for row in given} != set(codes) or len(given) != few:
        faults.append(f"{len(given)} codes are given, and they are not those that were said")
    if len(told) != plan.votes + plan.people:
        faults.append(f"{len(told)} replies to {plan.votes + plan.people} messages")
    return faults
