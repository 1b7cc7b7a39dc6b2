"""A rejected event is read again whichever way it came into the table."""

import json

import msgspec
import pytest

from bot.conversation.events import DeliveryReport, Inbound, UnreadableEvent
from bot.wire.envelopes import read_batch
from bot.wire.rejected_retry import read_again
from tests.support.bots import heard, report
from tests.support.envelopes import REPORT, REPORT_DATA, event, inbound


@pytest.mark.parametrize("element", [inbound(MessageId="a"), event(REPORT, REPORT_DATA)])
def test_an_element_of_a_batch_is_read_as_it_was_in_the_batch(element: dict[str, object]) -> None:
    raw = json.dumps(element)
    assert read_again(raw) == read_batch(f"[{raw}]".encode()).events


@pytest.mark.parametrize("kept", [heard("hours 🙏"), report("Outgoing_1")])
def test_what_was_read_and_could_not_be_processed_is_the_same_event(kept: Inbound | DeliveryReport) -> None:
    assert read_again(json.dumps(msgspec.to_builtins(kept))) == [kept]


@pytest.mark.parametrize(
    "raw", ['{"odd": 1}', '"It is nested too deeply."', "not JSON", "", "[", "null", "5"]
)
def test_what_still_makes_no_sense_says_why(raw: str) -> None:
    (found,) = read_again(raw)
    assert isinstance(found, UnreadableEvent)
    assert found.raw == raw
    assert found.reason


def test_an_event_of_another_type_holds_nothing_for_us() -> None:
    assert read_again('{"eventType": "Contoso.Other", "data": {}}') == []
