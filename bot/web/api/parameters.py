"""Parameters that several handlers of the API take, and the 404 that they share."""

from typing import Annotated, TypeVar

from litestar.exceptions import NotFoundException
from litestar.params import QueryParameter

from bot.web.limits import LONGEST_NAME

Limit = Annotated[int, QueryParameter(ge=1, le=200, description="How many items at most.")]
Cursor = Annotated[str | None, QueryParameter(max_length=1_024, description="`next` of the page before.")]

#: A name in a query.
Name = Annotated[str | None, QueryParameter(max_length=LONGEST_NAME)]

Item = TypeVar("Item")


def found(what: str, name: str, item: Item | None) -> Item:
    """The item; None is 404."""
    if item is None:
        raise NotFoundException(detail=f"There is no {what} {name!r}.")
    return item
