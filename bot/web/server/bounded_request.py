"""A request as handlers see it: its form is bounded, and a client that leaves is nobody's fault."""

import json
import re
from collections.abc import AsyncGenerator
from typing import Any

from litestar import Request
from litestar.datastructures import FormMultiDict
from litestar.exceptions import (
    ClientException,
    HTTPException,
    InternalServerException,
    SerializationException,
)
from litestar.types import Empty

from bot.web.server.form_fields import read_fields

#: Fields of a form. The longest form of the console, a talk with the rules, has some dozens.
MOST_FIELDS = 500
_HALF = re.compile(r"[\ud800-\udfff]")


class ClientDisconnected(HTTPException):
    """The client hung up before its request was whole; nobody reads this answer."""

    def __init__(self) -> None:
        super().__init__(status_code=400, detail="The client left before its request was whole.")


class BoundedRequest(Request[Any, Any, Any]):
    """Litestar's request, for the whole application."""

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The body in pieces. Raises `ClientDisconnected`."""
        try:
            async for piece in super().stream():
                yield piece
        except InternalServerException as error:
            if error.detail != "client disconnected prematurely":
                raise
            raise ClientDisconnected from None

    async def json(self) -> Any:
        """The JSON of the body; raises `ClientException` with what is wrong with it."""
        try:
            return await super().json()
        except (SerializationException, UnicodeDecodeError) as error:
            raise ClientException(detail=_fault(await self.body(), error)) from None

    async def form(self) -> FormMultiDict:
        """The form that a page of the console sent: without files, and bounded."""
        if self.content_type[0] == "multipart/form-data":
            raise ClientException(
                detail="Send the form as application/x-www-form-urlencoded.", status_code=415
            )
        body = await self.body()
        if body.count(b"&") >= MOST_FIELDS:
            raise ClientException(detail=f"The form has more than {MOST_FIELDS} fields.", status_code=413)
        if (
            self._connection_state.form is Empty
            and self.content_type[0] == "application/x-www-form-urlencoded"
        ):
            self._connection_state.form = {**read_fields(body)}
        return await super().form()


def _fault(body: bytes, error: Exception) -> str:
    """Why a body can't be read: msgspec calls one truncated that has half of a surrogate pair."""
    try:
        whole = json.dumps(json.loads(body), ensure_ascii=False)
    except UnicodeDecodeError:
        return "The body is not UTF-8."
    except (ValueError, RecursionError):
        return f"The body is not JSON: {error}."
    if half := _HALF.search(whole):
        return f"The body holds half of a surrogate pair (\\u{ord(half[0]):04x}), which is no character: leave it out."
    return f"The body is not JSON: {error}."
