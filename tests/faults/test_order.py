"""Whatever ACS does, a phone gets the messages of one reply in the order in which they were written."""

from pathlib import Path

from msgspec.structs import replace

from tests.support.azure_model import Texts
from tests.support.processes import until
from tests.support.soak import STORM
from tests.support.stand import FIVE, Stand

PHONES = 15


def test_a_reply_of_five_texts_arrives_in_order_in_any_weather(tmp_path: Path) -> None:
    """Answers are lost, calls throttled and failed, and in the midst of it the bot is killed."""
    stand = Stand(tmp_path / "stand", lanes=2, texts=["five"], pace=60)
    with stand:
        # So often that a hundred calls meet each of them.
        often = replace(STORM, throttled=0.12, failed=0.12, lost=0.12)
        stand.azure.set_storm(replace(often, slow=0.0, retry_after=0.2, most_in_a_row=3))
        stand.bot.start()
        stand.azure.text(Texts(first=0, count=PHONES, seconds=1, copies=3))
        until(lambda: stand.azure.progress().sent > PHONES, what="the first of the texts")
        stand.bot.kill()
        stand.bot.start()
        until(lambda: stand.azure.progress().sent == 5 * PHONES, what="every text")
        sent = stand.azure.outcome().sent
        assert len({sms.peer for sms in sent}) == PHONES
        for peer in {sms.peer for sms in sent}:
            texts = [sms.text for sms in sent if sms.peer == peer]
            assert texts == [text.replace("{{ from }}", peer) for text in FIVE]
        assert stand.azure.progress().fates.keys() > {"taken", "throttled", "failed", "lost"}
