"""The rule book, its files and their history: `/api/rules`, `/api/rule-edits`, `/api/try`."""

from datetime import datetime
from typing import Annotated, Any

from litestar import Controller, Request, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.params import Body, FromPath
from msgspec import UNSET, Meta, Struct, field

from bot.operator.actor import Actor
from bot.rulebook.editing.folder import etag_of
from bot.rulebook.editing.live_book import LiveBook
from bot.rulebook.editing.save import RuleFiles, Saved
from bot.rulebook.fetch import fetched_of
from bot.rulebook.files.tables import is_csv
from bot.rulebook.simulate.try_message import TryAnswer, answer
from bot.storage.database import DatabaseConnection
from bot.storage.pages import Page
from bot.storage.rule_edits import RuleEdit, RuleEditTexts, find_edit, list_edits
from bot.text.languages import language_code
from bot.text.storable import make_storable
from bot.web.access import require_admin
from bot.web.api.parameters import Cursor, Limit, Name, found
from bot.web.limits import LARGEST_TABLE_FILE, LONGEST_LANGUAGE, LONGEST_NUMBER, LONGEST_TEXT
from bot.web.problems import Problem

_YAML = "application/yaml; charset=utf-8"
_CSV = "text/csv"  # Litestar adds the charset of text
_CONDITION_MISSING = (
    "Say which text you have edited: give the ETag that GET answered as If-Match, or If-None-Match: * for a new"
    " file. So nobody's edit is overwritten."
)


class TryRequest(Struct, frozen=True, kw_only=True):
    """A message to be tried against the rule book in force."""

    text: Annotated[str, Meta(max_length=LONGEST_TEXT)]
    sender: Annotated[str, Meta(max_length=LONGEST_NUMBER)] | None = field(default=None, name="from")
    recipient: Annotated[str, Meta(max_length=LONGEST_NUMBER)] | None = field(default=None, name="to")
    #: Of any year: nothing is stored of it. At the ends of the calendar the same day of another year is tried.
    at: Annotated[datetime, Meta(tz=True)] | None = None
    #: What comes where the rule fetches: a value, "missing" or "nothing"; left out, nothing is said of it.
    fetched: Any = UNSET
    #: The conversation's; as if an operator had chosen it.
    language: Annotated[str, Meta(max_length=LONGEST_LANGUAGE)] | None = None


class Rules(Controller):
    """The rule book in force, and its files."""

    @get("/rules", sync_to_thread=False)
    def get_rules(self, live_book: NamedDependency[LiveBook]) -> dict[str, Any]:
        """The rule book in force."""
        book = live_book.book()
        rules = [
            {"name": rule.name, "file": rule.file, "line": rule.line, "when": rule.when}
            | ({} if rule.enabled else {"enabled": False})
            for rule in (*book.rules, *book.disabled)
        ]
        if book.disabled:
            rules.sort(key=lambda rule: (rule["file"], rule["line"]))
        return {"version": book.version, "files": book.files, "rules": rules}

    @post("/try", status_code=200, sync_to_thread=False)
    def try_message(
        self, live_book: NamedDependency[LiveBook], data: Annotated[TryRequest, Body()]
    ) -> TryAnswer:
        """What would happen to this message, and why; changes nothing."""
        fetched = None if data.fetched is UNSET else fetched_of(data.fetched)
        language = None if data.language is None else language_code(data.language)
        if data.language is not None and language is None:
            raise ClientException(detail=f"{data.language!r} is no code of a language, such as en or pt-BR.")
        return answer(
            live_book.book(),
            data.text,
            sender=data.sender,
            recipient=data.recipient,
            at=data.at,
            fetched=fetched,
            language=language,
        )

    @get("/rules/{file:str}", media_type=_YAML)
    async def get_rule_file(
        self, request: Request[Any, Any, Any], rule_files: NamedDependency[RuleFiles], file: FromPath[str]
    ) -> Response[bytes]:
        """The text of a rule file or a table; its ETag is what PUT wants as If-Match."""
        read = await rule_files.read(file)
        headers = {"ETag": read.etag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        if read.etag in _tags(request.headers.get("If-None-Match", "")):
            return Response(b"", status_code=304, headers=headers)
        media_type = _CSV if is_csv(file) else _YAML
        return Response(read.text.encode(), media_type=media_type, headers=headers)

    @put("/rules/{file:str}", guards=[require_admin], request_max_body_size=LARGEST_TABLE_FILE)
    async def put_rule_file(
        self,
        request: Request[Any, Any, Any],
        rule_files: NamedDependency[RuleFiles],
        person: NamedDependency[Actor],
        file: FromPath[str],
    ) -> Response[Any]:
        """Save a rule file or a table: the body is its text. In force when this answers; an error refuses it."""
        expected = _condition(request)
        try:
            text = (await request.body()).decode()
        except UnicodeDecodeError:
            raise ClientException(detail="The text is not UTF-8; save it as UTF-8.") from None
        saved = await rule_files.save(file, text, expected, who=person.name, how="api")
        status = 201 if expected is None else 200
        return Response(saved, status_code=status, headers={"ETag": etag_of(text)})

    @delete("/rules/{file:str}", guards=[require_admin], status_code=200)
    async def delete_rule_file(
        self,
        request: Request[Any, Any, Any],
        rule_files: NamedDependency[RuleFiles],
        person: NamedDependency[Actor],
        file: FromPath[str],
    ) -> Response[Any]:
        """Remove a rule file, where the book is in order without it."""
        expected = _condition(request)
        if expected is None:
            raise Problem(428, _CONDITION_MISSING)
        saved: Saved = await rule_files.save(file, None, expected, who=person.name, how="api")
        return Response(saved)


class RuleEdits(Controller):
    """The history of the rule files."""

    @get("/rule-edits")
    async def get_rule_edits(
        self,
        connection: NamedDependency[DatabaseConnection],
        file: Name = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[RuleEdit]:
        """What was changed in the rule files, newest first: when, by whom, how."""
        wanted = None if file is None else make_storable(file)
        return await list_edits(connection, file=wanted, limit=limit, cursor=cursor)

    @get("/rule-edits/{edit_id:str}")
    async def get_rule_edit(
        self, connection: NamedDependency[DatabaseConnection], edit_id: FromPath[str]
    ) -> RuleEditTexts:
        """One edit, with the file's text before and after it."""
        return found("edit", edit_id, await find_edit(connection, make_storable(edit_id)))


def _condition(request: Request[Any, Any, Any]) -> frozenset[str] | None:
    """The entity tags of which the file must have one; None: the file must be new. 428 when neither is said."""
    match = _tags(request.headers.get("If-Match", ""))
    if match:
        return match
    if request.headers.get("If-None-Match", "").strip() == "*":
        return None
    raise Problem(428, _CONDITION_MISSING)


def _tags(header: str) -> frozenset[str]:
    return frozenset(tag.strip() for tag in header.split(",") if tag.strip())
