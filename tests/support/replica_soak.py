"""The soak of replicas: several on one PostgreSQL are killed at random while it is restarted, or fails over, and ACS
storms.

Every phone texts once; the faults are those of `tests.support.soak`.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from tests.support.azure_model import Progress, Texts
from tests.support.message_traces import Trace, as_replica, keep_steps, recorded_steps, traces_of
from tests.support.processes import assert_no_fault, run_bot
from tests.support.soak import STORM, drain, find_faults, read_books, read_log, wait_for_settlements
from tests.support.stand import Stand
from tests.support.storm import Storm


class ReplicaPlan(Struct, frozen=True, kw_only=True):
    """What a round consists of."""

    messages: int
    kills: int
    seed: int
    replicas: int = 3
    #: Seconds over which the texts arrive; the kills are spread over them.
    seconds: float = 240.0
    lanes: int = 10
    #: As in `tests.support.soak.Plan`.
    pace: float = 60.0
    storm: Storm = STORM


class ReplicaVerdict(Struct, frozen=True, kw_only=True):
    """What came of it."""

    seconds: float
    azure: Progress
    #: State → messages, as the bot has them.
    states: dict[str, int]
    log_lines: int
    faults: list[str]
    #: What happened to messages, each with the ids of those to which it did.
    traces: dict[Trace, list[str]]


def run_replicas(
    plan: ReplicaPlan,
    url: str,
    break_database: Callable[[], None],
    folder: Path,
    tell: Callable[[str, Progress], None],
) -> ReplicaVerdict:
    """Run a round in an empty folder, on this empty database, which is broken once, in the middle."""
    dice = random.Random(plan.seed)
    started = time.monotonic()
    folder.mkdir()
    done = run_bot("db", "upgrade", folder=folder, environ={"BOT_DATABASE_URL": url})
    assert done.returncode == 0, done.stderr
    keep_steps(url)
    stand = Stand(
        folder, database_url=url, lanes=plan.lanes, pace=plan.pace, seed=plan.seed, replicas=plan.replicas,
        keeps_calls=True,
    )  # fmt: skip
    for place, bot in enumerate(stand.bots):
        bot.environ["BOT_DATABASE_URL"] = as_replica(url, place)
    with stand:
        stand.azure.set_storm(plan.storm)
        for bot in stand.bots:
            bot.start()
        stand.azure.text(Texts(first=0, count=plan.messages, seconds=plan.seconds, copies=3))
        _kill_some(plan, stand, break_database, dice, tell)
        _wait_until_all_are_up(stand)
        stand.bot.http.base_url = f"http://127.0.0.1:{stand.bot.environ['BOT_PORT']}"
        drain(stand, plan.messages, lambda: tell("the backlog drains", stand.azure.progress()))
        # A call that was under way when its replica was killed is asked about again until ACS would not know it.
        wait_for_settlements(stand, seconds=330)
        for bot in stand.bots:
            assert bot.stop() == 0
        rows, outcome = asyncio.run(read_books(url)), stand.azure.outcome()
        return ReplicaVerdict(
            seconds=time.monotonic() - started,
            azure=stand.azure.progress(),
            states=dict(Counter(row["status"] for row in rows if row["direction"] == "outbound")),
            log_lines=sum(read_log(path) for path in folder.glob("serve-*.log")),
            faults=find_faults(plan.messages, rows, outcome),
            traces=traces_of(recorded_steps(url), outcome.calls),
        )


def _kill_some(
    plan: ReplicaPlan,
    stand: Stand,
    break_database: Callable[[], None],
    dice: random.Random,
    tell: Callable[[str, Progress], None],
) -> None:
    """Kill replicas at random moments, one or more at a time, and break the database in the middle."""
    began = time.monotonic()
    moments = sorted(dice.uniform(0, plan.seconds) for _ in range(plan.kills))
    is_broken = False
    for moment in [*moments, plan.seconds]:
        while (left := began + moment - time.monotonic()) > 0:
            if not is_broken and time.monotonic() - began > plan.seconds / 2:
                is_broken = True
                _wait_until_all_are_up(stand)  # a bot does not start without its database
                break_database()
            time.sleep(min(left, 0.5))
            tell("texts arrive", stand.azure.progress())
        if moment == plan.seconds:
            return
        bot = dice.choice(stand.bots)
        assert bot.process
        bot.kill()
        assert_no_fault(bot.process.printed())
        bot.launch()


def _wait_until_all_are_up(stand: Stand) -> None:
    for bot in stand.bots:
        assert bot.process
        bot.process.wait_for(r"(Listening on) ", seconds=120)
