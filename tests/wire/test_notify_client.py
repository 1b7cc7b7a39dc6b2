"""Where people are told is checked at the start, with a sentence that shows no address."""

import sys

import pytest

from bot.settings import WrongSetting, load
from bot.wire.notify_client import AppriseChannels, NoApprise, UnknownChannel


async def test_without_the_extra_a_sentence_says_how_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(NoApprise, match=r'run `pip install "sms-keyword-bot\[notify\]"`'):
        await AppriseChannels(["json://127.0.0.1/"]).open()


async def test_an_address_that_apprise_does_not_know_is_named_by_its_place_and_scheme_alone() -> None:
    with pytest.raises(UnknownChannel) as caught:
        await AppriseChannels(["json://127.0.0.1/", "telex://a-secret@here"]).open()
    assert "place 2, telex://…" in str(caught.value)
    assert "a-secret" not in str(caught.value)


def test_several_addresses_are_read_and_a_comma_within_one_divides_nothing() -> None:
    settings = load(
        {"BOT_NOTIFY": "mailto://u:p@example.com?to=a@example.com,b@example.com, ntfys://ntfy.sh/topic"}
    )
    assert [each.reveal() for each in settings.notify] == [
        "mailto://u:p@example.com?to=a@example.com,b@example.com", "ntfys://ntfy.sh/topic",
    ]  # fmt: skip
    assert "ntfy" not in repr(settings)


@pytest.mark.parametrize("text", ["ops@example.com", "https:/example.com", "a-secret,json://127.0.0.1"])
def test_what_is_no_address_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(WrongSetting, match="BOT_NOTIFY has no address in place 1") as caught:
        load({"BOT_NOTIFY": text})
    assert text not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("https://sms.example.com", "https://sms.example.com"),
        ("https://sms.example.com/", "https://sms.example.com"),
        ("https://example.com/sms/console/", "https://example.com/sms"),
        ("http://10.0.0.7:8000", "http://10.0.0.7:8000"),
    ],
)
def test_the_public_address_is_read_without_the_slash_at_its_end(text: str, read: str) -> None:
    assert load({"BOT_PUBLIC_URL": text}).public_url == read


@pytest.mark.parametrize("text", ["sms.example.com", "ftp://x", "https://", "https://u:p@x", "https://x?y"])
def test_what_is_no_sites_address_is_refused(text: str) -> None:
    with pytest.raises(WrongSetting, match="BOT_PUBLIC_URL is no address of a site"):
        load({"BOT_PUBLIC_URL": text})
