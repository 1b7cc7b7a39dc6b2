"""What people have not saved yet: kept in the database for the person and the file, whatever page they go to."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from uuid import uuid4

from bot.rulebook.editing.folder import etag_of
from bot.storage.database_errors import DATABASE_ERRORS
from bot.storage.rule_drafts import DroppedDraft, RuleDraft, drop_drafts, keep_drafts, list_drafts
from bot.storage.rule_edits import find_text
from bot.storage.writer import StorageUnavailable
from bot.text.storable import make_storable
from bot.web.console.layout import Console


class UnsavedTexts:
    """Keeps and finds drafts. Each begins from a text of its file; one that began from an older text waits beside."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._keeping = console.writer.batch(keep_drafts)
        self._dropping = console.writer.batch(drop_drafts)

    async def of(self, person: str, file: str | None = None) -> list[RuleDraft]:
        """Those of a person, the newest first. A new file has an empty name, and instead of an entity tag a mark."""
        async with self._console.database.reading() as connection:
            return await list_drafts(connection, person, None if file is None else make_storable(file))

    async def keep(
        self, person: str, file: str, saved: str | None, text: str, *, base_etag: str,
        before: str | None = None, name: str | None = None,
    ) -> bool:  # fmt: skip
        """Keep a text, or forget the draft when it is what is saved; False where it can't be kept now.

        `saved` is the text of the file as it is now, `base_etag` that of the text from which the draft began.
        """
        if text == saved or (saved is None and not file and not text.strip()):
            return await self.drop(person, file, base_etag)
        if not _can_be_stored(text):
            return False
        draft = RuleDraft(
            person=person,
            file=make_storable(file),
            base_etag=base_etag,
            base=await self.base(file, base_etag, saved),
            text=text,
            before=before,
            name=make_storable(name) if name else None,
            updated_at=datetime.now(UTC),
        )
        try:
            await self._keeping.submit([draft])
        except StorageUnavailable:
            return False
        await self._tell_testers(person, file)
        return True

    async def drop(self, person: str, file: str, base_etag: str) -> bool:
        """Forget a draft; False where that is not possible now."""
        dropped = DroppedDraft(person=person, file=make_storable(file), base_etag=base_etag)
        try:
            await self._dropping.submit([dropped])
        except StorageUnavailable:
            return False
        await self._tell_testers(person, file)
        return True

    async def _tell_testers(self, person: str, file: str) -> None:
        """Who tests it hears it from now on as it is."""
        if self._console.tested.of(person, file) is not None:
            with suppress(*DATABASE_ERRORS):  # then it is looked at a moment later
                await self._console.tested.look()

    async def base(self, file: str, etag: str, saved: str | None) -> str | None:
        """The text of a file that had this entity tag: as it is now, or as the history has it."""
        if saved is not None and etag_of(saved) == etag:
            return saved
        if not etag or not file:
            return None
        async with self._console.database.reading() as connection:
            return await find_text(connection, make_storable(file), lambda text: etag_of(text) == etag)


def live_drafts(drafts: Sequence[RuleDraft], texts: Mapping[str, str]) -> dict[str, RuleDraft]:
    """By file: the draft that began from the text that is saved now."""
    return {
        each.file: each
        for each in reversed(drafts)
        if each.file in texts
        and etag_of(texts[each.file]) == each.base_etag
        and each.text != texts[each.file]
    }


def new_file_mark() -> str:
    """What tells the draft of one new file from that of another, in the place of an entity tag."""
    return f"new-{uuid4().hex}"


def _can_be_stored(text: str) -> bool:
    """PostgreSQL takes no NUL, and no database half of a pair of surrogates."""
    return make_storable(text) == text
