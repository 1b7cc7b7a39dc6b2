"""The clients with which rules reach other services: what posts messages, and what asks before a reply."""

from typing import NamedTuple

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
