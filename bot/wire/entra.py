"""Tokens that Event Grid gets from Microsoft Entra ID: verified by Entra's keys, which are fetched when needed.

Only a token that is proven wrong is refused: Event Grid drops for good what is answered 401. Whatever keeps this
process from a verdict (no keys, an unknown key) is doubt, `KeysUnavailable`, and Event Grid comes again.

Imported only where Entra is used: PyJWT with its cryptography takes 0.1 s to import.
"""

import re
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any

import jwt
import msgspec
import structlog

from bot.text.storable import one_line
from bot.wire.answer_limits import fetch
from bot.wire.webhook_auth import KeysUnavailable

EVENT_GRID_ROLE = "AzureEventGridSecureWebhookSubscriber"

#: Characters.
_LONGEST_CAUSE = 200
#: Seconds by which two clocks may differ: as Microsoft's own libraries have it.
_CLOCK_SKEW = 300
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

log = structlog.get_logger(__name__)


class _Refused(Exception):
    """A token is proven not to be Event Grid's for this bot; the message says by what."""


class _Keys(jwt.PyJWKClient):
    """Entra's keys; a redirect is not followed, and the answer is bounded in size and time."""

    def fetch_data(self) -> Any:
        """Fetch the keys and keep them; an answer that is no set of keys leaves those that are known."""
        try:
            keys = msgspec.json.decode(fetch(self.uri, timeout=self.timeout))
            jwt.PyJWKSet.from_dict(keys)
        except (OSError, HTTPException, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise jwt.PyJWKClientConnectionError(one_line(str(error), _LONGEST_CAUSE)) from None
        except (jwt.PyJWTError, AttributeError, TypeError, ValueError):
            raise jwt.PyJWKClientConnectionError("the answer is no set of keys") from None
        if self.jwk_set_cache is not None:
            self.jwk_set_cache.put(keys)
        return keys


class EntraTokens:
    """Verifies the tokens that Event Grid gets from Microsoft Entra ID for this bot's application."""

    def __init__(
        self,
        tenant: str,
        audiences: Sequence[str],
        *,
        applications: Sequence[str],
        authority: str,
    ) -> None:
        """`audiences`: GUIDs or URIs of the bot's application; `applications`: GUIDs of those who may deliver."""
        tenant = tenant.lower()
        self._audiences = {_audience(audience) for audience in audiences}
        self._applications = {application.lower() for application in applications}
        self._issuers = {
            f"https://sts.windows.net/{tenant}/",
            f"https://login.microsoftonline.com/{tenant}/v2.0",
            f"{authority}/{tenant}/v2.0",
        }
        # Keys are kept for 10 minutes; a token signed by a new key fetches them again.
        self._keys = _Keys(f"{authority}/{tenant}/discovery/v2.0/keys", lifespan=600, timeout=5)

    def accepts(self, token: str) -> bool:
        """Whether a token is signed by Entra, for this bot, now, and speaks for Event Grid.

        Blocks while keys are fetched. Raises `KeysUnavailable` when nobody can tell.
        """
        try:
            # Before any key is asked for: a token whose own claims are wrong is refused without them.
            self._check_claims(*_unverified(token))
            self._check_signature(token)
        except _Refused as refusal:
            reason = one_line(str(refusal), _LONGEST_CAUSE)
            log.warning("An Entra token was refused", action="entra_token_refused", reason=reason)
            return False
        except KeysUnavailable as error:
            log.warning("An Entra token can't be checked", action="entra_token_unchecked", cause=str(error))
            raise
        return True

    def _check_claims(self, header: dict[str, Any], claims: dict[str, Any]) -> None:
        if header.get("alg") != "RS256":
            raise _Refused("it is not signed by RS256")
        if not isinstance(header.get("kid"), str):
            raise _Refused("it names no key")
        if claims.get("iss") not in self._issuers:
            raise _Refused("another tenant or authority issued it")
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        if not any(isinstance(name, str) and _audience(name) in self._audiences for name in named):
            raise _Refused("its audience is none of BOT_ENTRA_AUDIENCE")
        application = claims.get("appid", claims.get("azp"))
        if not isinstance(application, str) or application.lower() not in self._applications:
            raise _Refused("its application is none of BOT_ENTRA_APPLICATIONS")
        roles = claims.get("roles")
        if not isinstance(roles, list) or EVENT_GRID_ROLE not in roles:
            raise _Refused(f"it lacks the role {EVENT_GRID_ROLE}")

    def _check_signature(self, token: str) -> None:
        try:
            key = self._keys.get_signing_key_from_jwt(token)
        except jwt.PyJWKClientConnectionError as error:
            raise KeysUnavailable(str(error)) from None
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            # The key may be newer than ours: they are fetched again only some time after the last fetch.
            raise KeysUnavailable(one_line(str(error), _LONGEST_CAUSE)) from None
        if key.algorithm_name != "RS256":
            raise KeysUnavailable("the key that signed is no RSA key")
        try:
            jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                leeway=_CLOCK_SKEW,
                options={"require": ["exp"], "verify_aud": False},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise _Refused(str(error)) from None


def _unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A token's header and claims, which anybody may have written; checks its times as well."""
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(
            token,
            leeway=_CLOCK_SKEW,
            options={
                "verify_signature": False,
                "verify_exp": True,
                "verify_nbf": True,
                "require": ["exp"],
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise _Refused(str(error)) from None
    return header, claims


def _audience(name: str) -> str:
    """An audience as it is compared: without `api://` before it, and a GUID in lower case."""
    name = name.strip().rstrip("/")
    bare = name[len("api://") :] if name.lower().startswith("api://") else name
    return bare.lower() if _GUID.fullmatch(bare) else bare
