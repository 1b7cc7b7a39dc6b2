"""The inbox of the console: what is done to one or many, what is written, and what each page says of it."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from litestar.exceptions import ClientException
from sqlalchemy import insert
from uuid_utils import uuid7

from bot.clock import utc_now
from bot.operator.actor import Actor
from bot.operator.people import People
from bot.storage.tables import actions
from bot.text.segments import measure
from bot.web.console.composer import measured
from bot.web.console.inbox_list import waits
from bot.web.console.later_times import read_later
from bot.web.console.times import in_zone, there
from tests.support.api import conversation_of
from tests.support.console import browser, csrf_in
from tests.support.envelopes import REPORT, REPORT_DATA, event, inbound
from tests.support.services import ADMIN, VIEWER, Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/console/conversations"
_peers = (f"+1555557{number:04}" for number in itertools.count())
_ids = (f"inbox{number}" for number in itertools.count())
_names = (f"Person {number}" for number in itertools.count())


async def somebody(bot: Running, *texts: str) -> dict[str, Any]:
    """A conversation with a peer of its own who has said this."""
    peer = next(_peers)
    for text in texts or ("What?",):
        answer = await bot.post([inbound(MessageId=next(_ids), From=peer, Message=text)])
        assert answer.status_code == 200
    return await conversation_of(bot, peer)


class Desk:
    """A person at the console."""

    def __init__(self, http: httpx.AsyncClient, name: str) -> None:
        self.http = http
        self.name = name
        self.csrf = ""

    async def page(self, path: str) -> str:
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def post(self, path: str, **fields: Any) -> httpx.Response:
        self.csrf = self.csrf or csrf_in(await self.page(PATH))
        return await self.http.post(path, data={"csrf": self.csrf} | fields)

    async def refusal(self, path: str, **fields: Any) -> str:
        """What the page says that a refused form leads to."""
        answer = await self.post(path, **fields)
        assert answer.status_code == 303, answer.text
        html = await self.page(answer.headers["location"])
        assert 'class="flash bad"' in html
        return flash_of(html)

    async def act(self, do: str, *ids: str, **fields: Any) -> str:
        """The page that follows."""
        answer = await self.post("/console/acts", do=do, c=list(ids), **fields)
        assert answer.status_code == 303, answer.text
        return await self.page(answer.headers["location"])


@asynccontextmanager
async def desk(bot: Running, role: str = "support") -> AsyncIterator[Desk]:
    name = next(_names)
    link = await People(bot.service.writer).add(name, role, by=Actor("the boss"))
    async with browser(bot) as http:
        assert (await http.post("/console/login", data={"key": link.key})).status_code == 303
        yield Desk(http, name)


def once_in(html: str) -> str:
    found = re.search(r'name="once" value="([^"]+)"', html)
    assert found
    return found[1]


def flash_of(html: str) -> str:
    found = re.search(r'class="flash [a-z]+"[^>]*><p>(.*?)</p>', html)
    return found[1] if found else ""


def undo_of(html: str) -> str:
    found = re.search(r'action="/console/acts/undo".*?name="undo" value="([^"]+)"', html, re.DOTALL)
    assert found, html[:3000]
    return found[1]


def peers_in(html: str) -> list[str]:
    return ["+" + re.sub(r"\D", "", each) for each in re.findall(r'class="who"><bdi>(.*?)</bdi>', html)]


async def test_many_are_assigned_and_one_undo_gives_them_back(bot: Running) -> None:
    ids = [(await somebody(bot))["id"] for _ in range(3)]
    async with desk(bot) as ada:
        html = await ada.act(f"assign:{ada.name}", *ids)
        assert flash_of(html) == f"{ada.name} sees to 3 conversations."
        mine = await ada.page(f"{PATH}?mine=1")
        assert len(peers_in(mine)) == 3
        assert re.search(r"Mine\s*<b>3</b>", mine)
        answer = await ada.post("/console/acts/undo", undo=undo_of(html), back=f"{PATH}?mine=1")
        html = await ada.page(answer.headers["location"])
        assert flash_of(html) == "Undone: 3 conversations as before."
        assert peers_in(html) == []


async def test_who_waits_longest_comes_first_and_the_list_says_how_long(bot: Running) -> None:
    first, second = await somebody(bot), await somebody(bot)
    async with desk(bot) as ada:
        for each in (first, second):
            await ada.post(f"{PATH}/{each['id']}/hand-over")
        html = await ada.page(f"{PATH}?waiting=1")
        peers = peers_in(html)
        assert peers.index(first["peer"]) < peers.index(second["peer"])
        assert "data-waits>waits" in html
        await ada.act("done", first["id"], second["id"])
        assert not {first["peer"], second["peer"]} & set(peers_in(await ada.page(f"{PATH}?waiting=1")))


@pytest.mark.both_databases
async def test_what_was_handed_over_urgently_comes_first_on_every_page(bot: Running) -> None:
    calm, urgent, last = await somebody(bot), await somebody(bot), await somebody(bot)
    for each in (calm, urgent, last):
        body = {"urgent": each is urgent}
        answer = await bot.send("PUT", f"/api/conversations/{each['id']}/handover", json=body)
        assert answer.status_code == 200, answer.text
    async with desk(bot) as ada:
        html = await ada.page(f"{PATH}?waiting=1")
        ours = {each["peer"] for each in (calm, urgent, last)}
        assert [each for each in peers_in(html) if each in ours] == [
            urgent["peer"],
            calm["peer"],
            last["peer"],
        ]
        assert html.count("waits for a person, urgently") == 1
    found, cursor = [], ""
    while cursor is not None:
        page = (
            await bot.get(f"/api/conversations?waiting=true&longest_wait_first=true&limit=1{cursor}")
        ).json()
        found += [each["id"] for each in page["items"]]
        cursor = f"&cursor={page['next']}" if page["next"] else None
    assert [each for each in found if each in {calm["id"], urgent["id"], last["id"]}] == [
        urgent["id"],
        calm["id"],
        last["id"],
    ]


@pytest.mark.both_databases
async def test_all_of_a_list_are_done_and_no_others(bot: Running) -> None:
    ids = [(await somebody(bot))["id"] for _ in range(2)]
    other = await somebody(bot)
    async with desk(bot) as ada:
        await ada.act("assign:" + ada.name, *ids)
        await ada.act("snooze:tomorrow", all="1", kept="mine=1")
        for key in ids:
            assert (await bot.get(f"/api/conversations/{key}")).json()["snoozed_until"]
        assert "snoozed_until" not in (await bot.get(f"/api/conversations/{other['id']}")).json()
        assert "☾ until" in await ada.page(f"{PATH}?snoozed=1")


async def test_nobody_is_assigned_who_is_not_there(bot: Running) -> None:
    one = await somebody(bot)
    async with desk(bot) as ada:
        assert "nobody called" in await ada.refusal("/console/acts", do="assign:Nobody Here", c=one["id"])
        assert "Choose conversations first." in flash_of(await ada.act("done"))
        assert "assigned_to" not in (await bot.get(f"/api/conversations/{one['id']}")).json()


async def test_an_undo_leads_nowhere_else(bot: Running) -> None:
    """A line's end within its address closed the connection."""
    one = await somebody(bot)
    async with desk(bot) as ada:
        html = await ada.act(f"assign:{ada.name}", one["id"])
        for back in ("https://evil.example/", f"{PATH}\r\nX: y", f"{PATH}é", f"{PATH}.evil", f"{PATH}?q=\\"):
            answer = await ada.post("/console/acts/undo", undo=undo_of(html), back=back)
            assert answer.headers["location"] == PATH
        answer = await ada.post("/console/acts/undo", undo=undo_of(html), back=f"{PATH}?q=a%2F%2Fb//c")
        assert answer.headers["location"] == f"{PATH}?q=a%2F%2Fb//c"


