"""Replies of the same words leave together when they wait together, and none waits for company."""

import statistics
from collections.abc import Iterator

import pytest

from tests.support.azure_model import Texts, peer_of
from tests.support.processes import until
from tests.support.stand import Stand
from tests.support.storm import Storm

PHONES = 4_000


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A bot in fair weather; without reports, which would come between."""
    folder = tmp_path_factory.mktemp("coalescing") / "stand"
    with Stand(folder, texts=["hours"], connections=16, batch=100) as stand:
        stand.azure.set_storm(Storm(reports=False))
        stand.bot.start()
        yield stand


def test_phones_that_say_the_same_at_once_are_answered_by_fifty_a_call_at_least(stand: Stand) -> None:
    calls = stand.azure.progress().calls
    stand.azure.text(Texts(first=0, count=PHONES))
    until(lambda: stand.azure.progress().sent >= PHONES, what="every SMS")
    calls = stand.azure.progress().calls - calls
    assert PHONES / 100 <= calls <= PHONES / 50
    sent = [sms for sms in stand.azure.outcome().sent if sms.peer < peer_of(PHONES)]
    assert len({sms.peer for sms in sent}) == len({sms.repeatability_id for sms in sent}) == PHONES


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
