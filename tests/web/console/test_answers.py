"""The pages of what rules have kept."""

import re
from html import unescape
from pathlib import Path

from tests.support.console import browser
from tests.support.databases import Databases
from tests.support.envelopes import inbound
from tests.support.rule_files import running_book
from tests.support.services import VIEWER


async def test_a_rule_is_found_from_the_list_whatever_its_name(tmp_path: Path, databases: Databases) -> None:
    names = ["vote", "a/b", "a//b", "/lead", "tail/", "a/../b", "..", "50 %", "é?#&"]
    rules = "rules:\n" + "".join(
        f"  - {{name: '{name}', when: {{keyword: k{at}}}, ask: [{{save: day, question: Which?}}], reply: Noted.}}\n"
        for at, name in enumerate(names)
    )
    async with running_book(tmp_path, databases, {"10-ask.yaml": rules}) as bot, browser(bot, VIEWER) as http:
        html = (await http.get("/console/answers")).text
        paths = [unescape(each) for each in re.findall(r'<a href="([^"]*)" data-row', html)]
        titles = []
        for path in paths:
            answer = await http.get(path)
            assert answer.status_code == 200, path
            titles.append(unescape(re.search(r"<title>(.*?) ·", answer.text)[1]))
            file = re.search(r'<a class="button" href="([^"]*)"[^>]*>CSV<', answer.text)
            assert file
            assert (await http.get(unescape(file[1]))).headers["content-type"].startswith("text/csv")
        assert sorted(titles) == sorted(names)


async def test_what_a_rule_records_is_charted_as_a_whole(tmp_path: Path, databases: Databases) -> None:
    """A bar for each month of many days, and yes and no however the rule writes them."""
    rules = """\
rules:
  - {name: day, when: {pattern: '^day (?P<day>.+)$'}, record: {day: "{{ day }}"}}
  - {name: vote, when: {pattern: '^(?P<vote>yes|no)$'}, record: {vote: "{{ vote | upcase }}"}}
"""
    days = [f"day 2026-{month:02}-{day:02}" for month in (6, 7) for day in range(1, 15 - month % 2)]
    events = [
        inbound(MessageId=str(at), From=f"1555557{at:04}", Message=text)
        for at, text in enumerate([*days, "yes", "yes", "no"])
    ]
    async with running_book(tmp_path, databases, {"10.yaml": rules}) as bot, browser(bot, VIEWER) as http:
        await bot.post(events)
        bars = {
            name: re.findall(
                r'"label" dir="auto">(.*?)</span>.*?<strong>(.*?)</strong>',
                (await http.get(f"/console/answers/{name}")).text,
            )
            for name in ("day", "vote")
        }
    assert bars == {
        "day": [("2026-06", "14"), ("2026-07", "13")], "vote": [("yes", "2"), ("no", "1")],
    }  # fmt: skip