async def test_a_viewer_sees_no_boxes_and_may_do_none_of_it(bot: Running) -> None:
    one = await somebody(bot)
    async with browser(bot, VIEWER) as http:
        html = (await http.get(f"{PATH}/{one['id']}")).text
        assert 'name="c"' not in html
        assert "data-composer" not in html
        csrf = csrf_in(html)
        for path in (
            "/console/acts",
            "/console/acts/undo",
            f"{PATH}/{one['id']}/draft",
            f"{PATH}/{one['id']}/note",
        ):
            answer = await http.post(path, data={"csrf": csrf, "text": "x", "do": "done", "c": one["id"]})
            assert answer.status_code == 403, path


# Writing


async def test_a_draft_waits_for_its_writer_alone_and_says_what_it_costs(bot: Running) -> None:
    one = await somebody(bot)
    path = f"{PATH}/{one['id']}"
    async with desk(bot) as ada, desk(bot) as bo:
        answer = await ada.post(f"{path}/draft", text="It’s on its way", typing="1")
        assert "1 segment · UCS-2 · 55 left" in answer.text
        assert "’ (right single quotation mark) makes it UCS-2" in answer.text
        assert "It’s on its way</textarea>" in await ada.page(path)
        assert "✎ draft" in await ada.page(PATH)
        html = await bo.page(path)
        assert "on its way" not in html
        assert f"{ada.name} is writing…" in html
        await ada.post(f"{path}/here", over="1")
        assert "is writing" not in await bo.page(path)


