"""The pages of what rules have kept."""

import re
from html import unescape
from pathlib import Path

from tests.support.console import browser
from tests.support.databases import Databases
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
