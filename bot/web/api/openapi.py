"""How the API describes itself: the OpenAPI document and the page that shows it."""

from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from bot import __version__
from bot.web.access import require_viewer_unless_local
from bot.web.api.docs_page import DocsPage, docs_router


def openapi_config() -> OpenAPIConfig:
    """For Litestar; anyone on this machine may look, others need a viewer's token."""
    return OpenAPIConfig(
        title="SMS keyword bot",
        version=__version__,
        openapi_router=docs_router(require_viewer_unless_local),
        render_plugins=[DocsPage()],
        use_handler_docstrings=True,
        components=Components(security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}),
    )
