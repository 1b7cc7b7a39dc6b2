"""The list of the whole book: its rules in the order in which they are tried, with their use and their mistakes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from bot.queries.rule_use import RuleUse
from bot.rulebook.background import in_background
from bot.rulebook.cards.file_card import opening_lines
from bot.rulebook.cards.sentence import plain_text
from bot.rulebook.editing.drafts import Draft, TooManyDrafts
from bot.rulebook.editing.outline import OutlineRule, outline
from bot.rulebook.files.tables import is_csv
from bot.rulebook.findings import Finding
from bot.storage.rule_drafts import RuleDraft
from bot.web.console.rules_drafts import live_drafts
from bot.web.console.rules_editor import LIST_PATIENCE, EditorPlace
from bot.web.console.sessions import Session

#: Rules on one page.
MOST_SHOWN: Final = 200
#: Drafts of which the mistakes are looked for.
_MOST_CHECKED: Final = 3


class ListedRule(Struct, frozen=True, kw_only=True):
    """A rule in the list."""

    rule: OutlineRule
    file: str
    #: Messages that it answered this week, and replies to these that failed.
    week: int = 0
    failed: int = 0
    #: No message ever met it.
    never_met: bool = False
    is_unsaved: bool = False
    mistakes: Sequence[Finding] = ()

    @property
    def says(self) -> str:
        """What it says first, with the names of its values in brackets."""
        return plain_text(self.rule.says)

    @property
    def key(self) -> str:
        """What a button says of it."""
        return f"{self.file}/{self.rule.at}/{self.rule.name}"


class ListedFile(Struct, frozen=True, kw_only=True):
    """A file in the list: its name on a thin line, and its rules."""

    name: str
    rules: Sequence[ListedRule] = ()
    #: How many it has, shown or not.
    count: int = 0
    #: Its text can't be told apart into rules.
    is_broken: bool = False
    mistakes: Sequence[Finding] = ()
    errors: int = 0
    #: When what this person has not saved was changed last.
    unsaved_since: datetime | None = None
    #: It began from an older text of the file.
    is_parked: bool = False
    #: Its hours and closed days: what each is called, and as it is written.
    opening: Sequence[tuple[str, str]] = ()


class RuleList(Struct, frozen=True, kw_only=True):
    """What the page shows."""

    files: Sequence[ListedFile]
    #: Rules that were found, and the place of the first that is shown, from 0.
    found: int
    start: int
    query: str = ""
    #: Drafts of files that are not there.
    new_drafts: Sequence[RuleDraft] = ()

    @property
    def shown(self) -> int:
        """How many rules the page has."""
        return sum(len(each.rules) for each in self.files)


async def list_rules(
    place: EditorPlace, session: Session, whole: Draft | None, query: str, start: int
) -> RuleList:
    """The rules of all files, or those in which all words of a search are found.

    `whole` is what there is to say of the files as they are on the disk; None where that is not known.
    """
    texts = place.console.shelf.files.texts
    drafts = await place.unsaved.of(session.person) if session.may_edit else []
    live = live_drafts(drafts, texts)
    async with place.console.database.reading() as connection:
        use = await place.uses.look(connection, datetime.now(UTC))
    findings = await _findings(place, session, whole, live)
    wanted = query.casefold().split()
    found, files = 0, []
    for name, text in texts.items():
        if is_csv(name):
            continue
        draft = live.get(name)
        rules = await in_background(outline, draft.text if draft else text)
        if rules is None and draft:
            rules = await in_background(outline, text)
        saved = {each.name: each.source for each in outline(text) or ()} if draft else None
        about = [each for each in findings if each.file == name and each.level != "info"]
        hits = [each for each in rules or () if all(word in each.words for word in wanted)]
        before, found = found, found + len(hits)
        shown = hits[max(0, start - before) : max(0, start + MOST_SHOWN - before)]
        waiting = draft or next((each for each in drafts if each.file == name), None)
        listed = [_listed(each, name, use, about, saved) for each in shown]
        elsewhere = [each for each in about if not any(_is_in(each, rule) for rule in rules or ())]
        files.append(
            ListedFile(
                name=name,
                rules=listed,
                count=len(rules or ()),
                is_broken=rules is None,
                mistakes=elsewhere,
                errors=sum(each.level == "error" for each in about),
                unsaved_since=waiting.updated_at if waiting else None,
                is_parked=draft is None and waiting is not None,
                opening=await in_background(opening_lines, draft.text if draft else text),
            )
        )
    if wanted:
        files = [each for each in files if each.rules]
    new = [each for each in drafts if each.file not in texts]
    return RuleList(files=files, found=found, start=start, query=query, new_drafts=new)


def _listed(
    rule: OutlineRule, file: str, use: RuleUse, about: Sequence[Finding], saved: Mapping[str, str] | None
) -> ListedRule:
    return ListedRule(
        rule=rule,
        file=file,
        week=use.answered.get(rule.name, 0),
        failed=use.failed.get(rule.name, 0),
        never_met=rule.name not in use.met,
        is_unsaved=saved is not None and saved.get(rule.name) != rule.source,
        mistakes=[each for each in about if _is_in(each, rule)],
    )


def _is_in(finding: Finding, rule: OutlineRule) -> bool:
    return rule.line <= finding.line <= rule.last_line


async def _findings(
    place: EditorPlace, session: Session, whole: Draft | None, live: Mapping[str, RuleDraft]
) -> list[Finding]:
    """Of the files as they are on the disk; of one with a draft, those of the draft."""
    findings = list(whole.findings) if whole else list(place.console.shelf.errors)
    if whole is None:
        return findings
    for draft in list(live.values())[:_MOST_CHECKED]:
        try:
            checked = await place.drafts.check(
                draft.file, draft.text, who=session.person, patience=LIST_PATIENCE
            )
        except TooManyDrafts:
            continue
        findings = [each for each in findings if each.file != draft.file]
        findings += [each for each in checked.findings if each.file == draft.file]
    return findings