async def test_two_who_answer_at_once_are_told(bot: Running) -> None:
    one = await somebody(bot)
    path = f"{PATH}/{one['id']}"
    async with desk(bot) as ada, desk(bot) as bo:
        assert 'name="seen" value="1"' in await bo.page(path)
        await ada.post(f"{path}/reply", text="Ada was here.", seen="1")
        answer = await bo.post(f"{path}/reply", text="Bo was here.", seen="1")
        html = await bo.page(answer.headers["location"])
        assert f"{ada.name} has answered while you wrote" in flash_of(html)
        assert "Bo was here.</textarea>" in html
        await bo.post(f"{path}/reply", text="Bo was here.", seen="2")
        said = [each["text"] for each in await bot.replies(one["peer"])]
        assert said == ["Ada was here.", "Bo was here."]


async def test_a_reply_for_later_can_be_taken_back_as_a_draft(bot: Running) -> None:
    one = await somebody(bot)
    path = f"{PATH}/{one['id']}"
    async with desk(bot) as ada:
        answer = await ada.post(f"{path}/reply", text="See you tomorrow.", when="tomorrow")
        html = await ada.page(answer.headers["location"])
        assert re.search(r"It leaves \d.* \(UTC\): until then you can take it back", flash_of(html))
        for page in (path, f"{path}/more"):
            assert "In UTC, as your browser has told no time zone." in await ada.page(page)
        found = re.search(r'action="/console/planned/([^/]+)/take-back"', html)
        assert found
        answer = await ada.post(f"/console/planned/{found[1]}/take-back", conversation=one["id"])
        html = await ada.page(answer.headers["location"])
        assert "See you tomorrow.</textarea>" in html
        assert "/console/planned/" not in html
        for wrong, why in (({"later": "1"}, "Say when"), ({"at": "2020-01-01T10:00"}, "is over")):
            answer = await ada.post(f"{path}/reply", text="x", kept="mine=1", **wrong)
            assert answer.headers["location"] == f"{path}?mine=1"
            html = await ada.page(answer.headers["location"])
            assert why in flash_of(html)
            assert "x</textarea>" in html
        ada.http.cookies.set("bot_zone", "Europe/Paris")
        for page in (path, f"{path}/more"):
            assert "UTC" not in re.sub(r"<time [^>]*>", "", await ada.page(page))
        answer = await ada.post(f"{path}/reply", text="See you.", when="1h")
        assert "UTC" not in flash_of(await ada.page(answer.headers["location"]))
    assert [each["direction"] for each in await bot.messages(one["peer"])] == ["inbound"]


async def test_a_note_is_ours_alone(bot: Running) -> None:
    one = await somebody(bot)
    async with desk(bot) as ada:
        await ada.post(f"{PATH}/{one['id']}/note", text="Calls on Fridays.")
        html = await ada.page(f"{PATH}/{one['id']}")
        assert "Calls on Fridays." in html
        assert f"A note of {ada.name}, which only we see" in html
        assert "A note has at least one character" in await ada.refusal(f"{PATH}/{one['id']}/note", text="  ")
    assert [each["direction"] for each in await bot.messages(one["peer"])] == ["inbound"]


