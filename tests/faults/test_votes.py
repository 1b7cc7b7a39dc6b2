"""A short round of `benchmarks/vote_soak.py`: votes are counted exactly, and coupons given once, through a kill."""

from pathlib import Path

from tests.support.votes import VotePlan, run_votes


def test_a_vote_is_counted_exactly_although_the_bot_is_killed(tmp_path: Path) -> None:
    outcome = run_votes(VotePlan(votes=120, people=40, coupons=25, kills=1, seed=5), tmp_path / "round")
    assert outcome.faults == []
    assert sum(outcome.tally.values()) == 60
