"""Unsaved texts are checked and tried in the place of the file that they would be."""

import asyncio
import threading
from collections.abc import Collection
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from bot.rulebook.decision import HeardMessage
from bot.rulebook.editing.drafts import MOST_AT_ONCE, MOST_WAITING, Drafts, TooManyDrafts, TooSlowDraft
from bot.rulebook.editing.folder import RuleFolder
from bot.rulebook.files.loader import FilesRead, Loaded, load_folder
from bot.rulebook.lint.check import RunTests, check_files
from bot.rulebook.simulate.phone_context import PhoneContext
from bot.rulebook.simulate.replay import AnsweredMessage
from tests.support.books import NOW
from tests.support.rule_files import OPT_OUT, SHOP, heavy_rules


@pytest.fixture
def folder(tmp_path: Path) -> RuleFolder:
    (tmp_path / "00-opt-out.yaml").write_text(OPT_OUT)
    (tmp_path / "10-shop.yaml").write_text(SHOP)
    return RuleFolder(tmp_path)


async def test_a_draft_is_checked_with_all_other_files(folder: RuleFolder) -> None:
    drafts = Drafts(folder)
    assert not (await drafts.check("10-shop.yaml", SHOP)).has_error
    again = await drafts.check("20-new.yaml", "rules: [{name: hours, when: {keyword: x}, reply: X.}]\n")
    assert [(each.file, each.code) for each in again.findings] == [("20-new.yaml", "E301")]
    assert again.has_error
    assert not (folder.path / "20-new.yaml").exists()


async def test_the_tests_of_a_draft_run(folder: RuleFolder) -> None:
    outcomes = (
        await Drafts(folder).check("10-shop.yaml", SHOP.replace("reply: Open", "reply: Shut"))
    ).outcomes
    assert outcomes is not None
    assert (outcomes.passed, outcomes.failed) == (0, 1)


async def test_the_same_draft_is_looked_at_once_and_anew_when_a_file_has_changed(folder: RuleFolder) -> None:
    drafts = Drafts(folder)
    first = await drafts.check("10-shop.yaml", SHOP)
    assert await drafts.check("10-shop.yaml", SHOP) is first
    (folder.path / "20-new.yaml").write_text("rules: [{name: hours, when: {keyword: x}, reply: X.}]\n")
    assert (await drafts.check("10-shop.yaml", SHOP)).has_error
    for number in range(10):
        await drafts.check("10-shop.yaml", f"{SHOP}# {number}\n")
    assert (await drafts.check("10-shop.yaml", SHOP)).has_error


async def test_a_talk_is_played_to_the_draft_from_its_beginning(folder: RuleFolder) -> None:
    asking = SHOP.replace(
        "\ntests:",
        "  - name: book\n    when: {keyword: book}\n    ask: [{save: day, question: Which day?}]\n"
        '    reply: "See you {{ day }}."\n\ntests:',
    )
    turns = await Drafts(folder).play("10-shop.yaml", asking, ["book", "friday", "stop", "hours"], NOW)
    assert [turn.replies for turn in turns][:2] == [("Which day?",), ("See you friday.",)]
    assert turns[1].key == 'answer to "day"'
    assert turns[3].silence == "opted out"
    assert any("opted out" in line for line in turns[3].why)


TALK = """\
timezone: Europe/Paris
rules:
  - {name: vote, when: {keyword: vote}, limit: 1 per 1m, reply: Counted.}
  - {name: ask, when: {keyword: ask}, ask: {save: it, question: {one_of: [Which?, What?, Say it.]}}, reply: Done.}
  - {name: day, when: {keyword: day}, only: {hours: "Mon-Fri 9:00-18:00"}, reply: By day.}
  - {name: night, when: {keyword: day}, reply: By night.}
"""
NIGHT = "2026-11-27T23:59:30+01:00"


