from typing import Any

import httpx
import pytest
from litestar.exceptions import ServiceUnavailableException
from litestar.types import HTTPScope, Receive, Scope, Send

from bot.web.server.front_door import FrontDoor


async def others(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"others", "more_body": False})


async def call(webhook: Any, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=FrontDoor("/events", webhook, others))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://bot") as http:
        return await http.post(path)


async def taken(scope: HTTPScope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"webhook", "more_body": False})


async def busy(scope: HTTPScope, receive: Receive, send: Send) -> None:
    raise ServiceUnavailableException(detail="Not now.", headers={"Retry-After": "30"})


async def broken(scope: HTTPScope, receive: Receive, send: Send) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("path", ["/events", "/events/", "/events?code=x"])
async def test_events_go_to_the_webhook(path: str) -> None:
    assert (await call(taken, path)).text == "webhook"


@pytest.mark.parametrize("path", ["/", "/event", "/events/x", "/api/events"])
async def test_everything_else_goes_to_the_other_application(path: str) -> None:
    assert (await call(taken, path)).text == "others"


async def test_a_refusal_is_told_as_problem_details() -> None:
    answer = await call(busy, "/events")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "30"
    assert answer.json() == {
        "type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": "Not now.",
    }  # fmt: skip


async def test_a_fault_of_ours_makes_event_grid_come_again_and_tells_nothing_of_its_insides() -> None:
    answer = await call(broken, "/events")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "30"
    assert "ZeroDivision" not in answer.text
