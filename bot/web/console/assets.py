"""Styles, scripts and the icon. An address changes with its content, so that browsers may cache it for ever."""

import functools
import gzip
import hashlib
from pathlib import Path
from typing import Final

from msgspec import Struct

from bot.web.console.forgery import HOME

#: Where they are served.
ASSETS: Final = f"{HOME}/assets"
#: Without the charset, which Litestar adds to a text's.
_MEDIA_TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


class AssetFile(Struct, frozen=True, kw_only=True):
    """A file that is served."""

    media_type: str
    content: bytes

    @property
    def zipped(self) -> bytes:
        """The same compressed with gzip, which is done once, for whoever asks first."""
        return _zip(self.content)


@functools.cache
def _zip(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


class Files:
    """The files of a folder that are served, with the scripts that were built into its `built`, if any."""

    def __init__(self, folder: Path) -> None:
        self._files: dict[str, AssetFile] = {}
        #: File name → address. Without Node there is no `console.js`, and the pages do without.
        self.addresses: dict[str, str] = {}
        for path in [*sorted(folder.glob("*.*")), *sorted(folder.glob("built/*.*"))]:
            if path.suffix in _MEDIA_TYPES:
                self._add(path)

    def _add(self, path: Path) -> None:
        content = path.read_bytes()
        file = AssetFile(media_type=_MEDIA_TYPES[path.suffix], content=content)
        name = f"{path.stem}.{hashlib.sha256(content).hexdigest()[:12]}{path.suffix}"
        self.addresses[path.name] = f"{ASSETS}/{name}"
        self._files[name] = file
        if path.parent.name == "built":
            self._files[path.name] = (
                file  # scripts import each other by the name that esbuild gave, with a digest
            )

    def find(self, name: str) -> AssetFile | None:
        """A file by the name in its address."""
        return self._files.get(name)
