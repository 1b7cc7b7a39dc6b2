"""How large what people send may be: as large as what it is for, and no larger, whoever sends it."""

from typing import Annotated, Any, Final

from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter

from bot.rulebook.files.yaml_tree import LARGEST_FILE

#: Characters of a text that is tried, or sent by a person: what ACS takes as one message.
LONGEST_TEXT: Final = 2_048
#: Characters of a phone number, however it is written.
LONGEST_NUMBER: Final = 64
#: Characters of a name, or of what somebody looks for.
LONGEST_NAME: Final = 256
#: Characters of a tag, and of a sentence that is kept with what a person does.
LONGEST_TAG: Final = 64
LONGEST_SENTENCE: Final = 500
#: Bytes of a body that says what to do: a form, an operator's message, one to be tried.
LARGEST_FORM: Final = 128 * 1024
#: Bytes of a rule file; and of a form that carries one, where a character may take three times its bytes.
LARGEST_RULE_FILE: Final = LARGEST_FILE + LARGEST_FORM
LARGEST_RULE_FORM: Final = 3 * LARGEST_FILE + LARGEST_FORM
#: Bytes of what stands behind an address's question mark; a page that drafts a rule has a whole message there.
LONGEST_QUERY: Final = 32 * 1024
#: Characters of an address's path.
LONGEST_PATH: Final = 8_192

#: A name in a query.
Name = Annotated[str | None, QueryParameter(max_length=LONGEST_NAME)]


def refuse_long_address(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """A Litestar guard for every route: 414 for an address that none of ours can be."""
    scope = connection.scope
    if len(scope["path"]) > LONGEST_PATH or len(scope["query_string"]) > LONGEST_QUERY:
        raise HTTPException(
            status_code=414,
            detail=f"The address is too long: its path has at most {LONGEST_PATH:,} characters, and what stands"
            f" behind the question mark at most {LONGEST_QUERY:,} bytes.",
        )