@pytest.mark.parametrize(
    ("heard", "at", "steps"),
    [
        (["vote", "vote"], None, "talk: [{hear: vote, say: Counted.}, {hear: vote, say: [], after: 1s}]"),
        (["ask", "lamp"], None, "talk: [{hear: ask, rule: ask}, {hear: lamp, say: Done.}]"),
        (["vote", "hi"], None, "talk: [{hear: vote, say: Counted.}, {hear: hi, say: []}]"),
        (
            ["day", "vote"],
            NIGHT,
            "at: 2026-11-27 23:59, talk: [{hear: day, say: By night.}, {hear: vote, say: Counted.}]",
        ),
        (
            ["day", "vote", "vote"],
            NIGHT,
            "at: 2026-11-27 23:59, talk: [{hear: day, say: By night.}, VOTE, {hear: vote, say: [], after: 1s}]".replace(
                "VOTE", "{hear: vote, say: Counted., after: 1s}"
            ),
        ),
    ],
)
async def test_a_kept_talk_passes_as_a_test(
    folder: RuleFolder, heard: list[str], at: str | None, steps: str
) -> None:
    drafts = Drafts(folder)
    setting = PhoneContext(at=datetime.fromisoformat(at) if at else None)
    kept = await drafts.keep("20-new.yaml", TALK, heard, NOW, setting=setting)
    assert yaml.safe_load(kept.removeprefix(TALK)) == yaml.safe_load(f"tests: [{{{steps}}}]")
    outcomes = (await drafts.check("20-new.yaml", kept)).outcomes
    assert outcomes is not None
    assert [test.failures for test in outcomes.tests if test.file == "20-new.yaml"] == [()]


async def test_nobody_answers_for_a_text_that_cannot_be_read(folder: RuleFolder) -> None:
    drafts = Drafts(folder)
    assert await drafts.play("10-shop.yaml", "rules: 7\n", ["hours"], NOW) == ()
    book = load_folder(folder.path).book
    assert book is not None
    assert await drafts.compare("10-shop.yaml", "rules: 7\n", [], None, book) is None


async def test_what_would_change_is_told_against_the_book_in_force(folder: RuleFolder) -> None:
    book = load_folder(folder.path).book
    assert book is not None
    past = AnsweredMessage(
        conversation_id="c",
        message_id="m",
        heard=HeardMessage(id="m", text="hours", sender="+15555550101", recipient="+15555550100"),
        at=NOW,
        rule="hours",
        said=("Something else, long ago.",),
    )
    drafts = Drafts(folder)
    same = await drafts.compare("10-shop.yaml", SHOP, [past], None, book)
    other = await drafts.compare("10-shop.yaml", SHOP.replace("9-18", "10-19"), [past], None, book)
    assert same is not None
    assert other is not None
    assert (same.changed, other.changed) == (0, 1)


async def test_a_few_wait_for_their_turn_and_nobody_keeps_others_from_theirs(folder: RuleFolder) -> None:
    drafts = Drafts(folder)
    async with drafts.turn("viewer"):
        waiting = [
            asyncio.create_task(drafts.check("10-shop.yaml", f"{SHOP}# {at}\n", who="viewer"))
            for at in range(MOST_WAITING - 1)
        ]
        await asyncio.sleep(0)
        for _ in range(50):
            with pytest.raises(TooManyDrafts, match="ask again"):
                await drafts.check("10-shop.yaml", SHOP, who="viewer")
        assert not (await drafts.check("10-shop.yaml", SHOP, who="admin")).has_error
        assert not any(task.done() for task in waiting)
    assert not any(draft.has_error for draft in await asyncio.gather(*waiting))
    assert not (await drafts.check("10-shop.yaml", SHOP, who="viewer")).has_error


