"""Every finding is explained, by a mistake that gives it and a mend that does not."""

from pathlib import Path

import pytest

from bot.cli.code_lists import low_lists
from bot.queries.code_pools import CodesLeft
from bot.rulebook.files.loader import read_files
from bot.rulebook.findings import CODES
from bot.rulebook.lint.check import check_files, check_folder
from bot.rulebook.lint.explanations import Example, explanation_of
from bot.rulebook.simulate.test_runner import BoundedRun

GOOD = "rules:\n  - {name: a, when: {keyword: a}, reply: A}\n"


def make(code: str, example: Example, folder: Path, *, wrong: bool) -> Path:
    """A folder of rules as an example says, for what its text can't show."""
    file = folder / "shop.yaml"
    match code:
        case "E101":
            file.write_text(GOOD.replace("A}", "café}"), encoding="latin-1" if wrong else "utf-8")
        case "E103":
            file.write_text(GOOD + ("#" * 79 + "\n") * (70_000 if wrong else 1))
        case "E108":
            if wrong:
                file.symlink_to(folder / "gone")
            else:
                file.write_text(GOOD)
        case "E109" | "E110":
            if not wrong:
                file.write_text(GOOD)
            return folder / "nowhere" if wrong and code == "E109" else folder
        case "W112":
            (folder / ("shop.yml" if wrong else "shop.yaml")).write_text(GOOD)
            (folder / "more.yaml").write_text("")
        case "E411" | "W431" | "W433" | "W446" | "W459" | "I458":
            MADE[code](folder, wrong)
        case _:
            for name, text in ({"shop.yaml": example} if isinstance(example, str) else example).items():
                (folder / name).write_text(text)
    return folder


def with_long_reply(folder: Path, wrong: bool) -> None:
    texts = ["x" * 2_500] if wrong else ["x" * 1_250] * 2
    (folder / "shop.yaml").write_text(GOOD.replace("reply: A", f"reply: [{', '.join(texts)}]"))


def with_long_cell(folder: Path, wrong: bool) -> None:
    (folder / "stops.csv").write_text(f"stop,times\n4711,{'9:15 ' * (4_000 if wrong else 4)}\n")
    (folder / "shop.yaml").write_text(
        "tables: {stops: stops.csv}\n" + GOOD.replace("keyword: a", "table: stops")
    )


def with_secret(folder: Path, wrong: bool) -> None:
    secret = 'headers: {Authorization: "Bearer {{ secret.SHOP }}"}'
    asks = f"fetch: {{url: 'https://shop.example.com/', {secret}, otherwise: Later.}}"
    (folder / "shop.yaml").write_text(GOOD.replace("reply: A", f"reply: A, {asks}"))


def with_codes(folder: Path, wrong: bool) -> None:
    codes = "code: {from: codes.csv, save: code, missing: Gone.}"
    (folder / "shop.yaml").write_text(GOOD.replace("reply: A", f"reply: A, {codes}"))
    (folder / "codes.csv").write_text("code\n" + "".join(f"A{n}\n" for n in range(20)))


def with_many_mistakes(folder: Path, wrong: bool) -> None:
    keys = "".join(f", k{at}: x" for at in range(1_100 if wrong else 3))
    (folder / "shop.yaml").write_text(GOOD.replace("reply: A", f"reply: A{keys}"))


def with_tests(folder: Path, wrong: bool) -> None:
    (folder / "shop.yaml").write_text(GOOD + "tests: [{hear: a, say: A}]\n")


MADE = {
    "I458": with_many_mistakes,
    "E411": with_long_reply,
    "W431": with_secret,
    "W433": with_long_cell,
    "W446": with_codes,
    "W459": with_tests,
}


@pytest.mark.parametrize("code", CODES)
def test_the_example_has_the_mistake_and_the_mend_has_not(code: str, tmp_path: Path) -> None:
    found = explanation_of(code)
    assert found is not None, f"{code} needs an entry in bot/rulebook/lint/explanations.yaml"
    for wrong, example in ((True, found.mistake), (False, found.mend)):
        folder = tmp_path / str(wrong)
        folder.mkdir()
        secrets = () if code == "W431" and wrong else ("SHOP",)
        checked = check_folder(make(code, example, folder, wrong=wrong), secrets)
        findings = checked.findings
        if code == "W446" and checked.book:  # what is given stands in the database
            findings = low_lists(
                checked.book, [CodesLeft(pool="codes.csv", left=1 if wrong else 15, total=20)]
            )
        if code == "W459":  # the command line takes its time
            findings = check_files(
                read_files(folder), secrets, BoundedRun(seconds=0 if wrong else 60)
            ).findings
        assert (code in {each.code for each in findings}) == wrong, [str(each) for each in findings]
        if not wrong and code[0] == "E" and isinstance(example, str) and "\n" in example:
            assert not any(each.code[:2] in {"E1", "E2"} for each in findings)


def test_a_code_that_is_none_has_no_explanation() -> None:
    assert explanation_of("E999") is None
