"""The page at `/docs`, with and without the viewer that Node builds."""

import json
import re
from pathlib import Path

import httpx
from litestar import Litestar, get
from litestar.openapi.config import OpenAPIConfig
from litestar.params import FromPath
from litestar.testing import AsyncTestClient

from bot.web.api.docs_page import DocsPage, docs_router


@get("/things/{name:str}", sync_to_thread=False)
def thing(name: FromPath[str]) -> str:
    """Tells of <b>one</b> thing."""
    return name


def application(folder: Path) -> Litestar:
    router = docs_router(lambda _connection, _handler: None)
    config = OpenAPIConfig(
        title="Shop <1>",
        version="7",
        openapi_router=router,
        render_plugins=[DocsPage(folder)],
        use_handler_docstrings=True,
    )
    return Litestar([thing], openapi_config=config)


async def page_of(folder: Path) -> tuple[httpx.Response, list[httpx.Response]]:
    """The page, and what it loads from this machine."""
    async with AsyncTestClient(application(folder)) as http:
        page = await http.get("/docs")
        loads = re.findall(r'<(?:script|link)[^>]*?(?:src|href)="(/[^"]+)"', page.text)
        return page, [await http.get(path) for path in loads]


async def test_without_the_viewer_it_is_a_list_that_needs_no_script(tmp_path: Path) -> None:
    page, loads = await page_of(tmp_path)
    assert page.status_code == 200
    assert loads == []
    assert "<script" not in page.text
    assert "<code>GET /things/{name}</code></td><td>Tells of &lt;b&gt;one&lt;/b&gt; thing." in page.text
    assert "<h1>Shop &lt;1&gt; 7</h1>" in page.text
    assert '<a href="/docs/openapi.json">' in page.text


async def test_with_it_script_and_style_come_from_the_bot_alone(tmp_path: Path) -> None:
    (tmp_path / "docs.js").write_text("draw()")
    (tmp_path / "docs.css").write_text("main {}")
    page, (style, script) = await page_of(tmp_path)
    assert not re.search(r"<script(?![^>]*\ssrc=)|\son\w+=|\sstyle=|https?://", page.text)
    assert (style.text, style.headers["content-type"]) == ("main {}", "text/css; charset=utf-8")
    assert (script.text, script.headers["content-type"]) == ("draw()", "text/javascript; charset=utf-8")
    assert script.headers["content-encoding"] == "gzip"
    for answer in (page, script):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")


async def test_nothing_else_can_be_had(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("x")
    async with AsyncTestClient(application(tmp_path)) as http:
        for name in ("secret.txt", "docs.js", "..%2Fdocs.py", "x"):
            assert (await http.get(f"/docs/assets/{name}")).status_code == 404


def test_the_viewer_is_locked_to_one_version() -> None:
    root = Path(__file__).resolve().parents[3]
    asked_for = json.loads((root / "package.json").read_text())["dependencies"]["swagger-ui-dist"]
    locked = json.loads((root / "package-lock.json").read_text())["packages"]["node_modules/swagger-ui-dist"]
    assert asked_for == locked["version"]
    assert locked["integrity"].startswith("sha512-")
