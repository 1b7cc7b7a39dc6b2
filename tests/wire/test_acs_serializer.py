"""What the SDK does not write is missing in no request."""

from datetime import UTC, datetime

import pytest
from azure.communication.sms.aio import SmsClient
from azure.core.credentials import AzureKeyCredential

from bot.sending.sms_service import SmsCall, SmsRecipient
from bot.wire.acs import AcsSmsService
from bot.wire.acs_serializer import leave_unwritten
from tests.support.services import ACCESS_KEY, Acs

#: What differs between two calls by nature: the request's id, the time and what is signed with it.
OF_ONE_CALL = {"x-ms-client-request-id", "x-ms-date", "authorization"}


async def test_a_request_is_what_the_sdk_with_its_own_serialiser_makes_of_it(
    acs: Acs, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipient = SmsRecipient(
        peer="+15555550101", repeatability_id="an-id", first_sent_at=datetime(2026, 11, 23, tzinfo=UTC)
    )
    call = SmsCall(number="+15555550100", text="Hello ☎", tag="a-tag", recipients=(recipient,))
    lean = AcsSmsService.with_key(acs.address, ACCESS_KEY)
    monkeypatch.setattr("bot.wire.acs.leave_unwritten", lambda _client: False)
    whole = AcsSmsService.with_key(acs.address, ACCESS_KEY)
    for service in (lean, whole):
        await service.send(call)
        await service.close()
    first, second = (
        {name.lower(): value for name, value in headers.items() if name.lower() not in OF_ONE_CALL}
        for headers in acs.headers
    )
    assert first == second
    assert {"content-type", "accept", "user-agent", "x-ms-content-sha256"} <= first.keys()
    assert acs.bodies[0] == acs.bodies[1]


def test_the_installed_sdk_keeps_its_serialiser_where_it_is_expected() -> None:
    """It is private, `_sms_service_client.sms._serialize`: a new SDK may have it elsewhere, and is slower then."""
    assert leave_unwritten(SmsClient("https://acs.invalid", AzureKeyCredential(ACCESS_KEY)))


@pytest.mark.parametrize("there", ["another serialiser", "nothing"])
def test_a_serialiser_that_is_not_known_stays(there: str) -> None:
    client = SmsClient("https://acs.invalid", AzureKeyCredential(ACCESS_KEY))
    if there == "nothing":
        del client._sms_service_client
        assert not leave_unwritten(client)
        return
    newer = object()
    client._sms_service_client.sms._serialize = newer  # type: ignore[assignment]
    assert not leave_unwritten(client)
    assert client._sms_service_client.sms._serialize is newer  # type: ignore[comparison-overlap]
