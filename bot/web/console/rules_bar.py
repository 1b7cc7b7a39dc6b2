"""What the save bar of the editor says: what changed, what that changes for real messages, which tests disagree."""

from msgspec import Struct

from bot.rulebook.editing.acceptance import by_wording
from bot.rulebook.editing.drafts import Draft
from bot.rulebook.editing.rule_changes import RuleChange, rule_changes
from bot.rulebook.files.tables import is_csv
from bot.rulebook.simulate.changed_answers import AnswerPair, answer_pairs, rules_of_change
from bot.rulebook.simulate.replay import Replayed
from bot.rulebook.simulate.test_runner import CheckedTest


class SaveBar(Struct, frozen=True, kw_only=True):
    """An unsaved text beside the saved one."""

    is_changed: bool
    #: None: the file is a table.
    rules: tuple[RuleChange, ...] | None = ()
    #: Messages that it was tried on, and those of them that would be answered otherwise; None: it can't be tried.
    messages: int | None = None
    changed: int = 0
    #: The rules that would answer them.
    by: tuple[str | None, ...] = ()
    pairs: tuple[AnswerPair, ...] = ()
    #: Tests of this file that fail by wording alone, and those of others, as each has other lines.
    own_tests: tuple[int, ...] = ()
    other_tests: tuple[tuple[str, int], ...] = ()


def save_bar(file: str, before: str | None, text: str, draft: Draft, replayed: Replayed | None) -> SaveBar:
    """What there is to say of a text; `replayed` is what it changes for stored messages."""
    tests = [test for test in (draft.outcomes.tests if draft.outcomes else ()) if _expects_old_wording(test)]
    return SaveBar(
        is_changed=text != before,
        rules=None if is_csv(file) else rule_changes(before or "", text),
        messages=None if replayed is None else replayed.messages,
        changed=0 if replayed is None else replayed.changed,
        by=() if replayed is None else rules_of_change(replayed),
        pairs=() if replayed is None else answer_pairs(replayed),
        own_tests=tuple(test.line for test in tests if test.file == file),
        other_tests=tuple((test.file, test.line) for test in tests if test.file != file),
    )


def _expects_old_wording(test: CheckedTest) -> bool:
    return bool(test.failures) and all(map(by_wording, test.failures))
