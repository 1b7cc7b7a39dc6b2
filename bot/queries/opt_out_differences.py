"""Where our opt-outs and Azure's own list differ."""

from collections.abc import Awaitable, Callable, Collection, Sequence

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.consent_tables import imported_opt_outs
from bot.storage.tables import conversations
from bot.text.numbers import is_phone_number

#: People that are asked about at once.
_AT_ONCE = 100

#: Whether people have opted out of a number of ours, by Azure; `bot.wire.acs_opt_outs` is the real one.
CheckAtAzure = Callable[[str, Sequence[str]], Awaitable[dict[str, bool | None]]]


class Pair(Struct, frozen=True, kw_only=True):
    """A person and a number of ours."""

    peer: str
    number: str


class Differences(Struct, frozen=True, kw_only=True):
    """What was found; nothing is changed for it."""

    compared: int
    only_here: list[Pair]
    only_at_azure: list[Pair]
    #: Azure gave no answer about these.
    unknown: list[Pair]


async def find_differences(
    connection: AsyncConnection, check: CheckAtAzure, numbers: Collection[str] = ()
) -> Differences:
    """Ask about everybody with whom there is a conversation, or whom a list names.

    `numbers` are ours, beside those of conversations: a list that names none is about all of them.
    """
    found: dict[str, list[Pair]] = {"only_here": [], "only_at_azure": [], "unknown": []}
    compared = 0
    for number, people in sorted((await _people(connection, numbers)).items()):
        peers = sorted(people)
        for start in range(0, len(peers), _AT_ONCE):
            answers = await check(number, peers[start : start + _AT_ONCE])
            for peer, there in answers.items():
                compared += there is not None
                if there is None:
                    found["unknown"].append(Pair(peer=peer, number=number))
                elif there != people[peer]:
                    found["only_at_azure" if there else "only_here"].append(Pair(peer=peer, number=number))
    return Differences(compared=compared, **found)


async def _people(connection: AsyncConnection, numbers: Collection[str]) -> dict[str, dict[str, bool]]:
    """By number of ours, who knows it and whether they have opted out."""
    people: dict[str, dict[str, bool]] = {each: {} for each in numbers if is_phone_number(each)}
    listed = imported_opt_outs.c
    by_all: list[str] = []
    for number, peer in await connection.execute(select(listed.number, listed.peer)):
        if number:
            people.setdefault(number, {})[peer] = True
        else:
            by_all.append(peer)
    table = conversations.c
    query = select(table.number, table.peer, table.opted_out)
    for number, peer, opted_out in await connection.execute(query):
        if is_phone_number(number) and is_phone_number(peer):
            people.setdefault(number, {})[peer] = opted_out
    for known in people.values():
        for peer in by_all:
            known.setdefault(peer, True)
    return people
