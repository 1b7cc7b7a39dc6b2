"""What people do to conversations through the API is kept with who did it, and takes the admin's token."""

import itertools
import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio

from tests.support.api import DELIVERED, MESSAGE, OPTED_OUT, UTC_TIME, conversation_of, problem
from tests.support.console import browser, csrf_in
from tests.support.envelopes import REPORT, REPORT_DATA, event, inbound
from tests.support.properties import in_turn
from tests.support.rule_files import put
from tests.support.services import ADMIN, VIEWER, Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

INCIDENT = {
    "id", "conversation_id", "number", "peer", "kind", "reason", "message_id", "opened_at", "closed_at", "outcome",
    "closed_by",
}  # fmt: skip
ACTION = {"id", "conversation_id", "message_id", "action", "details", "by", "at"}

_peers = (f"+1555556{number:04}" for number in itertools.count())
_ids = (f"acting{number}" for number in itertools.count())


async def somebody(bot: Running, *texts: str) -> dict[str, Any]:
    """A conversation with a peer of its own who has said this."""
    peer = next(_peers)
    await say(bot, peer, *texts)
    return await conversation_of(bot, peer)


async def say(bot: Running, peer: str, *texts: str) -> None:
    for text in texts:
        answer = await bot.post([inbound(MessageId=next(_ids), From=peer, Message=text)])
        assert answer.status_code == 200


async def actions(bot: Running, conversation: dict[str, Any]) -> list[tuple[str, str | None, str]]:
    kept = await bot.items(f"/api/conversations/{conversation['id']}/actions")
    assert all(set(one) == ACTION and UTC_TIME.fullmatch(one["at"]) for one in kept)
    return [(one["action"], one["details"], one["by"]) for one in kept]


async def incidents(bot: Running, conversation: dict[str, Any], **wanted: str) -> list[dict[str, Any]]:
    return await bot.items("/api/incidents", conversation=conversation["id"], **wanted)


async def test_every_change_takes_the_admins_token(bot: Running) -> None:
    conversation = await conversation_of(bot, DELIVERED)
    at, message = f"/api/conversations/{conversation['id']}", (await bot.messages(DELIVERED))[1]["id"]
    for method, path, body in (
        ("PUT", f"{at}/handover", None), ("DELETE", f"{at}/handover", None), ("PUT", f"{at}/tags/x", None),
        ("DELETE", f"{at}/tags/x", None), ("PUT", f"{at}/opt-out", None), ("PUT", f"{at}/opt-in", {"consent": "x"}),
        ("POST", f"/api/messages/{message}/resend", None), ("POST", "/api/incidents/x/release", None),
        ("POST", f"{at}/messages", {"text": "Hello"}),
    ):  # fmt: skip
        problem(await bot.http.request(method, path, json=body), 401)
        problem(await bot.send(method, path, token=VIEWER, json=body), 403)
    assert await conversation_of(bot, DELIVERED) == conversation
    assert await actions(bot, conversation) == []


async def test_a_conversation_is_handed_to_somebody_and_for_a_time(bot: Running) -> None:
    conversation = await somebody(bot, "Where is my parcel?")
    path = f"/api/conversations/{conversation['id']}/handover"
    order = {"to": "  the   desk ", "urgent": True, "back_after_seconds": 7200}
    taken = (await bot.send("PUT", path, json=order, headers={"X-Bot-Person": "Ada"})).json()
    given = taken["handover"]
    assert (given["to"], given["urgent"], given["by"]) == ("the desk", True, "Ada")
    assert datetime.fromisoformat(given["back_at"]) - datetime.fromisoformat(given["since"]) == timedelta(
        hours=2
    )
    assert taken["incidents"][0]["reason"] == "the desk is waited for, urgently"
    after = (await bot.send("PUT", path, json={"to": "Eve"})).json()
    passed_on = after["handover"]
    assert (passed_on["to"], "back_at" in passed_on, "urgent" in passed_on) == ("Eve", False, False)
    (incident,) = after["incidents"]
    assert (incident["id"], incident["reason"]) == (taken["incidents"][0]["id"], "Eve is waited for")
    for wrong in ({"to": ""}, {"back_after_seconds": 5}, {"to": "x" * 65}, {"urgent": "yes"}):
        problem(await bot.send("PUT", path, json=wrong), 400)
    assert "handover" not in (await bot.send("DELETE", path)).json()


