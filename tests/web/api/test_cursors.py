"""No list of the API takes a cursor that it can't have given: 400, and the database never sees it."""

import httpx
import pytest

from tests.support.api import DELIVERED
from tests.support.cursors import FORGED, OF_TWO_TEXTS
from tests.support.properties import in_turn
from tests.support.services import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Sorted by two numbers.
OF_NUMBERS = "/api/opt-outs"
LISTS = {
    "/api/answers", "/api/conversations", "/api/conversations/{conversation_id}/messages",
    "/api/conversations/{conversation_id}/actions", "/api/conversations/{conversation_id}/later",
    "/api/incidents", "/api/rejected", "/api/rejected/settled", "/api/rule-edits",
    "/api/outgoing-events", OF_NUMBERS,
}  # fmt: skip
#: A list that is asked for with more than a cursor.
OF_A_PERIOD = "/api/delivery/messages"
#: Lists of a rule that keeps answers, which this bot has none of: their cursors are tried in `test_answers.py`.
OF_A_RULE = {"/api/answers/{rule}"}
#: What makes a list another query: `find_conversations` looks at messages when a text or a rule is looked for.
NARROWED = ["/api/conversations?q=open", "/api/conversations?q=4711", "/api/conversations?rule=hours",
    f"{OF_A_PERIOD}?since=2026-11-23T12:00:00Z&until=2026-11-24T12:00:00Z"]  # fmt: skip


async def test_these_are_all_lists(bot: Running) -> None:
    paths = (await bot.http.get("/docs/openapi.json")).json()["paths"]
    found = {
        path
        for path, methods in paths.items()
        if any(each["name"] == "cursor" for each in methods.get("get", {}).get("parameters", ()))
    }
    assert found == LISTS | OF_A_RULE | {OF_A_PERIOD}


@pytest.mark.hypothesis
@pytest.mark.parametrize(("at", "path"), list(enumerate([*sorted(LISTS), *NARROWED])))
@pytest.mark.both_databases
async def test_a_forged_cursor_is_the_askers_mistake(bot: Running, at: int, path: str) -> None:
    """Each list meets each cursor, on one database or the other."""
    (conversation,) = await bot.items("/api/conversations", peer=DELIVERED)
    address = httpx.URL(path.format(conversation_id=conversation["id"]))
    for cursor in in_turn(FORGED, at + bot.service.database.is_sqlite, 2):
        try:
            cursor.encode()
        except UnicodeEncodeError:
            continue  # no request can say it so; as `%ED%A0%80` it comes below
        answer = await bot.get(str(address.copy_merge_params({"cursor": cursor})))
        if path == OF_NUMBERS and cursor in OF_TWO_TEXTS:
            assert answer.status_code == 200, answer.text
            continue
        if not cursor:
            assert answer.status_code in (200, 400)  # of a list with nothing more to say it means the start
            continue
        assert answer.status_code == 400, (cursor, answer.text)
        assert "cursor" in answer.json()["detail"]


@pytest.mark.parametrize("path", sorted(LISTS))
async def test_a_surrogate_and_a_huge_cursor_are_refused(bot: Running, path: str) -> None:
    (conversation,) = await bot.items("/api/conversations", peer=DELIVERED)
    for raw in ("%ED%A0%80", "%00", "A" * 5_000):
        answer = await bot.get(f"{path.format(conversation_id=conversation['id'])}?cursor={raw}")
        assert answer.status_code == 400, (raw[:20], answer.text)
