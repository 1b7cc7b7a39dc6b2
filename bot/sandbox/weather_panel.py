"""The form of the phone page's weather panel."""

from typing import Any
from urllib.parse import parse_qs

from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from bot.sandbox.api import from_another_site
from bot.sandbox.phone import PATH, PHONES, page_address
from bot.sandbox.sandbox import BadText, Sandbox, read_number
from bot.sandbox.weather_form import UnknownChoice, choose


def routes(sandbox: Sandbox) -> list[HTTPRouteHandler]:
    """Return the handler that takes the form and shows the page again."""

    @post(PATH + "/weather", include_in_schema=False)
    async def set_weather(request: Request[Any, Any, Any]) -> Response[Any]:
        if from_another_site(request):
            return _refusal(403, "A page of another site may not set the weather.")
        body = await request.body()
        form = {name: values[-1] for name, values in parse_qs(body.decode(errors="replace")).items()}
        try:
            phone = read_number("from", form.get("from", PHONES[0]))
            sandbox.weather = choose(sandbox.weather, sandbox.number, phone, form)
        except (BadText, UnknownChoice) as wrong:
            return _refusal(400, str(wrong))
        return Redirect(page_address(phone), status_code=303)

    return [set_weather]


def _refusal(status: int, sentence: str) -> Response[str]:
    return Response(sentence, status_code=status, media_type="text/plain")