@pytest.mark.both_databases
async def test_a_form_that_is_sent_twice_is_done_once(bot: Running) -> None:
    """Without scripts, nothing keeps a button from being pressed again while the first answer is on its way."""
    one = await somebody(bot)
    path = f"{PATH}/{one['id']}"
    async with desk(bot) as ada:
        await ada.post(f"{path}/here")
        for what, text in (("reply", "On its way."), ("reply", "See you."), ("note", "Calls on Fridays.")):
            once = once_in(await ada.page(path))
            more = {"text": text, "once": once} | ({"when": "1h"} if text == "See you." else {})
            answers = await asyncio.gather(*(ada.post(f"{path}/{what}", **more) for _ in range(3)))
            assert {answer.headers["location"] for answer in answers} == {path}
        html = (await ada.page(path)).partition('id="talk"')[2]
        assert (
            html.count(">On its way.<") == html.count(">See you.<") == html.count(">Calls on Fridays.<") == 1
        )

        # The same words in the form of another page, or other words in a page that came back, are sent.
        await ada.post(f"{path}/reply", text="On its way.", once=once_in(html))
        await ada.post(f"{path}/reply", text="On its way!", once=once_in(html))
        html = (await ada.page(path)).partition('id="talk"')[2]
        assert html.count(">On its way.<") == 2
        assert html.count(">On its way!<") == 1

        # So is what was taken back.
        planned = re.findall(r"/console/planned/([^/]+)/take-back", html)
        await ada.post(f"/console/planned/{planned[-1]}/take-back", conversation=one["id"])
        await ada.post(f"{path}/reply", text="See you.", once=once_in(html))
        assert (await ada.page(path)).partition('id="talk"')[2].count(">See you.<") == 1


async def test_what_a_form_is_refused_for_is_said_where_it_was(bot: Running) -> None:
    """It was said on a page of its own, which led to the overview and had no word of what was written."""
    one = await somebody(bot)
    path = f"{PATH}/{one['id']}"
    long = "x" * 2049
    async with desk(bot) as ada:
        assert "A reply has at least one character, and at most 2,048." in await ada.refusal(
            f"{path}/reply", text=long
        )
        assert f"{long}</textarea>" in await ada.page(path)
        for where, fields, sentence in (
            (f"{path}/tag", {"tag": " "}, "A tag has at least one character"),
            (f"{path}/value", {"name": "two words", "value": "x"}, "name has letters, digits and _ only"),
            (f"{path}/opt-in", {}, "How they agreed has at least one character"),
            ("/console/acts", {"c": one["id"], "do": "snooze", "at": "2020-01-01T10:00"}, "is over"),
            ("/console/acts", {"c": one["id"], "do": "burn"}, "Say what is to be done."),
        ):
            assert sentence in await ada.refusal(where, open=one["id"], **fields)
        assert (await ada.post(f"{path}/burn")).status_code == 404


# What a conversation says


async def test_a_carriers_opt_out_is_recorded_and_not_sent_again(bot: Running) -> None:
    one = await somebody(bot, "hours")
    (reply,) = await bot.replies(one["peer"])
    said = {
        "MessageId": reply["provider_message_id"], "DeliveryStatus": "Failed",
        "DeliveryStatusDetails": "ErrorCode: 4007. ErrorMessage: Opted out",
    }  # fmt: skip
    await bot.post([event(REPORT, REPORT_DATA | said)])
    conversation = await conversation_of(bot, one["peer"])
    async with desk(bot) as ada:
        html = await ada.page(f"{PATH}/{one['id']}")
        assert "Send again" not in html
        if not conversation["opted_out"]:
            assert "Record the opt-out" in html
            await ada.act("opt out:4007", one["id"], open=one["id"])
        assert (await conversation_of(bot, one["peer"]))["opted_out"]
    answer = await bot.send("POST", f"/api/messages/{reply['id']}/resend")
    assert answer.status_code == 409


