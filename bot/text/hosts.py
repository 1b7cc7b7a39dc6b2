"""Hosts in URLs: by which a listening server is called from its own machine, and where a URL leads."""

import contextlib
from ipaddress import ip_address
from urllib.parse import urlsplit


def url_of(host: str, port: int | str) -> str:
    """The URL by which this machine calls a server that listens on `host`."""
    with contextlib.suppress(ValueError):
        # A server listens on it for every address of the machine.
        if (address := ip_address(host)).is_unspecified:
            host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


#: Characters of a destination that are kept: it stands in an index.
_LONGEST_DESTINATION = 500


def destination_of(url: str) -> str:
    """Where an `http` or `https` URL leads: scheme, host, port and path, at most 500 characters.

    Its query is left out, as is a name before the host: either may hold a secret.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return url[:_LONGEST_DESTINATION]
    return f"{parts.scheme}://{host_in(url)}{parts.path}"[:_LONGEST_DESTINATION]


def host_in(url: str) -> str:
    """The host of a URL, with the port where one is written, in small letters; empty where there is none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""
