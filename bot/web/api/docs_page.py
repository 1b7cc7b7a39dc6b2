"""The page at `/docs`: the API as a list, which the viewer that the bot brings along draws anew where it is built."""

import gzip
import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from litestar import Request, Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.params import FromPath
from markupsafe import Markup

from bot.web.api.asyncapi import PATH as ASYNCAPI
from bot.web.api.asyncapi import asyncapi_json

_BUILT: Final = Path(__file__).parent.parent / "assets" / "built" / "docs"
_FILES: Final = {"docs.js": "text/javascript", "docs.css": "text/css"}
_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch")

#: Only what the bot itself serves; pictures in styles are `data:`.
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self' data:;"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_PAGE: Final = Markup(
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">{viewer}'
    '</head><body><main id="api" data-url="{document}"><h1>{title} {version}</h1>'
    '<p>As a document for programs: <a href="{document}">{document}</a>; the events that the bot posts to others:'
    ' <a href="{events}">{events}</a></p>'
    "<table><thead><tr><th>Request</th><th>What it does</th></tr></thead><tbody>{rows}</tbody></table></main>"
    "</body></html>"
)
_ROW: Final = Markup("<tr><td><code>{method} {path}</code></td><td>{summary}</td></tr>\n")
_VIEWER: Final = Markup(
    '<link rel="stylesheet" href="{folder}/docs.css?{mark}"><script defer src="{folder}/docs.js?{mark}"></script>'
)


class DocsPage(OpenAPIRenderPlugin):
    """Renders the page and serves what it loads; the same people may see both."""

    def __init__(self, folder: Path = _BUILT) -> None:
        super().__init__(path="/")
        self._folder = folder

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The page."""
        document = self.get_openapi_json_route(request)
        rows = Markup().join(
            _ROW.format(
                method=method.upper(),
                path=path,
                summary=operation.get("description") or operation.get("summary") or "",
            )
            for path, item in openapi_schema["paths"].items()
            for method, operation in item.items()
            if method in _METHODS and path != document
        )
        viewer = ""
        if set(self._contents) == set(_FILES):
            folder = document.rpartition("/")[0] + "/assets"
            viewer = _VIEWER.format(folder=folder, mark=self._mark)
        info = openapi_schema["info"]
        page = _PAGE.format(
            title=info["title"],
            version=info["version"],
            document=document,
            events=document.rpartition("/")[0] + ASYNCAPI,
            rows=rows,
            viewer=viewer,
        )
        return page.encode()

    def receive_router(self, router: Router) -> None:
        """Add the files."""

        @get("/assets/{name:str}", include_in_schema=False, sync_to_thread=False)
        def docs_asset(name: FromPath[str]) -> Response[bytes]:
            content = self._contents.get(name)
            if content is None:
                raise NotFoundException(detail="There is no such file.")
            headers = {"Content-Encoding": "gzip", "Cache-Control": "private, max-age=31536000, immutable"}
            return Response(content, media_type=_FILES[name], headers=headers)

        router.register(docs_asset)

    @cached_property
    def _contents(self) -> dict[str, bytes]:
        # Read when the page is first opened, not at the start: it is a quarter of a second for a page that few open.
        return {
            name: gzip.compress((self._folder / name).read_bytes(), 6, mtime=0)
            for name in _FILES
            if (self._folder / name).is_file()
        }

    @cached_property
    def _mark(self) -> str:
        return hashlib.sha256(b"".join(self._contents.values())).hexdigest()[:12]


def docs_router(guard: Any) -> Router:
    """Where the page stands."""
    return Router("/docs", route_handlers=[asyncapi_json], guards=[guard], response_headers=_HEADERS)
