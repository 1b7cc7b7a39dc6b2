"""The API of a whole bot: who may, what it shows, page by page, and how it says no."""

from typing import Any

import pytest

from tests.support.acs import Acs
from tests.support.events import a_number, received, report
from tests.support.problems import assert_problem
from tests.support.processes import ADMIN, VIEWER, Bot

LISTS = ["/api/conversations", "/api/conversations/{id}/messages", "/api/rejected"]
OTHERS = ["/api/conversations/{id}", "/api/messages/{message}", "/api/rules"]
NOWHERE = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def talked(bot: Bot, peer: str) -> dict[str, Any]:
    """A conversation in which a text was answered."""
    bot.post([received(peer, "hours")])
    bot.replies_when(peer, "sent")
    return bot.conversation(peer)


def filled(path: str, bot: Bot, conversation: dict[str, Any]) -> str:
    message = bot.messages(conversation["peer"])[0]["id"]
    return path.format(id=conversation["id"], message=message)


def test_nothing_is_shown_without_a_token(bot: Bot, talked: dict[str, Any]) -> None:
    """Without any, with a wrong one, by another scheme."""
    paths = [filled(path, bot, talked) for path in (*LISTS, *OTHERS)]
    for offered in ("", "Bearer wrong", "Basic " + VIEWER["Authorization"][7:]):
        headers = {"Authorization": offered} if offered else {}
        for path in paths:
            answer = bot.http.get(path, headers=headers)
            assert_problem(answer, 401)
            assert answer.headers["WWW-Authenticate"] == "Bearer", (offered, path)
        assert_problem(bot.http.post("/api/try", json={"text": "x"}, headers=headers), 401)


def test_the_viewer_may_look_at_all_and_say_nothing(bot: Bot, talked: dict[str, Any]) -> None:
    for path in (*LISTS, *OTHERS):
        assert bot.http.get(filled(path, bot, talked), headers=VIEWER).status_code == 200
    path = f"/api/conversations/{talked['id']}/messages"
    assert_problem(bot.http.post(path, json={"text": "Hello"}, headers=VIEWER), 403)
    assert len(bot.messages(talked["peer"])) == 2


def test_a_conversation_and_its_messages_have_the_documented_shape(
    bot: Bot, acs: Acs, talked: dict[str, Any]
) -> None:
    assert list(talked) == [
        "id", "number", "peer", "opted_out", "last_message_at", "last_text", "tags", "flow", "delivery",
    ]  # fmt: skip
    assert (talked["number"], talked["last_text"], talked["flow"]) == (
        "+15555550100",
        "We are open 9-18.",
        None,
    )
    inbound, reply = bot.messages(talked["peer"])
    assert set(reply) >= {
        "id", "conversation_id", "direction", "text", "provider_message_id", "rule", "in_reply_to", "status",
        "status_details", "segments", "encoding", "created_at", "updated_at", "history",
    }  # fmt: skip
    assert (inbound["direction"], inbound["status"], inbound["rule"]) == ("inbound", "received", "hours")
    assert (reply["direction"], reply["rule"], reply["in_reply_to"]) == ("outbound", "hours", inbound["id"])
    assert (reply["segments"], reply["encoding"]) == (1, "GSM-7")
    assert reply["provider_message_id"] == acs.messages(talked["peer"])[0]["messageId"]
    for moment in (reply["created_at"], reply["history"][1]["at"], talked["last_message_at"]):
        assert moment.endswith(("Z", "+00:00"))
    assert bot.get(f"/conversations/{talked['id']}") == talked


def test_pages_hold_everything_once_and_in_order(bot: Bot, peer: str) -> None:
    for turn in range(7):
        bot.post([received(peer, f"hours {turn}")])
    whole = bot.messages(peer)
    path = f"/conversations/{bot.conversation(peer)['id']}/messages"
    assert [message["id"] for message in pages(bot, path, 3)] == [message["id"] for message in whole]
    assert [m["text"] for m in whole if m["direction"] == "inbound"] == [f"hours {turn}" for turn in range(7)]


def test_conversations_come_newest_first_page_by_page(bot: Bot, number: str) -> None:
    peers = [a_number() for _ in range(7)]
    for peer in peers:
        bot.post([received(peer, "hours", number=number)])
    found = pages(bot, "/conversations", 2, number=number)
    assert [conversation["peer"] for conversation in found] == peers[::-1]
    bot.post([received(peers[0], "again", number=number)])
    assert bot.get("/conversations", number=number, limit=1)["items"][0]["peer"] == peers[0]


def test_conversations_of_one_moment_are_all_listed(bot: Bot, number: str) -> None:
    """A batch has one time for all: the cursor must not skip its twins."""
    peers = [a_number() for _ in range(9)]
    bot.post([received(peer, "hours", number=number) for peer in peers])
    found = [conversation["peer"] for conversation in pages(bot, "/conversations", 2, number=number)]
    assert sorted(found) == sorted(peers)


