"""Those who opted out in their conversations and those of lists are one list, by number."""

from datetime import UTC, datetime

from sqlalchemy import insert

from bot.queries.opt_outs import count_opt_outs, list_opt_outs
from bot.storage.consent_tables import imported_opt_outs
from tests.support.bots import OURS, Bot, heard

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


async def test_pages_of_both_make_one_list(bot: Bot) -> None:
    """However they lie between each other; what a conversation knows itself is not said twice."""
    said = [f"+1555555010{digit}" for digit in (1, 2, 5, 6, 9)]
    await bot.hear(*(heard("stop", peer=peer) for peer in said), heard("hours", peer="+15555550103"))
    listed = [("+15555550100", ""), ("+15555550102", OURS), ("+15555550103", ""), ("+15555550104", ""),
              ("+15555550104", OURS), ("+15555550106", ""), ("+15555550107", OURS)]  # fmt: skip
    common = {"at": NOW, "reason": "list", "imported_at": NOW, "by": "Ada"}
    expected = sorted(
        [(peer, OURS) for peer in said]
        + [(peer, number) for peer, number in listed if peer not in {"+15555550102", "+15555550106"}]
    )
    async with bot.database.writing() as connection:
        rows = [{"peer": peer, "number": number, **common} for peer, number in listed]
        await connection.execute(insert(imported_opt_outs), rows)
    async with bot.database.reading() as connection:
        for digits in (None, "555501", "+1555"):
            for limit in (1, 2, 3, 50):
                found, cursor = [], None
                while True:
                    page = await list_opt_outs(connection, digits, limit=limit, cursor=cursor)
                    found += [(each.peer, each.number or "") for each in page.items]
                    cursor = page.next
                    if cursor is None:
                        break
                assert found == expected, (digits, limit)
        assert await count_opt_outs(connection) == len(expected)