async def test_who_does_something_is_told_how_many_messages_are_in_each_state(bot: Running) -> None:
    conversation = await conversation_of(bot, DELIVERED)
    assert conversation["delivery"]["delivered"] > 0
    for method in ("PUT", "DELETE"):
        after = (await bot.send(method, f"/api/conversations/{conversation['id']}/tags/counted")).json()
        assert after["delivery"] == conversation["delivery"]


@pytest.mark.both_databases
async def test_a_conversation_is_handed_over_and_back_as_often_as_one_likes(bot: Running) -> None:
    conversation = await somebody(bot, "What?")
    path = f"/api/conversations/{conversation['id']}/handover"
    for _ in range(2):
        taken = await bot.send("PUT", path, headers={"X-Bot-Person": "Ada"})
        assert (taken.status_code, taken.json().get("handed_over")) == (200, True)
    assert [one["id"] for one in await bot.items("/api/conversations", handed_over="true")] == [
        conversation["id"]
    ]
    assert [one["id"] for one in await bot.items("/api/conversations", waiting="true")] == [
        conversation["id"]
    ]
    assert [one["id"] for one in await bot.items("/api/conversations", incident="handover")] == [
        conversation["id"]
    ]
    await say(bot, conversation["peer"], "hours")
    assert len(await bot.messages(conversation["peer"])) == 2
    for _ in range(2):
        back = await bot.send("DELETE", path)
        assert (back.status_code, back.json().get("handed_over"), back.json().get("incidents")) == (
            200,
            None,
            None,
        )
    await say(bot, conversation["peer"], "hours")
    assert len(await bot.replies(conversation["peer"])) == 1
    assert await actions(bot, conversation) == [("hand over", None, "Ada"), ("hand back", None, "admin")]


async def test_tags_come_and_go(bot: Running) -> None:
    conversation = await somebody(bot, "What?")
    path = f"/api/conversations/{conversation['id']}/tags"
    assert (await bot.send("PUT", f"{path}/big%20order%20%E2%98%8E")).json()["tags"] == ["big order ☎"]
    assert (await bot.send("PUT", f"{path}/vip")).json()["tags"] == ["big order ☎", "vip"]
    assert [one["id"] for one in await bot.items("/api/conversations", tag="vip")] == [conversation["id"]]
    assert (await bot.send("DELETE", f"{path}/big%20order%20%E2%98%8E")).json()["tags"] == ["vip"]
    for tag in ("%20", "x" * 65):
        problem(await bot.send("PUT", f"{path}/{tag}"), 400)
    assert [each[:2] for each in await actions(bot, conversation)] == [
        ("tag", "big order ☎"), ("tag", "vip"), ("untag", "big order ☎"),
    ]  # fmt: skip


async def test_a_peer_is_opted_out_by_a_person_and_in_again_only_with_their_consent(bot: Running) -> None:
    conversation = await somebody(bot, "What?")
    at = f"/api/conversations/{conversation['id']}"
    out = await bot.send("PUT", f"{at}/opt-out", json={"reason": "Asked on the phone."})
    assert (out.status_code, out.json()["opted_out"]) == (200, True)
    problem(await bot.send("POST", f"{at}/messages", json={"text": "Sure?"}), 409)
    for body in ({}, {"consent": ""}, {"consent": " "}, {"consent": None}, None):
        problem(await bot.send("PUT", f"{at}/opt-in", json=body), 400)
    assert (await bot.get(at)).json()["opted_out"] is True
    back = await bot.send("PUT", f"{at}/opt-in", json={"consent": "Signed our form on 2026-11-23."})
    assert (back.status_code, back.json()["opted_out"]) == (200, False)
    assert await actions(bot, conversation) == [
        ("opt out", "Asked on the phone.", "admin"), ("opt in", "Signed our form on 2026-11-23.", "admin"),
    ]  # fmt: skip


