"""One reply each, whatever happens: replicas killed at random, and PostgreSQL restarted in the midst of it.

    .venv/bin/python -m benchmarks.replica_soak [--messages 20000] [--replicas 3] [--kills 30] [--seconds 240]
        [--fail-over]

Each replica is a process; Event Grid posts to all of them in turn, to dead ones as well, in one to three copies and
again until it is answered 200; ACS storms as in `soak.py`. With `--fail-over` PostgreSQL is not restarted: it is
killed, and a synchronous standby takes its place; the bots know the addresses of both. At the end the books of both
sides are compared.

What happened to each message, as the database and ACS had it, is held against the model of the outbox (docs/model/),
where spin and gcc are: each distinct course of a message must be one that the model can take.

Exit status 0: every phone got exactly one SMS, every message is in a final state, both sides agree, and the model can
do all that was done. Else 1.
"""

import argparse
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.model import missing_tools
from benchmarks.traces import FollowingModel
from tests.support.azure_model import Progress
from tests.support.failover import failover_pair
from tests.support.message_traces import Trace
from tests.support.postgresql import PostgreSQL, postgresql_server
from tests.support.replica_soak import ReplicaPlan, run_replicas
from tests.support.soak import in_words

#: Seconds between lines that say how far it is.
_TELL_EVERY = 20.0
#: Seconds for which PostgreSQL is gone, in the middle.
_GONE = 5.0


def main() -> int:
    """Run a round and say what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=20_000, help="phones, each of which texts once")
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=240.0, help="over which the texts arrive")
    parser.add_argument("--seed", type=int, help="repeats the moments of the kills of an earlier round")
    parser.add_argument(
        "--fail-over", action="store_true", help="to a standby, in the place of a restart of PostgreSQL"
    )
    given = parser.parse_args()
    seed = random.randrange(10**6) if given.seed is None else given.seed
    plan = ReplicaPlan(
        messages=given.messages,
        replicas=given.replicas,
        kills=given.kills,
        seconds=given.seconds,
        seed=seed,
    )
    print(
        f"{plan.messages:,} texts to {plan.replicas} replicas, {plan.kills} kills,"
        f" {'a failover' if given.fail_over else 'a restart'}, seed {seed}",
        flush=True,
    )
    told = 0.0

    def tell(phase: str, azure: Progress) -> None:
        nonlocal told
        if time.monotonic() - told > _TELL_EVERY:
            told = time.monotonic()
            print(f"{phase}: {azure.sent:,} SMS, {azure.waiting:,} events wait", flush=True)

    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-"))
        if given.fail_over:
            pair = stack.enter_context(failover_pair())
            url, break_database = pair.database(), partial(pair.fail_over, _GONE)
        else:
            server = stack.enter_context(postgresql_server())
            url, break_database = server.database(), partial(_restart, server)
        verdict = run_replicas(plan, url, break_database, Path(folder, "round"), tell)
    azure = verdict.azure
    print(f"took {verdict.seconds:,.0f} s; {azure.delivered:,} deliveries, answers {azure.answers}")
    print(f"{azure.calls:,} calls to ACS {azure.fates}, {azure.repeats:,} repeats that it knew")
    print(f"{azure.sent:,} SMS; states {verdict.states}; {verdict.log_lines:,} lines of log")
    print(in_words(verdict.faults) or "Nothing lost, nothing twice: one SMS each, all states final.")
    refused = _refused(verdict.traces)
    print(in_words(refused) or "", end="\n" if refused else "")
    return 1 if verdict.faults or refused else 0


def _restart(server: PostgreSQL) -> None:
    server.stop()
    time.sleep(_GONE)
    server.start()


def _refused(traces: dict[Trace, list[str]]) -> list[str]:
    """What was done to messages and the model can't do, a sentence each."""
    if missing := missing_tools():
        print(f"Not held against the model: {missing[0]} is not here (Debian: apt install spin gcc).")
        return []
    found = []
    with FollowingModel() as model:
        for trace, messages in traces.items():
            place = model.refused(trace)
            if place is not None:
                known = ", ".join(trace[:place]) or "nothing"
                found.append(
                    f"The model can't do `{trace[place]}` after: {known} ({len(messages)} messages, {messages[0]})"
                )
    print(
        f"{len(traces):,} distinct courses of messages; the model can take {len(traces) - len(found):,} of them."
    )
    return found


if __name__ == "__main__":
    sys.exit(main())
