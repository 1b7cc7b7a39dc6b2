"""What another site's page may not have a browser do: changes, and a login that goes on to another site."""

from typing import Final
from urllib.parse import urlsplit

from litestar.exceptions import PermissionDeniedException

from bot.web.access import Connection

HOME: Final = "/console"
#: Characters of an address to go back to.
_LONGEST: Final = 2_000


class Forged(PermissionDeniedException):
    """A change that did not come from a page of this session."""

    def __init__(self) -> None:
        super().__init__(
            detail="This did not come from a page of yours, or the page is older than your login: open it again."
        )


def refuse_other_sites(connection: Connection) -> None:
    """Raise `Forged` for what another site's page has the browser send."""
    site = connection.headers.get("Sec-Fetch-Site")
    if site is not None:  # every browser of today says so, where it speaks TLS or to its own machine
        if site not in ("same-origin", "none"):
            raise Forged
        return
    origin = connection.headers.get("Origin")
    if origin is None:
        return
    try:
        host = urlsplit(origin).netloc
    except ValueError:  # such as http://[::1
        raise Forged from None
    if host != connection.headers.get("Host"):
        raise Forged


def safe_next(path: str) -> str:
    """A page of the console to go on to; its first page for anything else, such as another site."""
    inside = path == HOME or path.startswith((f"{HOME}/", f"{HOME}?"))
    harmless = path.isascii() and path.isprintable() and "\\" not in path and " " not in path
    return path if inside and harmless and not path.startswith(f"{HOME}/log") else HOME


def back_within(root: str, path: str) -> str:
    """A page at or below `root` to go back to; `root` for anything else."""
    inside = path == root or path.startswith((f"{root}/", f"{root}?"))
    return path if inside and safe_next(path) == path and len(path) < _LONGEST else root


def page_at(address: str) -> str:
    """The page of the console at an address, without its host; the first one where that is none."""
    try:
        parts = urlsplit(address)
    except ValueError:  # such as http://[::1
        return HOME
    return safe_next(f"{parts.path}?{parts.query}" if parts.query else parts.path)


def page_wanted(connection: Connection) -> str:
    """The page that somebody is on or wants; what else they wanted to do is not done behind their back."""
    if connection.scope.get("method") == "GET":
        return page_at(str(connection.url))
    return page_at(connection.headers.get("HX-Current-URL", HOME))