async def test_an_opt_out_without_a_body_is_one_too(bot: Running) -> None:
    conversation = await somebody(bot, "What?")
    path = f"/api/conversations/{conversation['id']}/opt-out"
    assert (await bot.send("PUT", path)).json()["opted_out"] is True


async def failed_reply(bot: Running, code: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A conversation, and the reply in it of which the carrier said this."""
    conversation = await somebody(bot, "hours")
    (reply,) = await bot.replies(conversation["peer"])
    said = {
        "MessageId": reply["provider_message_id"], "DeliveryStatus": "Failed", "DeliveryStatusDetails": code,
    }  # fmt: skip
    await bot.post([event(REPORT, REPORT_DATA | said)])
    return conversation, (
        await bot.replies(conversation["peer"], "unconfirmed" if "5002" in code else "failed")
    )[0]


async def test_a_failed_reply_is_sent_again_once(bot: Running) -> None:
    conversation, failed = await failed_reply(bot, "4006: not reachable")
    answer = await bot.send("POST", f"/api/messages/{failed['id']}/resend")
    again = answer.json()
    assert answer.status_code == 202
    assert set(again) >= MESSAGE
    assert (again["resend_of"], again["text"], again["rule"]) == (failed["id"], failed["text"], "hours")
    assert (
        "again already"
        in problem(await bot.send("POST", f"/api/messages/{failed['id']}/resend"), 409)["detail"]
    )
    assert await actions(bot, conversation) == [("resend", None, "admin")]


async def test_what_may_have_arrived_is_sent_again_only_with_the_risk_named(bot: Running) -> None:
    _, unconfirmed = await failed_reply(bot, "5002: no report")
    path = f"/api/messages/{unconfirmed['id']}/resend"
    assert "may get it twice" in problem(await bot.send("POST", path), 409)["detail"]
    problem(await bot.send("POST", path, json={"may_arrive_twice": "perhaps"}), 400)
    assert (await bot.send("POST", path, json={"may_arrive_twice": True})).status_code == 202


async def test_what_arrived_is_not_sent_again(bot: Running) -> None:
    question, reply = await bot.messages(DELIVERED)
    for message in (question, reply):
        problem(
            await bot.send("POST", f"/api/messages/{message['id']}/resend", json={"may_arrive_twice": True}),
            409,
        )
    gone = (await bot.messages(OPTED_OUT))[-1]
    assert gone["status"] == "suppressed"
    problem(await bot.send("POST", f"/api/messages/{gone['id']}/resend"), 409)
    assert len(await bot.messages(DELIVERED)) == 2


@pytest.mark.both_databases
async def test_a_suspected_opt_out_is_decided_by_a_person(bot: Running) -> None:
    for is_opt_out, outcome in ((True, "opted out"), (False, "not an opt-out")):
        conversation = await somebody(bot, "Please take me off this list!")
        (found,) = await incidents(bot, conversation, open="true")
        assert set(found) == INCIDENT
        assert (found["kind"], found["peer"], found["closed_at"]) == ("opt-out", conversation["peer"], None)
        assert [one["id"] for one in conversation["incidents"]] == [found["id"]]
        body = {"json": {"opt_out": True}} if is_opt_out else {}
        released = await bot.send("POST", f"/api/incidents/{found['id']}/release", **body)
        assert (released.status_code, released.json()["outcome"]) == (200, outcome)
        assert released.json()["closed_by"] == "admin"
        now = (await bot.get(f"/api/conversations/{conversation['id']}")).json()
        assert (now["opted_out"], now.get("incidents")) == (is_opt_out, None)
        assert await incidents(bot, conversation, open="true") == []
        assert await incidents(bot, conversation, open="false") == [released.json()]


async def test_releasing_twice_is_as_good_as_once(bot: Running) -> None:
    conversation = await somebody(bot, "Please take me off this list!")
    path = f"/api/incidents/{conversation['incidents'][0]['id']}/release"
    assert (await bot.send("POST", path)).json() == (await bot.send("POST", path)).json()
    assert len(await actions(bot, conversation)) == 1


@pytest.mark.parametrize("name", ["nope", "%00", "%FF", "x" * 5_000])
async def test_there_is_nothing_to_do_to_what_is_not_there(bot: Running, name: str) -> None:
    at = f"/api/conversations/{name}"
    for method, path, body in (
        ("PUT", f"{at}/handover", None), ("DELETE", f"{at}/handover", None), ("PUT", f"{at}/tags/x", None),
        ("DELETE", f"{at}/tags/x", None), ("PUT", f"{at}/opt-out", None), ("PUT", f"{at}/opt-in", {"consent": "x"}),
        ("POST", f"/api/messages/{name}/resend", None), ("POST", f"/api/incidents/{name}/release", None),
        ("GET", f"{at}/actions", None),
    ):  # fmt: skip
        problem(await bot.send(method, path, json=body), 404)


async def test_a_person_may_have_any_name(bot: Running) -> None:
    conversation = await somebody(bot, "What?")
    names: dict[bytes, str] = {
        b"Ada": "Ada", b"x" * 500: "x" * 64, b"": "admin", "Zoë ☎".encode(): "Zoë ☎", b"Zo\xeb": "Zo\ufffd",
    }  # fmt: skip
    for number, name in enumerate(names):
        header: Any = {"X-Bot-Person": name}
        answer = await bot.send(
            "PUT", f"/api/conversations/{conversation['id']}/tags/{number}", headers=header
        )
        assert answer.status_code == 200
    assert [by for _, _, by in await actions(bot, conversation)] == list(names.values())


@pytest.mark.parametrize("query", ["open=perhaps", "kind=flood", "limit=0", "cursor=x", "kind="])
async def test_incidents_that_can_not_be_asked_for_are_refused(bot: Running, query: str) -> None:
    problem(await bot.get(f"/api/incidents?{query}"), 400)


async def test_every_action_is_documented(bot: Running) -> None:
    paths = (await bot.http.get("/docs/openapi.json")).json()["paths"]
    at = "/api/conversations/{conversation_id}"
    for path, methods in {
        f"{at}/handover": {"put", "delete"}, f"{at}/tags/{{tag}}": {"put", "delete"}, f"{at}/opt-out": {"put"},
        f"{at}/opt-in": {"put"}, f"{at}/actions": {"get"}, f"{at}/messages": {"get", "post"},
        "/api/messages/{message_id}/resend": {"post"}, "/api/incidents": {"get"},
        "/api/incidents/{incident_id}/release": {"post"},
    }.items():  # fmt: skip
        assert set(paths[path]) == methods
    parameters = {one["name"] for one in paths["/api/incidents"]["get"]["parameters"]}
    assert parameters == {"open", "kind", "conversation", "limit", "cursor"}


async def test_nothing_makes_these_answer_500(bot: Running) -> None:
    conversation = await somebody(bot, "What?")
    at = f"/api/conversations/{conversation['id']}"
    paths = [f"{at}/opt-out", f"{at}/opt-in"]
    for path in paths:
        for body in (b"null", b"[]", b"5", b'"x"', b"\xff", b"[" * 100_000, b'{"reason": "\\ud800"}'):
            answer: httpx.Response = await bot.send(
                "PUT", path, content=body, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code in (200, 400), answer.text


ODD_TAGS = [
    "<b>bold</b>", '"><script>alert(1)</script>', "' onmouseover='x", "\u202egnp.exe", "a\x1b[2Jb", "javascript:x",
    "{{7*7}}",
]  # fmt: skip


@pytest.mark.hypothesis
@pytest.mark.both_databases
async def test_a_tag_is_inert_wherever_a_page_shows_it(bot: Running) -> None:
    """Each is shown on one database or the other."""
    conversation = await somebody(bot, "What?")
    async with browser(bot, ADMIN) as http:
        for tag in in_turn(ODD_TAGS, bot.service.database.is_sqlite, 2):
            await is_inert(bot, http, conversation["id"], tag)


async def is_inert(bot: Running, http: httpx.AsyncClient, conversation_id: str, tag: str) -> None:
    tagged = await bot.send("PUT", f"/api/conversations/{conversation_id}/tags/{quote(tag, safe='')}")
    if "/" in tag:  # a path has no place for it; the console's form has
        assert tagged.status_code in (200, 404), tag
    here = f"/console/conversations/{conversation_id}"
    csrf = csrf_in((await http.get(here)).text)
    answer = await http.post(f"{here}/tag", data={"csrf": csrf, "tag": tag, "kept": ""})
    assert answer.status_code == 303, tag
    for address in (here, "/console/conversations", f"/console/conversations?tag={quote(tag)}"):
        page = (await http.get(address)).text
        assert not re.search("<b>bold|<script>alert|' onmouseover='|\u202e|\x1b|>49<", page), tag
        assert 'href="javascript:' not in page, tag
    (stored,) = (await bot.get(f"/api/conversations/{conversation_id}")).json()["tags"]
    assert stored.isprintable(), tag
    await http.post(f"{here}/untag", data={"csrf": csrf, "tag": stored, "kept": ""})
    assert (await bot.get(f"/api/conversations/{conversation_id}")).json()["tags"] == [], tag


TONGUES = """\
rules:
  - {name: tongue, when: {keyword: {en: tongue, es: lengua}}, reply: {en: English, es: Castellano}}
  - {name: leave, when: {exact: [stopall, unsubscribe, cancel, end, quit]}, opt_out: true, reply: Goodbye.}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def speaking(bot: Running) -> Running:
    """The bot, with rules in English and Spanish from now on."""
    saved = await put(bot, "aa.yaml", TONGUES, If_None_Match="*")
    assert saved.status_code == 201, saved.text
    return bot


async def test_a_person_chooses_the_language_of_a_conversation(speaking: Running) -> None:
    bot = speaking
    conversation = await somebody(bot, "hours")
    await bot.replies(conversation["peer"])
    assert "language" not in conversation
    at = f"/api/conversations/{conversation['id']}/language"
    problem(await bot.http.put(at, json={"language": "es"}), 401)
    problem(await bot.send("PUT", at, token=VIEWER, json={"language": "es"}), 403)
    chosen = (await bot.send("PUT", at, json={"language": "es"})).json()
    assert chosen == (await bot.get(f"/api/conversations/{conversation['id']}")).json()
    assert chosen["language"] == "es"
    refused = problem(await bot.send("PUT", at, json={"language": "it"}), 409)
    assert refused["detail"] == "The rules have no texts in 'it': they speak en, es."
    problem(await bot.send("PUT", at, json={"language": 7}), 400)
    assert "language" not in (await bot.send("DELETE", at)).json()
    await say(bot, conversation["peer"], "lengua")
    assert (await bot.messages(conversation["peer"]))[-1]["text"] == "Castellano"
    assert (await conversation_of(bot, conversation["peer"]))["language"] == "es"
    assert await actions(bot, conversation) == [("language", "es", "admin"), ("language", None, "admin")]
    tried = (await bot.send("POST", "/api/try", json={"text": "tongue", "language": "es"})).json()
    assert (tried["replies"], tried["rule"]) == (["English"], "tongue")
    problem(await bot.send("POST", "/api/try", json={"text": "tongue", "language": "english"}), 400)


async def test_the_console_chooses_the_language(speaking: Running) -> None:
    bot = speaking
    conversation = await somebody(bot, "hours")
    page = f"/console/conversations/{conversation['id']}"
    async with browser(bot, ADMIN) as person:
        shown = (await person.get(f"{page}/more")).text
        assert '<option value="es">es</option>' in shown
        form = {"language": "es", "csrf": csrf_in(shown)}
        assert (await person.post(f"{page}/language", data=form)).status_code == 303
        assert '<option value="es" selected>es</option>' in (await person.get(f"{page}/more")).text
        shown = (await person.get(page)).text
    assert "speaks es" in shown
    assert "chose the language es" in shown
