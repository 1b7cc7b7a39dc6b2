"""`/api/rules/{file}`: rule files are read and saved over HTTP, and `/api/rule-edits` is their history."""

from collections.abc import Awaitable
from typing import Any

from litestar import Request, Response, delete, get, put
from litestar.exceptions import ClientException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from bot.rulebook.editing.folder import CannotWrite, Changed, NoSuchFile, UnreadableFile, WrongName, etag_of
from bot.rulebook.editing.save import HasErrors, RuleFiles, Saved
from bot.storage.database import Database
from bot.storage.pages import Page, WrongCursor
from bot.storage.rule_edits import RuleEdit, RuleEditTexts, find_edit, list_edits
from bot.text.storable import make_storable
from bot.web.access import require_admin
from bot.web.api.parameters import Cursor, Limit
from bot.web.input_limits import LARGEST_RULE_FILE, Name
from bot.web.problems import problem

_YAML = "application/yaml; charset=utf-8"
_CONDITION_MISSING = (
    "Say which text you have edited: give the ETag that GET answered as If-Match, or If-None-Match: * for a new"
    " file. So nobody's edit is overwritten."
)


def rule_file_routes(  # noqa: C901 - a list of handlers, each a few lines
    database: Database, files: RuleFiles
) -> list[HTTPRouteHandler]:
    """The handlers, their paths beneath `/api`; saving and removing take the admin's token."""

    @get("/rules/{file:str}", media_type=_YAML)
    async def get_rule_file(request: Request[Any, Any, Any], file: FromPath[str]) -> Response[bytes]:
        """A rule file's text; its ETag is what PUT wants as If-Match."""
        try:
            found = await files.read(file)
        except NoSuchFile as error:
            raise NotFoundException(detail=str(error)) from None
        except UnreadableFile as error:
            raise ClientException(detail=str(error), status_code=409) from None
        headers = {"ETag": found.etag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        if found.etag in _tags(request.headers.get("If-None-Match", "")):
            return Response(b"", status_code=304, headers=headers)
        return Response(found.text.encode(), media_type=_YAML, headers=headers)

    @put("/rules/{file:str}", guards=[require_admin], request_max_body_size=LARGEST_RULE_FILE)
    async def put_rule_file(request: Request[Any, Any, Any], file: FromPath[str]) -> Response[Any]:
        """Save a rule file: the body is its text. In force when this answers, and refused where it has an error."""
        expected = _condition(request)
        if expected == _NO_CONDITION:
            return problem(428, _CONDITION_MISSING)
        try:
            text = (await request.body()).decode()
        except UnicodeDecodeError:
            raise ClientException(detail="The text is not UTF-8; save it as UTF-8.") from None
        answer = await _saved(files.save(file, text, expected, who="admin", how="api"))
        if isinstance(answer.content, Saved):
            answer.headers["ETag"] = etag_of(text)
            answer.status_code = 201 if expected is None else 200
        return answer

    @delete("/rules/{file:str}", guards=[require_admin], status_code=200)
    async def delete_rule_file(request: Request[Any, Any, Any], file: FromPath[str]) -> Response[Any]:
        """Remove a rule file, where the book is in order without it."""
        expected = _condition(request)
        if not expected:
            return problem(428, _CONDITION_MISSING)
        return await _saved(files.save(file, None, expected, who="admin", how="api"))

    return [get_rule_file, put_rule_file, delete_rule_file, *_history_routes(database)]


def _history_routes(database: Database) -> list[HTTPRouteHandler]:
    @get("/rule-edits")
    async def get_rule_edits(
        file: Name = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[RuleEdit]:
        """What was changed in the rule files, newest first: when, by whom, how."""
        wanted = None if file is None else make_storable(file)
        async with database.reading() as connection:
            try:
                return await list_edits(connection, file=wanted, limit=limit, cursor=cursor)
            except WrongCursor as error:
                raise ClientException(detail=str(error)) from None

    @get("/rule-edits/{edit_id:str}")
    async def get_rule_edit(edit_id: FromPath[str]) -> RuleEditTexts:
        """One edit, with the file's text before and after it."""
        async with database.reading() as connection:
            found = await find_edit(connection, make_storable(edit_id))
        if found is None:
            raise NotFoundException(detail=f"There is no edit {edit_id!r}.")
        return found

    return [get_rule_edits, get_rule_edit]


_NO_CONDITION: frozenset[str] = frozenset()


def _condition(request: Request[Any, Any, Any]) -> frozenset[str] | None:
    """The entity tags of which the file must have one; None: it must be new; empty: the request does not say."""
    match = _tags(request.headers.get("If-Match", ""))
    if match:
        return match
    return None if request.headers.get("If-None-Match", "").strip() == "*" else _NO_CONDITION


def _tags(header: str) -> frozenset[str]:
    return frozenset(tag.strip() for tag in header.split(",") if tag.strip())


async def _saved(saving: Awaitable[Saved]) -> Response[Any]:
    try:
        return Response(await saving)
    except WrongName as error:
        return problem(400, str(error))
    except Changed as error:
        return problem(412, str(error), headers={"ETag": error.etag} if error.etag else None)
    except HasErrors as error:
        return problem(422, str(error), findings=error.findings)
    except CannotWrite as error:
        return problem(409, str(error))
