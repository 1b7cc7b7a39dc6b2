"""Where people are told is checked at the start, with a sentence that shows no address."""

import asyncio
import subprocess
import sys
import threading

import pytest

from bot.alarms.notification import Notification
from bot.rulebook.background import is_at_work
from bot.settings import WrongSetting, load
from bot.wire import notify_client
from bot.wire.notify_client import AppriseChannels, NoApprise, UnknownChannel

NEWS = Notification(title="Trouble", body="Something is wrong.", is_warning=True)


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


async def test_an_address_that_never_ends_its_answer_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are told, the send ends, and no second thread waits for the one that hangs."""
    let_go, asked = threading.Event(), list[str]()

    class Service:
        def __init__(self, name: str) -> None:
            self.name = name

        def notify(self, **_: object) -> bool:
            asked.append(self.name)
            return self.name == "good" or let_go.wait()

    monkeypatch.setattr(
        notify_client, "_services", lambda addresses: [(each, Service(each)) for each in addresses]
    )
    channels = AppriseChannels(["hangs", "good"], longest=0.2)
    await channels.open()
    assert [await channels.send(NEWS) for _ in range(3)] == [True] * 3
    assert sorted(asked) == ["good"] * 3 + ["hangs"]
    assert is_at_work()
    let_go.set()
    for _ in range(500):
        if not is_at_work():
            break
        await asyncio.sleep(0.01)
    await channels.send(NEWS)
    assert asked.count("hangs") == 2


def test_a_process_ends_while_an_address_hangs() -> None:
    script = """
import asyncio, threading
from bot.rulebook.background import in_waiting_thread

async def main():
    try:
        async with asyncio.timeout(0.1):
            await in_waiting_thread(threading.Event().wait)
    except TimeoutError:
        print("gave up")

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "gave up\n"