async def test_each_message_bears_the_name_of_who_sent_it(bot: Running) -> None:
    """Who sent it again took the writer's place, and what was sent again was by nobody."""
    one = await somebody(bot)
    async with desk(bot) as ada, desk(bot) as bo:
        await ada.post(f"{PATH}/{one['id']}/reply", text="Hello.")
        (reply,) = await bot.replies(one["peer"])
        said = {"MessageId": reply["provider_message_id"], "DeliveryStatus": "Failed"}
        await bot.post([event(REPORT, REPORT_DATA | said)])
        await bo.post(f"/console/messages/{reply['id']}/resend")
        names = [f"<span>by {each.name}</span>" for each in (ada, bo)]
        assert re.findall("<span>by .*?</span>", await ada.page(f"{PATH}/{one['id']}")) == names
        # However much people did since.
        done = {"conversation_id": one["id"], "details": "t", "by": "admin", "at": utc_now()}
        async with bot.service.database.writing() as connection:
            await connection.execute(
                insert(actions),
                [done | {"id": str(uuid7()), "action": do} for _ in range(30) for do in ("tag", "untag")],
            )
        assert re.findall("<span>by .*?</span>", await ada.page(f"{PATH}/{one['id']}")) == names


async def test_what_may_be_an_opt_out_is_quoted_where_it_is_decided(bot: Running) -> None:
    one = await somebody(bot, "please take me off this list")
    async with desk(bot) as ada:
        html = await ada.page(f"{PATH}/{one['id']}")
        assert '<q dir="auto">please take me off this list</q>' in html
        assert "suspicious" in html
        assert "Opt out: send nothing more" in html
        assert "No opt-out: go on texting" in html


async def test_a_conversation_is_exported_whole(bot: Running) -> None:
    one = await somebody(bot, "hours")
    await bot.replies(one["peer"])
    async with desk(bot) as ada:
        await ada.post(f"{PATH}/{one['id']}/note", text="For the file.")
        answer = await ada.http.get(f"{PATH}/{one['id']}/export")
        assert "attachment" in answer.headers["content-disposition"]
        whole = answer.json()
        assert [each["text"] for each in whole["messages"]] == ["hours", "Corner Books is open Mon-Sat 9-18."]
        assert [each["details"] for each in whole["actions"]] == ["For the file."]
        assert (await ada.http.get(f"{PATH}/nobody/export")).status_code == 404


async def test_what_was_read_is_read_until_they_write_again(bot: Running) -> None:
    one = await somebody(bot)
    path = f"{PATH}/{one['id']}"
    async with desk(bot) as ada:
        await ada.post(f"{path}/hand-over")
        assert 'class="unread"' in await ada.page(f"{PATH}?q={one['peer'][1:]}")
        await ada.post(f"{path}/here", read="1")
        assert 'class="unread"' not in await ada.page(f"{PATH}?q={one['peer'][1:]}")
        await ada.post(f"{path}/unread", read="1")
        assert 'class="unread"' in await ada.page(f"{PATH}?q={one['peer'][1:]}")


async def test_menus_work_without_a_script(bot: Running) -> None:
    one = await somebody(bot)
    async with browser(bot, ADMIN) as http:
        more = await http.get(f"{PATH}/{one['id']}/more?waiting=1")
        assert "Mark as unread" in more.text
        assert f'href="{PATH}/{one["id"]}?waiting=1"' in more.text
        filters = await http.get("/console/filters?waiting=1")
        assert re.search(r"Opted out\s*<b>\d+\+?</b>", filters.text)
        texts = await http.get(f"{PATH}/{one['id']}/texts")
        assert "There are no texts yet." in texts.text


# Through the API


async def test_the_api_does_and_undoes_and_counts(bot: Running) -> None:
    one = await somebody(bot)
    await bot.send("PUT", f"/api/conversations/{one['id']}/handover")
    before = (await bot.get("/api/inbox")).json()
    body = {"do": "done", "conversations": [one["id"]]}
    done = await bot.send("POST", "/api/acts", json=body)
    assert (done.status_code, done.json()["changed"]) == (200, [one["id"]])
    assert (await bot.get("/api/inbox")).json()["waiting"] == before["waiting"] - 1
    undone = await bot.send("POST", f"/api/acts/{done.json()['id']}/undo")
    assert undone.json()["changed"] == [one["id"]]
    assert (await bot.get("/api/inbox")).json() == before
    assert (await bot.send("POST", "/api/acts", json=body, token=VIEWER)).status_code == 403
    wrong = body | {"conversations": ["no such"]}
    assert (await bot.send("POST", "/api/acts", json=wrong)).status_code == 404


