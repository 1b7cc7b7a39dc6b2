"""What the API's handlers have in common: pages, names that come from outside, failures as HTTP errors."""

from collections.abc import Awaitable
from typing import Annotated, TypeVar

from litestar.exceptions import ClientException, HTTPException, NotFoundException, ServiceUnavailableException
from litestar.params import QueryParameter

from bot.operator.errors import CannotAct, NotThere
from bot.storage.pages import WrongCursor
from bot.storage.writer import StorageUnavailable

Limit = Annotated[int, QueryParameter(ge=1, le=200, description="How many items at most.")]
Cursor = Annotated[str | None, QueryParameter(max_length=1_024, description="`next` of the page before.")]

Item = TypeVar("Item")
Listing = TypeVar("Listing")
Result = TypeVar("Result")


async def page_of(listing: Awaitable[Listing]) -> Listing:
    """A stretch of a listing; a cursor that is none is the client's mistake."""
    try:
        return await listing
    except WrongCursor as error:
        raise ClientException(detail=str(error)) from None


async def done(action: Awaitable[Result]) -> Result:
    """What an operator's action gives; what it meets as an HTTP error."""
    try:
        return await action
    except NotThere as error:
        raise NotFoundException(detail=str(error)) from None
    except CannotAct as error:
        raise HTTPException(detail=str(error), status_code=409) from None
    except StorageUnavailable as error:
        raise ServiceUnavailableException(detail=str(error), headers={"Retry-After": "30"}) from None


def found(what: str, name: str, item: Item | None) -> Item:
    """The item; None is 404."""
    if item is None:
        raise NotFoundException(detail=f"There is no {what} {name!r}.")
    return item