async def test_a_slow_check_holds_up_nobody_but_who_asked_for_it(
    folder: RuleFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, free = threading.Event(), threading.Event()

    def check(files: FilesRead, secrets: Collection[str] | None, run: RunTests) -> Loaded:
        if "# slow" in files.texts["10-shop.yaml"]:
            slow.set()
            free.wait(60)
        return check_files(files, secrets, run)

    monkeypatch.setattr("bot.rulebook.editing.drafts.check_files", check)
    drafts = Drafts(folder)
    hung = asyncio.create_task(drafts.check("10-shop.yaml", f"{SHOP}# slow\n", who="viewer"))
    await asyncio.to_thread(slow.wait, 60)
    behind = asyncio.create_task(drafts.check("10-shop.yaml", f"{SHOP}# quick\n", who="viewer"))
    assert not (await drafts.check("10-shop.yaml", SHOP, who="admin")).has_error
    assert not hung.done()
    assert not behind.done(), "a second one of the same people waits"
    free.set()
    assert not any(draft.has_error for draft in await asyncio.gather(hung, behind))


async def test_a_few_people_have_their_turn_at_once_and_the_next_waits(folder: RuleFolder) -> None:
    drafts = Drafts(folder)
    async with AsyncExitStack() as turns:
        for at in range(MOST_AT_ONCE):
            await turns.enter_async_context(drafts.turn(f"person {at}"))
        late = asyncio.create_task(drafts.check("10-shop.yaml", SHOP, who="late"))
        await asyncio.sleep(0.05)
        assert not late.done()
    assert not (await late).has_error


async def test_who_stops_waiting_leaves_the_place_to_others(folder: RuleFolder) -> None:
    drafts = Drafts(folder)
    async with drafts.turn("viewer"):
        task = asyncio.create_task(drafts.check("10-shop.yaml", SHOP, who="viewer"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        more = [asyncio.create_task(drafts.check("10-shop.yaml", SHOP, who="viewer")) for _ in range(3)]
        await asyncio.sleep(0)
    assert not any(draft.has_error for draft in await asyncio.gather(*more))


async def test_tests_that_take_too_long_are_not_run_and_said_to_be_so(
    folder: RuleFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.rulebook.simulate.test_runner.USUAL_SECONDS", 0.1)
    draft = await Drafts(folder).check("20-heavy.yaml", heavy_rules(tests=20))
    outcomes = draft.outcomes
    assert outcomes is not None
    assert outcomes.not_run > 0
    assert outcomes.passed + outcomes.not_run == 21
    assert [each.code for each in draft.findings if each.code in ("W459", "I416")] == ["W459"]
    assert not draft.has_error


async def test_a_talk_that_takes_too_long_is_given_up_with_a_sentence(
    folder: RuleFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafts = Drafts(folder)
    monkeypatch.setattr("bot.rulebook.editing.drafts._LONGEST_TRY", 0.0)
    book = load_folder(folder.path).book
    assert book is not None
    past = AnsweredMessage(
        conversation_id="c",
        message_id="m",
        heard=HeardMessage(id="m", text="hours", sender="+15555550101", recipient="+15555550100"),
        at=NOW,
        rule="hours",
        said=("Open 9-18.",),
    )
    with pytest.raises(TooSlowDraft, match="takes too long"):
        await drafts.play("10-shop.yaml", SHOP, ["hours"], NOW)
    with pytest.raises(TooSlowDraft, match="takes too long"):
        await drafts.compare("10-shop.yaml", SHOP, [past], None, book)
    assert not (await drafts.check("10-shop.yaml", SHOP)).has_error
    monkeypatch.setattr("bot.rulebook.editing.drafts._LONGEST_CHECK", 0.0)
    with pytest.raises(TooSlowDraft, match="takes too long"):
        await drafts.check("10-shop.yaml", f"{SHOP}# another\n")


async def test_who_has_no_patience_gets_no_turn_and_holds_none(folder: RuleFolder) -> None:
    drafts = Drafts(folder)
    async with AsyncExitStack() as at_work:
        for who in range(MOST_AT_ONCE):
            await at_work.enter_async_context(drafts.turn(str(who)))
        for who in ("0", "another"):
            with pytest.raises(TooManyDrafts, match="ask again"):
                await drafts.check("10-shop.yaml", SHOP, who=who, patience=0)
    async with AsyncExitStack() as at_work:
        for who in range(MOST_AT_ONCE):
            await at_work.enter_async_context(drafts.turn(str(who), 60))
