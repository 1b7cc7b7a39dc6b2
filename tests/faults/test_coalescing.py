"""Replies of the same words leave together when they wait together, and none waits for company."""

import statistics
from collections.abc import Iterator

import pytest

from tests.support.azure_model import Texts, peer_of
from tests.support.processes import until
from tests.support.stand import Stand
from tests.support.storm import Storm


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A bot in fair weather; without reports, which would come between."""
    folder = tmp_path_factory.mktemp("coalescing") / "stand"
    with Stand(folder, texts=["hours"], connections=16, batch=100) as stand:
        stand.azure.set_storm(Storm(reports=False))
        stand.bot.start()
        yield stand


def test_ten_thousand_phones_that_say_the_same_are_answered_in_200_calls_at_most(stand: Stand) -> None:
    calls = stand.azure.progress().calls
    stand.azure.text(Texts(first=0, count=10_000))
    until(lambda: stand.azure.progress().sent >= 10_000, what="10,000 SMS")
    calls = stand.azure.progress().calls - calls
    assert 100 <= calls <= 200
    sent = [sms for sms in stand.azure.outcome().sent if sms.peer < peer_of(10_000)]
    assert len({sms.peer for sms in sent}) == len({sms.repeatability_id for sms in sent}) == 10_000


def test_a_lone_text_is_answered_at_once(stand: Stand) -> None:
    """`benchmarks/storm.py` has the figure; a busy machine must not fail this, and a timer must."""
    before = stand.azure.progress().sent
    stand.azure.text(Texts(first=20_000, count=40, seconds=2))
    until(lambda: stand.azure.progress().sent == before + 40, what="40 SMS")
    outcome = stand.azure.outcome()
    waits = [
        outcome.called[peer] - outcome.acknowledged[peer] for peer in map(peer_of, range(20_000, 20_040))
    ]
    # The quickest tenth: a look at the clock now and then would cost these as well, and a busy machine spares them.
    assert statistics.quantiles(waits, n=10)[0] < 0.1
