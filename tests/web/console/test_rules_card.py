"""What the card's script asks for: a letter sends the rule and the top of its file; the answer is about all of it."""

import html
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.text.utf16 import Utf16Offsets
from tests.support.console import browser, csrf_in
from tests.support.databases import Databases
from tests.support.envelopes import inbound
from tests.support.rule_files import running_book
from tests.support.services import ADMIN, Running

FILE = "10-shop.yaml"
HERE = f"/console/rules/{FILE}"
#: 120 rules, some characters of which are two units in a browser.
BOOK = "timezone: Europe/Paris\nrules:\n" + "".join(
    f"  - name: r{at}   # 🛑\n    when: {{keyword: [word{at}, other]}}\n    reply: No. {at}.\n\n"
    for at in range(120)
)
RULE = 90


@pytest.fixture
async def bot(tmp_path: Path, databases: Databases) -> AsyncIterator[Running]:
    async with running_book(tmp_path, databases, {FILE: BOOK}) as bot:
        yield bot


@pytest.fixture
async def admin(bot: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(bot, ADMIN) as http:
        http.headers["X-CSRF-Token"] = csrf_in((await http.get(HERE)).text)
        yield http


async def card(http: httpx.AsyncClient, text: str, rule: int) -> str:
    answer = await http.post(
        "/console/rules/draft/card", data={"file": FILE, "text": text, "rule": str(rule)}
    )
    assert answer.status_code == 200, answer.text
    return answer.text


def needs(card: str) -> list[list[int]]:
    found = re.search(r'data-needs="([^"]*)"', card)
    assert found, card
    ranges: list[list[int]] = json.loads(html.unescape(found[1]))
    return ranges


def cut(text: str, ranges: list[list[int]]) -> str:
    """The ranges of a text, as a browser cuts them."""
    units = text.encode("utf-16-le")
    return "".join(units[2 * start : 2 * end].decode("utf-16-le") for start, end in ranges)


async def splice(
    http: httpx.AsyncClient, text: str, ranges: list[list[int]] | None, *edits: Any, rule: int = RULE
) -> dict[str, Any]:
    fields = {"file": FILE, "text": text, "rule": str(rule), "edits": json.dumps(edits)}
    fields |= {} if ranges is None else {"ranges": json.dumps(ranges)}
    answer = await http.post("/console/rules/draft/splice", data=fields)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def spliced(text: str, answer: dict[str, Any]) -> str:
    offsets = Utf16Offsets(text)
    start, end = (offsets.characters(answer[name]) for name in ("from", "to"))
    return text[:start] + str(answer["insert"]) + text[end:]


def places(card: str) -> list[str]:
    """Of the fields; the rule itself may begin with its dash or behind it."""
    return re.findall(r'data-(?:from|to)="[^"]*"', card.partition("<header>")[2])


def set_word(value: str) -> dict[str, Any]:
    return {"do": "set", "path": ["when", "keyword", 0], "value": value}


def weight(card: str, kind: str = "keyword") -> str:
    found = re.search(rf'data-weight="{kind}">(.*?)</p>', card, re.DOTALL)
    assert found, card
    return re.sub(r"<button.*?</button>|<[^>]+>", "", found[1]).strip()


async def test_a_letter_sends_the_rule_alone_and_its_answer_is_about_the_whole_text(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    heard = ["d", "de", "de please", "deliver", "other", "so what"]
    await bot.post([inbound(MessageId=f"m{at}", Message=text) for at, text in enumerate(heard)])
    # A text that nobody has saved, and that the bot has never seen as a whole but in the card before.
    text = "# 🛑 not saved\n" + BOOK
    ranges = needs(await card(admin, text, RULE))
    for typed, wanted in (("d", 2), ("de", 3), ("deli", 1), ("deliver", 2)):
        part = cut(text, ranges)
        assert len(part) < 200
        answer = await splice(admin, part, ranges, set_word(typed))
        whole = await splice(admin, text, None, set_word(typed))
        text = spliced(text, answer)
        assert f"keyword: [{typed}, other]" in text
        assert weight(answer["card"]) == weight(whole["card"])
        assert weight(answer["card"]).startswith(f"{wanted} of the last 6 texts")
        # The same card, but for the names of all rules, which the page has; places are those of the whole text.
        assert {name: answer[name] for name in ("from", "to", "insert")} == {
            name: whole[name] for name in ("from", "to", "insert")
        }
        assert f'data-rule="{RULE}"' in answer["card"]
        assert needs(answer["card"]) == needs(whole["card"])
        assert places(answer["card"]) == places(whole["card"])
        ranges = needs(answer["card"])
    assert text == "# 🛑 not saved\n" + BOOK.replace(f"[word{RULE},", "[deliver,")


async def test_a_table_of_the_book_has_its_weight(tmp_path: Path, databases: Databases) -> None:
    text = "tables: {faq: faq.csv}\nrules:\n  - {name: faq, when: {table: faq}, reply: '{{ row.answer }}'}\n"
    files = {FILE: text, "faq.csv": "question,answer\nparking,Behind the house.\n"}
    async with running_book(tmp_path, databases, files) as bot, browser(bot, ADMIN) as http:
        await bot.post(
            [inbound(MessageId=f"m{at}", Message=each) for at, each in enumerate(["parking?", "what"])]
        )
        http.headers["X-CSRF-Token"] = csrf_in((await http.get(HERE)).text)
        assert weight(await card(http, text, 0), "table").startswith("1 of the last 2 texts")


async def test_the_file_s_own_card_needs_no_rule_at_all(admin: httpx.AsyncClient) -> None:
    ranges = needs(await card(admin, BOOK, -1))
    assert cut(BOOK, ranges) == "timezone: Europe/Paris\nrules:\n"
    edit = {"do": "set", "path": ["timezone"], "value": "Europe/Rome"}
    answer = await splice(admin, cut(BOOK, ranges), ranges, edit, rule=-1)
    assert spliced(BOOK, answer) == BOOK.replace("Europe/Paris", "Europe/Rome")


async def test_the_whole_text_is_asked_for_where_a_part_does_not_do(admin: httpx.AsyncClient) -> None:
    ranges = needs(await card(admin, BOOK, RULE))
    part = cut(BOOK, ranges)
    in_two_places = {"do": "language", "path": ["reply"], "value": "es"}
    two_rules = part.replace("    reply", "  - name: b\n    reply")
    cases = [
        (part, ranges, in_two_places),
        (part + "x", ranges, set_word("a")),  # the text was changed, and not the ranges
        (part, [*ranges[:-1], [ranges[-1][1], ranges[-1][0]]], set_word("a")),
        (two_rules, [[0, len(two_rules.encode("utf-16-le")) // 2]], set_word("a")),
        (part.replace("reply: ", "reply: &one "), [[0, len(part) + 6]], set_word("a")),
    ]
    for text, given, edit in cases:
        answer = await splice(admin, text, given, edit)
        assert answer["needs_all"], (text, given)
        assert (answer["from"], answer["card"]) == (None, "")
    answer = await splice(admin, BOOK, None, in_two_places)
    assert not answer["needs_all"]
    assert "languages: [en, es]" in spliced(BOOK, answer)
    fields = {"file": FILE, "text": part + "x", "rule": str(RULE), "ranges": json.dumps(ranges)}
    assert not (await admin.post("/console/rules/draft/card", data=fields)).text.strip()