def test_filters_narrow_and_combine(bot: Bot, acs: Acs, number: str) -> None:
    one, two = a_number(), a_number()
    bot.post([received(one, "hours", number=number), received(two, "stop", number=number)])
    for peer in (one, two):
        bot.replies_when(peer, "sent")
    bot.post([report(acs.messages(one)[0], "Failed")])

    def peers(**filters: Any) -> list[str]:
        items = bot.get("/conversations", number=number, **filters)["items"]
        return [conversation["peer"] for conversation in items]

    assert peers(delivery="failed") == [one]
    assert peers(delivery="sent", opted_out=True) == [two]
    assert peers(delivery="sent", opted_out=False) == []
    assert peers(peer=one.removeprefix("+")) == [one]  # in any writing
    assert peers(peer=f"{one[:2]} ({one[2:5]}) {one[5:8]}-{one[8:]}") == [one]
    assert peers(peer=a_number()) == []


def test_a_limit_is_1_to_200(bot: Bot, talked: dict[str, Any]) -> None:
    for path in [filled(path, bot, talked) for path in LISTS]:
        for limit in ("0", "201", "-1", "many", "1.5"):
            answer = bot.http.get(path, params={"limit": limit}, headers=VIEWER)
            assert answer.status_code == 400, (limit, answer.text)
            assert answer.json()["errors"][0]["key"] == "limit"
    assert len(bot.get("/conversations", limit=200)["items"]) >= 1


def test_a_cursor_that_no_list_gave_is_refused(bot: Bot, talked: dict[str, Any]) -> None:
    for path in [filled(path, bot, talked) for path in LISTS]:
        for cursor in ("x", "!!", "", "WzFd", "eyJhIjoxfQ", "WyJ4IiwgInkiXQ", "\x00", "é", "A" * 5000):
            answer = bot.http.get(path, params={"cursor": cursor}, headers=VIEWER)
            # WzFd is [1]: to the list of messages that is a place like any other.
            if cursor == "WzFd" and path.endswith("/messages"):
                assert answer.status_code == 200
            else:
                assert "cursor" in assert_problem(answer, 400), (cursor, path)


def test_what_is_not_there_or_not_understood_is_a_problem(bot: Bot) -> None:
    for path, status in (
        (f"/api/conversations/{NOWHERE}", 404),
        (f"/api/conversations/{NOWHERE}/messages", 404),
        (f"/api/messages/{NOWHERE}", 404),
        ("/api/messages/x%00y", 404),
        ("/api/nothing", 404),
        ("/nothing", 404),
        ("/api/conversations?delivery=lost", 400),
        ("/api/conversations?opted_out=maybe", 400),
        ("/api/try", 405),
    ):
        answer = bot.http.get(path, headers=VIEWER)
        assert answer.status_code == status, (path, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json", path
        assert answer.json()["status"] == status


def test_an_operators_reply_must_be_a_text(bot: Bot, talked: dict[str, Any]) -> None:
    path = f"/api/conversations/{talked['id']}/messages"
    for body in (b"", b"{", b"[]", b"{}", b'{"text": ""}', b'{"text": 1}', b'{"text": "%s"}' % (b"x" * 2049)):
        answer = bot.http.post(path, content=body, headers=ADMIN | {"Content-Type": "application/json"})
        assert answer.status_code == 400, (body[:20], answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json", body[:20]
    assert len(bot.messages(talked["peer"])) == 2


def test_trying_a_text_changes_nothing(bot: Bot, peer: str) -> None:
    answer = bot.http.post("/api/try", json={"text": "Order 123456", "from": peer}, headers=VIEWER)
    assert answer.status_code == 200
    tried = answer.json()
    assert tried["rule"] == "order"
    assert tried["replies"] == ["Order 123456: we are looking it up.", "Reply HELP to talk to a person."]
    assert tried["why"]
    assert bot.messages(peer) == []


def test_the_rules_in_force_are_listed_with_their_places(bot: Bot) -> None:
    rules = bot.get("/rules")
    assert len(rules["version"]) == 12
    assert [rule["name"] for rule in rules["rules"]][:3] == ["stop", "start", "hours"]
    assert (rules["rules"][0]["file"], rules["rules"][0]["line"]) == ("rules.yaml", 2)


def test_the_api_describes_itself(bot: Bot) -> None:
    schema = bot.http.get("/docs/openapi.json").json()
    assert {"/api/conversations", "/api/conversations/{conversation_id}/messages", "/api/try"} <= set(
        schema["paths"]
    )
    assert bot.http.get("/docs").status_code == 200


def pages(bot: Bot, path: str, limit: int, **filters: Any) -> list[dict[str, Any]]:
    """All of a list, in pages of `limit`."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = bot.get(path, limit=limit, **filters, **cursor)
        assert len(page["items"]) <= limit
        found += page["items"]
        if page["next"] is None:
            return found
        assert len(page["items"]) == limit
        cursor = {"cursor": page["next"]}
