"""Limits wrong tokens by address, and logs an address that tries many.

Several replicas on one PostgreSQL count together: each tells the others of a wrong token (`bot.storage.notices`), which
takes a tenth of a second and writes nothing, whoever floods the bot with guesses.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import structlog
from litestar.exceptions import HTTPException

#: Wrong tokens that one address may show within `WITHIN_SECONDS`.
MOST_GUESSES: Final = 10
WITHIN_SECONDS: Final = 60.0
#: Addresses that are remembered, some 200 bytes each; the one longest without a guess is forgotten first.
MOST_ADDRESSES: Final = 10_000

log = structlog.get_logger(__name__)


class TooManyGuesses(HTTPException):
    """An address has shown too many wrong tokens."""

    def __init__(self) -> None:
        super().__init__(
            detail="Too many wrong tokens came from your address. Wait a minute, then try again.",
            status_code=429,
            headers={"Retry-After": f"{WITHIN_SECONDS:.0f}"},
        )


class Guesses:
    """The wrong tokens of the last minute. A right token is not looked up here, so nobody can lock its owner out."""

    def __init__(self) -> None:
        #: Address → when its first wrong token of this minute came, and how many did.
        self._wrong: OrderedDict[str, tuple[float, int]] = OrderedDict()
        #: Called with the address of each wrong token that counts.
        self.on_guess: Callable[[str], None] = _tell_nobody

    def hear(self, address: str, now: float) -> None:
        """Count a wrong token that another replica was shown just now; `now` is in seconds."""
        self._count(address, now)

    def note(self, address: str, now: float) -> None:
        """Count a wrong token; raises `TooManyGuesses` once there were too many. `now` is in seconds."""
        count = self._count(address, now)
        if count <= MOST_GUESSES:
            self.on_guess(address)
        if count == MOST_GUESSES + 1:
            log.warning(
                "An address tries many tokens", action="tokens_guessed", address=address, wrong=count - 1
            )
        if count > MOST_GUESSES:
            raise TooManyGuesses

    def _count(self, address: str, now: float) -> int:
        """How many the address has shown in its minute, this one included."""
        since, count = self._wrong.pop(address, (now, 0))
        if now - since >= WITHIN_SECONDS:
            since, count = now, 0
        self._wrong[address] = since, count + 1
        if len(self._wrong) > MOST_ADDRESSES:
            self._wrong.popitem(last=False)
        return count + 1


def _tell_nobody(_address: str) -> None:
    pass
