"""A draft is live for testers' phones alone: who they are is named in the editor, and the admin may end it."""

import re
from collections.abc import Collection
from typing import Any, Final

import structlog
from litestar import Controller, Response, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from msgspec import Struct
from msgspec.structs import replace

from bot.operator.people import list_people
from bot.storage.tested_drafts import TestedDraft, TestsOther
from bot.storage.writer import StorageUnavailable
from bot.text.numbers import is_phone_number, normalise_number, number_meant, spaced
from bot.text.storable import make_storable
from bot.web.console.layout import Call
from bot.web.console.rules_editor import PATH, EditorPlace, text_of
from bot.web.console.rules_shown import ShownFile
from bot.web.console.sessions import require_administrator, session_of
from bot.web.limits import LONGEST_NUMBER

#: Phones that may test one draft.
MOST_TESTERS: Final = 20


log = structlog.get_logger(__name__)


class RunningTest(Struct, frozen=True, kw_only=True):
    """A draft that answers testers, and who wrote it."""

    #: A person's name, or the role of the token that several may share.
    who: str
    is_of_token: bool
    tested: TestedDraft


async def running_tests(place: EditorPlace) -> list[RunningTest]:
    """All of them, as an admin sees them."""
    tested = place.console.tested.all()
    if not tested:
        return []
    async with place.console.database.reading() as connection:
        names = {each.id: each.name for each in await list_people(connection)}
    return [
        RunningTest(
            who=names.get(each.person, each.person), is_of_token=each.person not in names, tested=each
        )
        for each in tested
    ]


class TesterForms(Controller):
    """What an admin does with the tests of others."""

    @post("/rules/testers", guards=[require_administrator])
    async def end(self, request: Call, editor: NamedDependency[EditorPlace]) -> Response[Any]:
        """End the test of the draft that a form names by its person and file."""
        form, console = await request.form(), editor.console
        person, file = (make_storable(text_of(form.get(each))) for each in ("person", "file"))
        if console.tested.of(person, file) is None:
            return console.redirect(PATH, "Nobody tests it any more.")
        try:
            await console.tested.name(person, file, ())
        except StorageUnavailable:
            return console.redirect(PATH, "The database can't be written just now: try it again.", "bad")
        log.info(
            "An admin has ended the test of a draft", action="draft_test_ended", file=file,
            person=person, by=session_of(request).name,
        )  # fmt: skip
        return console.redirect(PATH, "Nobody tests it any more: the rules in force answer its testers.")


class NoTester(Exception):
    """What was typed names no phone that can test; the message says why."""


async def with_testers(place: EditorPlace, request: Call, shown: ShownFile, *, is_end: bool) -> ShownFile:
    """Have the phones that a form names test the draft, or none any more."""
    session = session_of(request)
    if not session.may_edit:
        raise ClientException(
            detail="You are logged in as a viewer, who may look but not change anything.", status_code=403
        )
    typed = "" if is_end else text_of((await request.form()).get("testers"))
    file = "" if shown.is_new else shown.file
    try:
        numbers = read_numbers(typed, place.console.shelf.book().numbers)
        if not is_end and not numbers:
            raise NoTester("Write the number of each phone that is to test it.")
        if not is_end and shown.unsaved_since is None:
            raise NoTester("There is nothing to test: this is what is saved. Change something first.")
        shown = await _as_the_tested_one(place, request, shown)
        await place.console.tested.name(session.person, file, numbers)
    except (NoTester, TestsOther) as error:
        return replace(shown, trouble=str(error), typed_testers=typed)
    except StorageUnavailable:
        return replace(
            shown, trouble="The database can't be written just now: try it again.", typed_testers=typed
        )
    return replace(shown, said="Nobody tests it any more." if is_end else "")


async def _as_the_tested_one(place: EditorPlace, request: Call, shown: ShownFile) -> ShownFile:
    """Phones test one new file of a person's, the one without a mark; raises `NoTester` where that is another one."""
    if not shown.is_new or not shown.etag:
        return shown
    person = session_of(request).person
    other = next((each for each in await place.unsaved.of(person, "") if not each.base_etag), None)
    if other is not None:
        called = f", {other.name}," if other.name else ""
        raise NoTester(
            f"Phones can test one new file of yours at a time: save or drop the other one{called} first."
        )
    mark, shown = shown.etag, await place.kept(request, replace(shown, etag=""))
    await place.unsaved.drop(person, "", mark)
    return shown


def read_numbers(typed: str, ours: Collection[str]) -> list[str]:
    """The numbers that are named, with commas or lines between them; raises `NoTester`."""
    numbers: dict[str, None] = {}
    for raw in re.split(r"[,;\r\n]+", typed):
        if not (written := make_storable(raw.strip())):
            continue
        meant = number_meant(written, ours)
        number = meant or normalise_number(written)
        if meant == "" or len(number) > LONGEST_NUMBER or not is_phone_number(number):
            raise NoTester(
                f"“{written[:40]}” is no whole phone number: write it with its country, as +1 555 555 0101."
            )
        if number in ours:
            raise NoTester(f"{spaced(number)} is our own number, whose texts are never answered.")
        numbers[number] = None
    if len(numbers) > MOST_TESTERS:
        raise NoTester(f"At most {MOST_TESTERS} phones can test a draft.")
    return list(numbers)
