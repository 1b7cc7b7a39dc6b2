"""Styles, scripts and the icon: each stands under an address that changes with its content, and is kept for ever."""

import gzip
import hashlib
from pathlib import Path
from typing import Any, Final

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Struct

from bot.web.console.sessions import HOME

_PATH: Final = f"{HOME}/assets"
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class _File(Struct, frozen=True, kw_only=True):
    media_type: str
    content: bytes
    zipped: bytes


class Files:
    """What a folder holds to be served; scripts that were built from it stand in its `built`, if they were."""

    def __init__(self, folder: Path) -> None:
        self._files: dict[str, _File] = {}
        #: File name → address. Without Node there is no `console.js`, and the pages do without.
        self.addresses: dict[str, str] = {}
        for path in [*sorted(folder.glob("*.*")), *sorted(folder.glob("built/*.*"))]:
            if path.suffix in _MEDIA_TYPES:
                self._add(path)

    def _add(self, path: Path) -> None:
        content = path.read_bytes()
        file = _File(
            media_type=_MEDIA_TYPES[path.suffix], content=content, zipped=gzip.compress(content, mtime=0)
        )
        name = f"{path.stem}.{hashlib.sha256(content).hexdigest()[:12]}{path.suffix}"
        self.addresses[path.name] = f"{_PATH}/{name}"
        self._files[name] = file
        if path.parent.name == "built":
            self._files[path.name] = (
                file  # scripts import each other by the name that esbuild gave, with a digest
            )

    def route(self) -> HTTPRouteHandler:
        """The handler that serves them, to anyone."""

        @get(_PATH + "/{name:str}", include_in_schema=False, sync_to_thread=False)
        def asset(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
            file = self._files.get(name)
            if file is None:
                raise NotFoundException(detail="There is no such file.")
            headers = {
                "Cache-Control": "public, max-age=31536000, immutable",
                "X-Content-Type-Options": "nosniff",
                "Vary": "Accept-Encoding",
            }
            content = file.content
            if "gzip" in request.headers.get("Accept-Encoding", ""):
                content, headers["Content-Encoding"] = file.zipped, "gzip"
            return Response(content, media_type=file.media_type, headers=headers)

        return asset
