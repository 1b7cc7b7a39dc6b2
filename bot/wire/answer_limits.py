"""How much of an answer is read, for everything that this bot asks over HTTP: nobody can fill its memory."""

import time
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

import aiohttp

#: Bytes, after decompression. ACS's longest answer, for 100 recipients, has about 30 kB.
LARGEST_ANSWER = 4 * 1024 * 1024


class AnswerTooLarge(aiohttp.ClientPayloadError):
    """An answer goes on past `LARGEST_ANSWER`; what it says is not known, and the connection is closed."""

    def __init__(self) -> None:
        super().__init__(f"the answer is larger than {LARGEST_ANSWER:,} bytes")


class BoundedResponse(aiohttp.ClientResponse):
    """An answer of which no more than `LARGEST_ANSWER` is read; `read` raises `AnswerTooLarge` for one that is larger.

    For a session that decompresses (aiohttp's default), which it does piece by piece.
    """

    async def read(self) -> bytes:
        """The whole body."""
        if self._body is None:
            pieces: list[bytes] = []
            size = 0
            async for piece in self.content.iter_any():
                size += len(piece)
                if size > LARGEST_ANSWER:
                    self.close()
                    raise AnswerTooLarge
                pieces.append(piece)
            self._body = b"".join(pieces)
        return await super().read()


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Answer with the redirect itself, which urllib raises as an error."""
        return


def fetch(url: str, *, timeout: float, opener: OpenerDirector | None = None) -> bytes:
    """The body of an answer to GET, for code in a thread: no redirect is followed, and all must be there in time.

    Raises `URLError`, also for an answer that is not 200 or is too large, and `TimeoutError`.
    """
    end = time.monotonic() + timeout
    pieces: list[bytes] = []
    size = 0
    asking = opener or build_opener(_NoRedirect)
    try:
        with asking.open(Request(url), timeout=timeout) as answer:  # noqa: S310 - the URL is of the settings
            while piece := answer.read1(65_536):
                size += len(piece)
                if size > LARGEST_ANSWER:
                    raise URLError(f"the answer is larger than {LARGEST_ANSWER:,} bytes")
                if time.monotonic() > end:
                    raise TimeoutError(f"the answer was not complete within {timeout:g} s")
                pieces.append(piece)
    except HTTPError as error:
        with error:
            raise URLError(f"it answered {error.code}") from None
    return b"".join(pieces)
