"""What ACS's answer says of each recipient, and what is left to the SDK."""

from datetime import UTC, datetime

import pytest

from bot.sending.sms_service import SmsRecipient
from bot.wire.acs_recipients import RecipientResult, recipients_written, results_read


def test_an_answer_is_read_recipient_by_recipient() -> None:
    body = b"""{"value": [
        {"to": "+15550000001", "messageId": "m1", "httpStatusCode": 202, "successful": true, "new": {"a": 1}},
        {"to": "+15550000002", "httpStatusCode": 400, "errorMessage": "No.", "successful": false}
    ]}"""
    assert results_read(body) == [
        RecipientResult(to="+15550000001", message_id="m1", http_status_code=202, successful=True),
        RecipientResult(to="+15550000002", http_status_code=400, successful=False, error_message="No."),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b'{"value": 1}',
        b'{"value": [1]}',
        b'{"value": [{"to": 1}]}',
        b"\xff",
        b"<html>",
        b'{"x":' * 9_999,
    ],
)
def test_an_answer_of_another_shape_is_left_to_the_sdk(body: bytes) -> None:
    assert results_read(body) is None


def test_recipients_are_written_with_our_pairs() -> None:
    moment = datetime(2026, 11, 23, 12, 0, 5, tzinfo=UTC)
    recipient = SmsRecipient(peer="+15550000001", repeatability_id="pair", first_sent_at=moment)
    assert recipients_written([recipient]) == [
        {
            "to": "+15550000001",
            "repeatabilityRequestId": "pair",
            "repeatabilityFirstSent": "Mon, 23 Nov 2026 12:00:05 GMT",
        }
    ]
