"""The address by which a listening server can be called from its own machine."""

from typing import Final

#: What a server listens on for every address of the machine → the address to call it by.
_CALLED_BY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - to call, not to bind


def url_of(host: str, port: int | str) -> str:
    """The URL by which this machine calls a server that listens on `host`."""
    host = _CALLED_BY.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
