"""A request as handlers see it: its form is bounded, and a client that leaves is nobody's fault."""

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

from bot.text.unread_json import reason_of
from bot.web.server.form_fields import read_fields

#: Fields of a form. The longest form of the console, a talk with the rules, has some dozens.
MOST_FIELDS = 500


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
            raise ClientException(detail=reason_of(await self.body(), error)) from None

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
