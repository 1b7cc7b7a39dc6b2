"""The clients of other services: what posts messages, what asks before a reply, and what people log in by."""

from typing import NamedTuple

from bot.azure_parts import NotConfigured
from bot.operator.openid import OpenIdLogin
from bot.settings import Settings
from bot.wire.fetch_client import HttpAsker
from bot.wire.forward_client import HttpPoster


class ServiceClients(NamedTuple):
    """Of `forward` and of `fetch`."""

    poster: HttpPoster
    asker: HttpAsker


def service_clients(settings: Settings) -> ServiceClients:
    """Both, with the secrets and the private hosts that the settings name."""
    secret = settings.forward_secret.reveal() if settings.forward_secret else None
    private_hosts = (*settings.private_hosts, *settings.forward_private_hosts)
    return ServiceClients(
        poster=HttpPoster(secret=secret, private_hosts=private_hosts),
        asker=HttpAsker(
            secrets={name: each.reveal() for name, each in settings.secrets.items()},
            signing_secret=secret,
            private_hosts=private_hosts,
        ),
    )


def openid_login(settings: Settings) -> OpenIdLogin | None:
    """The OpenID provider that the settings name, or None; raises `NotConfigured`."""
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    try:
        from bot.wire.openid import OpenIdProvider  # noqa: PLC0415 - an extra, for those alone who log in so
    except ImportError:
        raise NotConfigured(
            'BOT_OIDC_ISSUER needs Authlib, which is not installed: run `pip install "sms-keyword-bot[openid]"`.'
        ) from None
    secret = settings.oidc_client_secret.reveal() if settings.oidc_client_secret else None
    return OpenIdProvider(settings.oidc_issuer, settings.oidc_client_id, secret)
