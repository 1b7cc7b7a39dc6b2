"""A short round of `make soak`, and that its books would show what went wrong."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.support.azure_model import Outcome
from tests.support.soak import Plan, find_faults, in_words, run
from tests.support.storm import Ledger, Sms

PHONE = "+15552000000"
NUMBER = "+15555550100"


def test_a_bot_that_is_killed_while_acs_storms_answers_every_text_exactly_once(tmp_path: Path) -> None:
    verdict = run(Plan(messages=250, kills=3, seed=2, life=1.5, lanes=4), tmp_path / "round")
    assert not verdict.faults, in_words(verdict.faults)
    # The storm was one: without calls that go wrong the rest would prove little.
    assert verdict.azure.repeats
    assert verdict.azure.answers[0]


def a_call(peer: str, **pair: str) -> dict[str, Any]:
    recipient = {"to": peer} | {f"repeatability{name}": value for name, value in pair.items()}
    return {"from": NUMBER, "message": "We are open.", "smsRecipients": [recipient]}


def a_pair(at: datetime) -> dict[str, str]:
    return {"RequestId": str(uuid4()), "FirstSent": format_datetime(at, usegmt=True)}


def take(ledger: Ledger, call: dict[str, Any]) -> int:
    mine = ledger.begin(call)
    (result,), _ = ledger.take(call, mine)
    ledger.end(mine)
    return int(result["httpStatusCode"])


def test_acs_knows_a_repeated_call_by_its_pair_and_by_nothing_less() -> None:
    ledger = Ledger()
    pair = a_pair(datetime.now(UTC))
    assert [take(ledger, a_call(PHONE, **pair)) for _ in range(3)] == [202] * 3
    assert (len(ledger.sent), ledger.repeats) == (1, 2)
    assert take(ledger, a_call(PHONE, **pair) | {"message": "Something else."}) == 400
    # The same id with another first-sent time is a message of its own: nothing that Azure says promises less.
    later = pair | a_pair(datetime.now(UTC) + timedelta(seconds=2)) | {"RequestId": pair["RequestId"]}
    assert take(ledger, a_call(PHONE, **later)) == 202
    assert len(ledger.sent) == 2
    assert take(ledger, a_call(PHONE, **a_pair(datetime.now(UTC) - timedelta(minutes=6)))) == 412


def test_acs_answers_409_to_a_call_that_is_made_while_the_same_one_is_processed() -> None:
    ledger = Ledger()
    call = a_call(PHONE, **a_pair(datetime.now(UTC)))
    first = ledger.begin(call)
    assert take(ledger, call) == 409
    (result,), _ = ledger.take(call, first)
    assert result["httpStatusCode"] == 202
    ledger.end(first)
    assert (take(ledger, call), len(ledger.sent)) == (202, 1)


SENT = Sms(
    message_id="Outgoing_1", repeatability_id="1", number=NUMBER, peer=PHONE, text="We are open.", tag=None,
    reported="delivered",
)  # fmt: skip
HEARD = {"peer": PHONE, "direction": "inbound", "status": "received"}
REPLY = {
    "peer": PHONE, "direction": "outbound", "status": "delivered", "provider_message_id": "Outgoing_1",
    "number": NUMBER, "text": "We are open.", "last_error": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "sent", "fault"),
    [
        ([HEARD, REPLY], [SENT], None),
        ([REPLY], [SENT], "stored 0 times"),
        ([HEARD, HEARD, REPLY], [SENT], "stored 2 times"),
        ([HEARD], [SENT], "0 replies"),
        ([HEARD, REPLY, REPLY], [SENT], "2 replies"),
        ([HEARD, REPLY], [], "got 0 SMS"),
        ([HEARD, REPLY], [SENT, SENT], "got 2 SMS"),
        ([HEARD, REPLY | {"status": "sent"}], [SENT], "stays sent"),
        ([HEARD, REPLY | {"status": "failed"}], [SENT], "is failed and the newest report says delivered"),
        ([HEARD, REPLY | {"provider_message_id": None}], [SENT], "ACS has"),
        ([HEARD, REPLY, HEARD | {"peer": None, "text": "?"}], [SENT], "inbound: ?"),
        ([HEARD, REPLY, HEARD | {"peer": "+15553333333"}], [SENT], "never texted"),
    ],
)
def test_whatever_the_books_do_not_agree_on_is_a_fault(
    rows: list[dict[str, Any]], sent: list[Sms], fault: str | None
) -> None:
    outcome = Outcome(sent=sent, troubles=[], acknowledged={}, called={})
    found = find_faults(1, rows, outcome)
    assert [True for said in found if fault and fault in said] == [True] * bool(fault), found
    assert len(found) == bool(fault)
