"""Every page and button of the rules works for every text that the checker takes, however it is laid out."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from bot.rulebook.lint.check import check_texts
from bot.web.console.rules_recipes import found_recipes
from tests.support.console import browser, csrf_in
from tests.support.databases import Databases
from tests.support.properties import in_turn
from tests.support.rule_files import running_book
from tests.support.rule_layouts import ODD_LAYOUTS
from tests.support.services import ADMIN, Running

SHOP = "rules:\n  - {name: hello, when: {keyword: hi}, reply: Hi}\n"
RECIPE = found_recipes("").recipes[0].slug
NEW_RULE = json.dumps([{"do": "rule", "path": []}])
VALUES = json.dumps([{"do": "insert", "path": ["values"], "value": {"shop": "x"}}])


@pytest.fixture
def files() -> dict[str, str]:
    """What the checker takes, by the files that say it."""
    shop = {"99-shop.yaml": SHOP}
    found = dict(shop)
    for at, odd in enumerate(ODD_LAYOUTS):
        one = {f"{at:02}.yaml": odd.replace("exact: b", f"exact: b{at}").replace("name: b", f"name: b{at}")}
        found.update(one if check_texts(shop | one).book is not None else {})
    assert check_texts(found).book is not None, "two of them disagree"
    return found


@pytest.fixture
async def bot(tmp_path: Path, databases: Databases, files: dict[str, str]) -> AsyncIterator[Running]:
    async with running_book(tmp_path, databases, files) as bot:
        yield bot


@pytest.fixture
async def admin(bot: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(bot, ADMIN) as http:
        http.headers["X-CSRF-Token"] = csrf_in((await http.get("/console")).text)
        yield http


@pytest.mark.hypothesis
async def test_every_layout_has_its_pages_and_buttons(
    admin: httpx.AsyncClient, files: dict[str, str]
) -> None:
    listed = await admin.get("/console/rules")
    assert listed.status_code == 200
    for at, text in enumerate(ODD_LAYOUTS):
        file = f"{at:02}.yaml"
        for query in in_turn(("", "?card=file", "?add"), at, 3) if file in files else ():
            assert file in listed.text
            page = await admin.get(f"/console/rules/{file}{query}")
            assert page.status_code == 200, (text, page.text)
        for rule, what in in_turn((("-1", "card"), ("0", "splice"), ("0", "card"), ("-1", "splice")), at, 4):
            edits = {} if what == "card" else {"edits": NEW_RULE if rule == "0" else VALUES}
            fields = {"file": file, "text": text, "rule": rule, **edits}
            answer = await admin.post(f"/console/rules/draft/{what}", data=fields)
            assert answer.status_code == 200, (text, what, answer.text)
        places = ((file, f"card {NEW_RULE}"), (file, f"recipe {RECIPE}"), ("new", "changes"))
        for place, do in in_turn(places, at, 3):
            data = {"text": text, "rule": "0", "do": do, "card-of": "x", "heard": "hi", "name": "new.yaml"}
            answer = await admin.post(f"/console/rules/{place}", data=data)
            assert answer.status_code == 200, (text, do, answer.text)
