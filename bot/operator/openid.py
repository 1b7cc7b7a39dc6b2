"""What logging in by an OpenID provider takes and gives; `bot.wire.openid` speaks with one."""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct


class OpenIdRefused(Exception):
    """Nobody is let in by this answer of the provider; the message says why, for whoever wanted in."""


class OpenIdUnavailable(Exception):
    """The provider can't be asked now; the message says why, for whoever wanted in."""


class LoginAttempt(Struct, frozen=True, kw_only=True):
    """A login that has begun: what its answer must match. The browser that began it keeps this, signed."""

    #: Random; comes back in the address of the answer, and works once.
    state: str
    #: Random; stands in the token that the provider signs for this login.
    nonce: str
    #: Random; only who began the login can redeem the code of its answer.
    verifier: str


class Identity(Struct, frozen=True, kw_only=True):
    """Who a provider says that somebody is."""

    issuer: str
    #: Names them at this provider for ever; nobody else is ever given it.
    subject: str
    name: str
    #: Another name, where `name` is taken.
    username: str = ""
    #: The words of the claim `roles`.
    roles: tuple[str, ...] = ()


class OpenIdLogin(Protocol):
    """A provider that people may log in by."""

    @property
    def title(self) -> str:
        """What people call it."""

    async def begin(self, back_to: str) -> tuple[str, LoginAttempt]:
        """The provider's address to send a browser to, and what its answer must match.

        `back_to` is the address that the provider sends the browser back to. Raises `OpenIdUnavailable`.
        """

    async def finish(self, answer: Mapping[str, str], attempt: LoginAttempt, back_to: str) -> Identity:
        """Who it is, by the query of the answer; raises `OpenIdRefused` and `OpenIdUnavailable`."""
