"""A running bot takes events as the SDKs of others send them."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from azure.core.credentials import AzureKeyCredential
from azure.core.messaging import CloudEvent as AzureCloudEvent
from azure.eventgrid import EventGridEvent, EventGridPublisherClient
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from tests.support.outsiders import Town, run_script
from tests.support.processes import SECRET
from tests.support.sockets import NO_AUTHORITIES

TYPE = "Microsoft.Communication.SMSReceived"
SOURCE = "/subscriptions/sub/resourceGroups/group/providers/microsoft.communication/communicationservices/acs"
SUBJECT = "/phonenumber/15555550100"
ANSWER = "We are open 9-18."
#: Phones of this module's tests, one for each event.
_phones = iter(range(15_555_557_000, 15_555_558_000))


def received() -> tuple[str, dict[str, Any]]:
    """A new phone, and the data of a text from it."""
    phone = f"+{next(_phones)}"
    return phone, {
        "MessageId": f"Incoming_{uuid4()}",
        "From": phone.removeprefix("+"),
        "To": "15555550100",
        "Message": "Hours? 👍",
        "ReceivedTimestamp": datetime.now(UTC).isoformat(),
        "SegmentCount": 1,
    }


def assert_answered(town: Town, *phones: str) -> None:
    for phone in phones:
        (reply,) = town.bot.replies_when(phone, "delivered")
        assert reply["text"] == ANSWER


def test_events_of_the_event_grid_sdk(town: Town) -> None:
    one, two, three = received(), received(), received()
    with EventGridPublisherClient(
        f"{town.bot.url}/events", AzureKeyCredential("no key of ours")
    ) as publisher:
        headers = {"X-Bot-Secret": SECRET}
        publisher.send(
            [
                EventGridEvent(subject=SUBJECT, event_type=TYPE, data=data, data_version="1.0", topic=SOURCE)
                for _, data in (one, two)
            ],
            headers=headers,
        )
        publisher.send(
            AzureCloudEvent(source=SOURCE, type=TYPE, data=three[1], subject=SUBJECT), headers=headers
        )
    assert_answered(town, one[0], two[0], three[0])


MODES = ["structured", "binary"]


@pytest.mark.parametrize("mode", MODES)
def test_events_of_the_python_cloudevents_sdk(mode: str, town: Town) -> None:
    write = to_structured_event if mode == "structured" else to_binary_event
    phone, data = received()
    attributes = {"type": TYPE, "source": SOURCE, "subject": SUBJECT, "datacontenttype": "application/json"}
    message = write(CloudEvent(attributes, data))
    answer = httpx.post(
        f"{town.bot.url}/events",
        params={"code": SECRET},
        headers=message.headers,
        content=message.body,
        trust_env=False,
        verify=NO_AUTHORITIES,
    )
    assert answer.status_code == 200, answer.text
    assert_answered(town, phone)


def test_events_of_the_javascript_cloudevents_sdk(town: Town) -> None:
    texts = [received() for _ in MODES]
    events = [
        {"mode": mode, "type": TYPE, "source": SOURCE, "subject": SUBJECT, "data": data}
        for mode, (_, data) in zip(MODES, texts, strict=True)
    ]
    url = f"{town.bot.url}/events?code={SECRET}"
    assert run_script("send_events.js", url, stdin=events) == [200] * len(MODES)
    assert_answered(town, *(phone for phone, _ in texts))
