"""A vote is counted exactly, and no coupon is given twice, while the bot is killed again and again.

    .venv/bin/python -m benchmarks.vote_soak --votes 20000 --people 10000 --coupons 5000 --kills 10

Every event comes in three copies, all in any order, in calls that are made again until they are answered 200; the bot
is a process, ended by SIGKILL at random moments. At the end the tally must be the one that the times of the votes
make, and each coupon belong to one person. Exit status 0, or 1 with what is wrong.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from msgspec.structs import replace

from tests.support.postgresql import postgresql_server
from tests.support.processes import run_bot
from tests.support.votes import VoteOutcome, VotePlan, run_votes


def main() -> int:
    """Run a round."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--votes", type=int, default=20_000)
    parser.add_argument("--people", type=int, default=10_000, help="who want a coupon")
    parser.add_argument("--coupons", type=int, default=5_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    given = parser.parse_args()
    seed = random.randrange(10**6) if given.seed is None else given.seed
    plan = VotePlan(
        votes=given.votes, people=given.people, coupons=given.coupons, kills=given.kills, seed=seed
    )
    with tempfile.TemporaryDirectory(prefix="vote-soak-") as text:
        run = run_votes if given.database == "sqlite" else _on_postgresql
        outcome = run(plan, Path(text, "round"))
    print(
        f"{given.votes:,} votes, {given.people:,} people for {given.coupons:,} coupons, {given.kills} kills,"
        f" seed {seed}:"
        f" {outcome.calls:,} calls, {outcome.refused:,} made again, {outcome.seconds:,.0f} s"
    )
    print("\n".join(outcome.faults) or f"The tally is exact: {outcome.tally}")
    return 1 if outcome.faults else 0


def _on_postgresql(plan: VotePlan, folder: Path) -> VoteOutcome:
    with postgresql_server() as server:
        url = server.database()
        done = run_bot("db", "upgrade", folder=folder.parent, environ={"BOT_DATABASE_URL": url})
        if done.returncode:
            raise SystemExit(done.stderr)
        return run_votes(replace(plan, database_url=url), folder)


if __name__ == "__main__":
    sys.exit(main())
