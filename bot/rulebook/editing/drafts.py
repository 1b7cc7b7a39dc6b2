"""Unsaved texts: what is wrong in them, what they would answer, and what they would change."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from datetime import datetime, timedelta
from typing import ParamSpec, TypeVar

import msgspec

from bot.rulebook.background import TookTooLong, give_way, in_background, within
from bot.rulebook.book import Book, free_incrementally
from bot.rulebook.collector import frozen_afterwards
from bot.rulebook.editing.acceptance import accepted
from bot.rulebook.editing.folder import RuleFolder
from bot.rulebook.editing.kept_talk import keep_talk
from bot.rulebook.editing.source_tree import CannotSplice
from bot.rulebook.fetch import Fetched
from bot.rulebook.files.loader import FilesRead, Loaded
from bot.rulebook.findings import Finding, has_error
from bot.rulebook.lint.check import LONGEST_CHECK, check_files
from bot.rulebook.simulate.loop_guard import USUAL_CAPS, Caps
from bot.rulebook.simulate.phone_context import PhoneContext, to_the_minute, usual_test_time
from bot.rulebook.simulate.replay import AnsweredMessage, Replay, Replayed
from bot.rulebook.simulate.test_runner import USUAL_PAUSE, BoundedRun, Outcomes
from bot.rulebook.simulate.try_message import TRIED_PAUSE, TriedTurn, play, zone_of

#: Drafts that are kept: somebody who tries a text asks about the one that was just checked.
_MOST_KEPT = 4
#: Characters of rules from which on a draft is frozen. gc.freeze() would leak the cyclic garbage that is alive at that
#: moment, so smaller drafts do without.
_LARGE = 200_000
#: Drafts of the same people that wait or are being checked.
MOST_WAITING = 4
#: Drafts of different people that are checked at the same time.
MOST_AT_ONCE = 4
#: Seconds of work that the check of a draft may take, and all that a talk or stored messages are answered in.
_LONGEST_CHECK = LONGEST_CHECK
_LONGEST_TRY = 10.0
#: Turns of a talk that is tried.
MOST_TURNS = 50
_AS_USUAL = PhoneContext()

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """The whole book, with an unsaved text in the place of one of its files."""

    file: str
    loaded: Loaded
    #: None when the book can't be read.
    outcomes: Outcomes | None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """About all files."""
        return self.loaded.findings

    @property
    def has_error(self) -> bool:
        """Whether it would be refused."""
        return has_error(self.findings)


class TooManyDrafts(Exception):
    """The queue of drafts to be checked is full."""

    def __init__(self) -> None:
        super().__init__("Too many texts are being checked just now: wait a moment, then ask again.")


class TooSlowDraft(TooManyDrafts):
    """What was asked about a draft takes longer than others can wait; it was given up."""

    def __init__(self) -> None:
        Exception.__init__(
            self,
            "This was given up, for it takes too long: the templates of the text have too much to do. Make them"
            " plainer; `bot rules check` and `bot rules test` take all the time that they need.",
        )


class Drafts:
    """Checks and tries drafts, off the event loop: one at a time of the same people, and MOST_AT_ONCE in all.

    At most MOST_WAITING of the same people wait; one more raises `TooManyDrafts`. What takes too long is given up with
    `TooSlowDraft`, and of the tests of a draft those run that there is time for. So nobody's texts hold up those of
    others for long.
    """

    def __init__(
        self, folder: RuleFolder, caps: Caps = USUAL_CAPS, secrets: Collection[str] | None = None
    ) -> None:
        self._secrets = secrets
        self._folder = folder
        self._waiting: Counter[str] = Counter()
        self._caps = caps
        self._kept: OrderedDict[tuple[str, bytes], Draft] = OrderedDict()
        #: Whose turn it is, for all who have one or wait for it.
        self._turns: dict[str, asyncio.Lock] = {}
        self._threads = asyncio.Semaphore(MOST_AT_ONCE)
        self._at_work = 0

    @asynccontextmanager
    async def turn(self, who: str, patience: float | None = None) -> AsyncIterator[None]:
        """Wait for one's turn to do what takes long. `who`: whose turns are counted together, such as a role's.

        `patience`: seconds after which no turn is waited for any more, and `TooManyDrafts` is raised.
        """
        if self._waiting[who] >= MOST_WAITING:
            raise TooManyDrafts
        self._waiting[who] += 1
        try:
            async with AsyncExitStack() as turn:
                try:
                    async with asyncio.timeout(patience):
                        await turn.enter_async_context(self._turns.setdefault(who, asyncio.Lock()))
                        await turn.enter_async_context(self._threads)
                except TimeoutError:
                    raise TooManyDrafts from None
                self._at_work += 1
                try:
                    yield
                finally:
                    self._at_work -= 1
        finally:
            self._waiting[who] -= 1
            if not self._waiting[who]:
                del self._waiting[who], self._turns[who]

    async def check(self, file: str, text: str, *, who: str = "", patience: float | None = None) -> Draft:
        """What is to be said about a text that would be saved as this file; `patience` as for `turn`."""
        async with self.turn(who, patience):
            return await self._check(file, text)

    async def play(
        self,
        file: str,
        text: str,
        heard: Sequence[str],
        at: datetime,
        *,
        who: str = "",
        fetched: Mapping[int, Fetched] | None = None,
        setting: PhoneContext = _AS_USUAL,
    ) -> tuple[TriedTurn, ...]:
        """A talk with the book that the text would make; nobody answers where it can't be read.

        `fetched` is what came from elsewhere, by the place of the message in the talk.
        """
        async with self.turn(who):
            draft = await self._check(file, text)
            book = draft.loaded.book
            if book is None:
                return ()
            at = setting.start(at, zone_of(book, file))
            return await _tried(self._play, book, file, heard, at, fetched or {}, setting)

    async def keep(
        self,
        file: str,
        text: str,
        heard: Sequence[str],
        at: datetime,
        *,
        who: str = "",
        fetched: Mapping[int, Fetched] | None = None,
        setting: PhoneContext = _AS_USUAL,
    ) -> str:
        """The text with the talk as a test of it; raises `CannotSplice` with a sentence."""
        async with self.turn(who):
            draft = await self._check(file, text)
            book = draft.loaded.book
            if book is None:
                raise CannotSplice("The text can't be read like this, so nobody answers: mend it first.")
            return await _tried(self._keep, book, file, text, heard, at, fetched or {}, setting)

    async def accept(self, file: str, text: str, *, who: str = "") -> str:
        """The text whose own tests expect what is said now, where they fail by wording alone."""
        async with self.turn(who):
            draft = await self._check(file, text)
        tests = draft.outcomes.tests if draft.outcomes else ()
        own = [test for test in tests if test.file == file]
        return accepted({file: text}, own)[file]

    def _play(
        self,
        book: Book,
        file: str,
        heard: Sequence[str],
        at: datetime,
        fetched: Mapping[int, Fetched],
        setting: PhoneContext,
        pause: timedelta = TRIED_PAUSE,
    ) -> tuple[TriedTurn, ...]:
        return play(
            book,
            heard[:MOST_TURNS],
            sender=setting.sender,
            recipient=setting.recipient,
            at=at,
            file=file,
            caps=self._caps,
            fetched=fetched,
            standing=setting.state(),
            pause=pause,
        )

    def _keep(
        self,
        book: Book,
        file: str,
        text: str,
        heard: Sequence[str],
        at: datetime,
        fetched: Mapping[int, Fetched],
        setting: PhoneContext,
    ) -> str:
        zone = zone_of(book, file)
        at = setting.start(at, zone)
        turns = self._play(book, file, heard, at, fetched, setting)

        def is_the_same(at: datetime, pause: timedelta) -> bool:
            return _said(self._play(book, file, heard, at, fetched, setting, pause)) == _said(turns)

        # What is said may depend on the time and on the pauses: they are written down where it does.
        usual = usual_test_time(zone)
        is_as_usual = setting.at is None and (
            is_the_same(usual, USUAL_PAUSE) or is_the_same(usual, TRIED_PAUSE)
        )
        then = usual if is_as_usual else at.replace(second=0, microsecond=0)
        pause = None if is_the_same(then, USUAL_PAUSE) else TRIED_PAUSE
        time = None if is_as_usual else to_the_minute(at, zone)
        return keep_talk(text, book, turns, setting, fetched, time, pause)

    async def compare(
        self,
        file: str,
        text: str,
        pasts: Sequence[AnsweredMessage],
        since: datetime | None,
        now: Book,
        *,
        who: str = "",
    ) -> Replayed | None:
        """Which of these messages would get another reply than from the book in force; None: it can't be read."""
        async with self.turn(who):
            draft = await self._check(file, text)
            if draft.loaded.book is None:
                return None
            return await _tried(_compare, draft.loaded.book, now, pasts, since)

    async def _check(self, file: str, text: str) -> Draft:
        files = await in_background(self._folder.files)
        after = self._folder.with_text(files, file, text)
        key = (file, msgspec.json.encode(after))
        known = self._kept.get(key)
        if known is None:
            is_large = sum(map(len, after.texts.values())) > _LARGE
            with frozen_afterwards() if is_large else nullcontext():
                known = self._kept[key] = await _bounded(
                    _LONGEST_CHECK, _look_at, file, after, self._caps, self._secrets
                )
            if len(self._kept) > _MOST_KEPT:
                old: list[Book | None] = [self._kept.popitem(last=False)[1].loaded.book]
                if self._at_work == 1:
                    await in_background(free_incrementally, old)
                # Others may play with it just now: then it goes when the last of them lets go of it.
            return known
        self._kept.move_to_end(key)
        return known


def _said(turns: Sequence[TriedTurn]) -> list[tuple[str | None, tuple[str, ...]]]:
    return [(turn.rule, turn.replies) for turn in turns]


def _look_at(file: str, files: FilesRead, caps: Caps, secrets: Collection[str] | None) -> Draft:
    run = BoundedRun(caps)
    loaded = check_files(files, secrets, run)
    return Draft(file=file, loaded=loaded, outcomes=run.outcomes)


async def _tried(work: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
    return await _bounded(_LONGEST_TRY, work, *args, **kwargs)


async def _bounded(
    seconds: float, work: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
) -> Result:
    """Do it in the background; raises `TooSlowDraft` after these seconds of work, or when who asked has left."""

    def job() -> Result:
        with within(seconds, for_asker=True):
            return work(*args, **kwargs)

    try:
        return await in_background(job)
    except TookTooLong:
        raise TooSlowDraft from None


def _compare(book: Book, now: Book, pasts: Sequence[AnsweredMessage], since: datetime | None) -> Replayed:
    replay = Replay(book, since, compared_with=now)
    for past in pasts:
        replay.take(past)
        give_way()
    return replay.result()