async def test_the_api_plans_and_takes_back_and_notes(bot: Running) -> None:
    one = await somebody(bot)
    path = f"/api/conversations/{one['id']}"
    at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    planned = await bot.send("POST", f"{path}/planned", json={"text": "Later.", "at": at})
    assert (planned.status_code, planned.json()["status"]) == (202, "waiting")
    taken = await bot.send("DELETE", f"/api/planned/{planned.json()['id']}")
    assert taken.json()["status"] == "cancelled"
    again = await bot.send("DELETE", f"/api/planned/{planned.json()['id']}")
    assert again.status_code == 409
    assert [each["status"] for each in (await bot.get(f"{path}/planned")).json()["items"]] == ["cancelled"]
    naive = await bot.send("POST", f"{path}/planned", json={"text": "x", "at": "2030-01-01T10:00:00"})
    assert naive.status_code == 400
    assert (await bot.send("POST", f"{path}/notes", json={"text": "Ours."})).status_code == 200
    kinds = [each["action"] for each in (await bot.get(f"{path}/actions")).json()["items"]]
    assert kinds == ["take back", "note"]


# Pure functions


async def test_a_text_is_measured_as_it_would_be_sent() -> None:
    for text in ("a" * 160, "a" * 161, "ł" * 70, "ł" * 71, "😀" * 35):
        cost = measured(text)
        assert cost is not None
        assert cost.size == measure(text)
    full, split = measured("a" * 160), measured("a" * 161)
    assert full is not None
    assert split is not None
    assert (full.left, split.left) == (0, 145)
    assert measured("  ") is None


async def test_a_wait_is_told_in_one_word() -> None:
    now = datetime(2026, 11, 26, 12, tzinfo=UTC)
    told = {
        "minutes=0": "waits",
        "minutes=59": "waits 59 min",
        "minutes=200": "waits 3 h",
        "days=2": "waits 2 d",
    }
    for ago, said in told.items():
        name, count = ago.split("=")
        assert waits(now - timedelta(**{name: int(count)}), now) == said
    assert waits(None, now) == ""


async def test_later_is_told_in_the_persons_own_time() -> None:
    paris, now = ZoneInfo("Europe/Paris"), datetime(2026, 11, 26, 23, 30, tzinfo=UTC)  # Friday there already
    assert read_later("1h", "", paris, now) == now + timedelta(hours=1)
    assert read_later("tomorrow", "", paris, now) == datetime(2026, 11, 28, 8, tzinfo=UTC)
    assert read_later("monday", "", paris, now) == datetime(2026, 11, 30, 8, tzinfo=UTC)
    assert read_later("", "2026-11-27T15:00", paris, now) == datetime(2026, 11, 27, 14, tzinfo=UTC)
    edges = (
        "9999-12-31T23:59-14:00",
        "0001-01-01T00:00",
        "9999-12-31T23:59+00:00",
    )  # beyond the calendar in UTC
    for typed in ("", "soon", "2026-11-26T15:00", "2099-01-01T00:00", *edges):
        with pytest.raises(ClientException):
            read_later("", typed, paris, now)


@pytest.mark.parametrize(
    "now", [datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 3, 29, 0, 30, tzinfo=UTC)]
)
async def test_in_an_hour_is_an_hour_also_where_clocks_are_changed(now: datetime) -> None:
    assert read_later("1h", "", ZoneInfo("Europe/Paris"), now) == now + timedelta(hours=1)


async def test_the_time_elsewhere_is_told_where_it_is_another() -> None:
    noon = datetime(2026, 11, 26, 12, tzinfo=UTC)
    with in_zone("Europe/Paris"):
        assert there(noon, ZoneInfo("America/New_York")) == "07:00 America/New_York"
        assert there(noon, ZoneInfo("Europe/Berlin")) == ""
