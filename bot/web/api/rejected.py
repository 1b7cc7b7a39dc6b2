"""What can be done about an event that could not be read: `/api/rejected/{id}`."""

from litestar import delete, post
from litestar.exceptions import HTTPException, NotFoundException, ServiceUnavailableException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Struct

from bot.operator.rejected_events import NotRejected, RejectedEvents, StillUnreadable
from bot.storage.writer import StorageUnavailable
from bot.text.storable import make_storable
from bot.web.access import require_admin


class Retried(Struct, frozen=True, kw_only=True):
    """What became of an event that was tried again: `accepted` or `duplicate`."""

    outcome: str


def rejected_routes(rejected: RejectedEvents) -> list[HTTPRouteHandler]:
    """The handlers, for the admin; their paths are beneath /api."""

    @post("/rejected/{event_id:str}/retry", status_code=200, guards=[require_admin])
    async def retry(event_id: FromPath[str]) -> Retried:
        """Read the event again and take it as if it came now; it leaves the rejected ones when that goes well."""
        try:
            return Retried(outcome=await rejected.retry(make_storable(event_id)))
        except NotRejected as error:
            raise NotFoundException(detail=str(error)) from None
        except StillUnreadable as error:
            raise HTTPException(detail=str(error), status_code=409) from None
        except StorageUnavailable as error:
            raise ServiceUnavailableException(detail=str(error), headers={"Retry-After": "30"}) from None

    @delete("/rejected/{event_id:str}", guards=[require_admin])
    async def dismiss(event_id: FromPath[str]) -> None:
        """Forget the event."""
        try:
            await rejected.dismiss(make_storable(event_id))
        except NotRejected as error:
            raise NotFoundException(detail=str(error)) from None
        except StorageUnavailable as error:
            raise ServiceUnavailableException(detail=str(error), headers={"Retry-After": "30"}) from None

    return [retry, dismiss]
