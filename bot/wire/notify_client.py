"""Telling people by Apprise: mail, Teams, Slack, ntfy, webhooks and a hundred more."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

import structlog

from bot.alarms.notification import Notification
from bot.rulebook.background import in_waiting_thread

#: Seconds for one address in all: Apprise's own limits are for each read, and an answer may come byte by byte.
LONGEST_SEND: Final = 30.0

log = structlog.get_logger(__name__)


class NoApprise(Exception):
    """Apprise is not installed; the message says how to have it."""

    def __init__(self) -> None:
        super().__init__(
            'BOT_NOTIFY needs Apprise, which is not installed: run `pip install "sms-keyword-bot[notify]"`.'
        )


class UnknownChannel(Exception):
    """Apprise knows no such address; the message says which, without what is secret in it."""

    def __init__(self, place: int, scheme: str) -> None:
        super().__init__(
            f"BOT_NOTIFY: Apprise can't use the address in place {place}, {scheme}://…: see"
            " https://appriseit.com/services for how each service is written."
        )


class AppriseChannels:
    """Sends each notification to every address. What an address is, is a secret: only its scheme is ever shown."""

    def __init__(self, addresses: Sequence[str], *, longest: float = LONGEST_SEND) -> None:
        """`longest`: seconds that are waited for one address."""
        self._addresses = addresses
        self._longest = longest
        self._services: list[tuple[str, Any]] = []
        #: The places whose last send has not come back: no second thread waits for such an address.
        self._waiting: set[int] = set()

    async def open(self) -> None:
        """Load Apprise and read the addresses; raises `NoApprise` and `UnknownChannel`."""
        self._services = await asyncio.to_thread(_services, self._addresses)

    async def send(self, notification: Notification) -> bool:
        """Tell everybody at once; whether it reached one place at least. What failed is logged.

        An address that hangs costs `LONGEST_SEND` and its own part alone; it is tried again when it has let go.
        """
        sent = await asyncio.gather(*(self._reach(at, notification) for at in range(len(self._services))))
        for place, (scheme, has_gone) in enumerate(
            zip((scheme for scheme, _ in self._services), sent, strict=True), start=1
        ):
            if not has_gone:
                log.warning(
                    "People could not be told at one of the addresses of BOT_NOTIFY",
                    action="notification_failed",
                    place=place,
                    scheme=scheme,
                )
        return any(sent)

    async def _reach(self, at: int, notification: Notification) -> bool:
        if at in self._waiting:
            return False
        self._waiting.add(at)
        try:
            async with asyncio.timeout(self._longest):
                return await in_waiting_thread(self._reached, at, notification)
        except TimeoutError:
            return False

    def _reached(self, at: int, notification: Notification) -> bool:
        """In a thread, which nobody may wait for any more."""
        try:
            return _send(self._services[at][1], notification)
        finally:
            self._waiting.discard(at)


def _services(addresses: Sequence[str]) -> list[tuple[str, Any]]:
    try:
        from apprise import Apprise  # noqa: PLC0415 - an extra, for those alone who want to be told
    except ImportError:
        raise NoApprise from None
    # It would log addresses, which hold secrets; what fails is logged here.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    services = []
    for place, address in enumerate(addresses, start=1):
        scheme = address.partition("://")[0]
        service = Apprise.instantiate(address, suppress_exceptions=True)
        if service is None:
            raise UnknownChannel(place, scheme)
        services.append((scheme, service))
    return services


def _send(service: Any, notification: Notification) -> bool:
    kind = "warning" if notification.is_warning else "success"
    try:
        return bool(service.notify(title=notification.title, body=notification.body, notify_type=kind))
    except Exception as error:  # noqa: BLE001 - a hundred plugins of others, each with errors of its own
        log.warning(
            "A notification could not be made", action="notification_error", error=type(error).__name__
        )
        return False
