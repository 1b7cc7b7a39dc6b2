"""One reply each, whatever happens: replicas killed at random, and PostgreSQL restarted in the midst of it.

    .venv/bin/python -m benchmarks.replica_soak [--messages 20000] [--replicas 3] [--kills 30] [--seconds 240]

Each replica is a process; Event Grid posts to all of them in turn, to dead ones as well, in one to three copies and
again until it is answered 200; ACS storms as in `soak.py`. At the end the books of both sides are compared.

Exit status 0: every phone got exactly one SMS, every message is in a final state, both sides agree. Else 1.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.support.azure_model import Progress
from tests.support.postgresql import postgresql_server
from tests.support.replica_soak import ReplicaPlan, run_replicas
from tests.support.soak import in_words

#: Seconds between lines that say how far it is.
_TELL_EVERY = 20.0


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
        f"{plan.messages:,} texts to {plan.replicas} replicas, {plan.kills} kills, a restart, seed {seed}",
        flush=True,
    )
    told = 0.0

    def tell(phase: str, azure: Progress) -> None:
        nonlocal told
        if time.monotonic() - told > _TELL_EVERY:
            told = time.monotonic()
            print(f"{phase}: {azure.sent:,} SMS, {azure.waiting:,} events wait", flush=True)

    with tempfile.TemporaryDirectory(prefix="soak-") as folder, postgresql_server() as server:
        verdict = run_replicas(plan, server, Path(folder, "round"), tell)
    azure = verdict.azure
    print(f"took {verdict.seconds:,.0f} s; {azure.delivered:,} deliveries, answers {azure.answers}")
    print(f"{azure.calls:,} calls to ACS {azure.fates}, {azure.repeats:,} repeats that it knew")
    print(f"{azure.sent:,} SMS; states {verdict.states}; {verdict.log_lines:,} lines of log")
    print(in_words(verdict.faults) or "Nothing lost, nothing twice: one SMS each, all states final.")
    return 1 if verdict.faults else 0


if __name__ == "__main__":
    sys.exit(main())
