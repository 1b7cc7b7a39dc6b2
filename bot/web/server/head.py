"""HEAD wherever there is GET, as RFC 9110 (9.1) wants: the head of GET's answer and nothing behind it."""

from typing import Any

from litestar.types import ASGIApp, HTTPScope, Message, Receive, Send


async def answer_head(app: ASGIApp, scope: HTTPScope, receive: Receive, send: Send) -> None:
    """Have GET answered, send its head, and let what makes the body hear that nobody listens any more.

    A stream ends so at once, and a long export makes no more than its first piece.
    """
    is_answered = False

    async def heard() -> Any:
        return {"type": "http.disconnect"} if is_answered else await receive()

    async def head_only(message: Message) -> None:
        nonlocal is_answered
        if is_answered:
            return
        await send(message)
        if message["type"] == "http.response.start":
            is_answered = True
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    asked: HTTPScope = {**scope, "method": "GET"}
    await app(asked, heard, head_only)


def name_head(message: Message) -> None:
    """Name HEAD beside GET where the beginning of an answer lists the methods that there are."""
    if message["type"] == "http.response.start" and message["status"] in (204, 405):
        message["headers"] = [
            (name, value + b", HEAD" if name.lower() == b"allow" and b"GET" in value else value)
            for name, value in message["headers"]
        ]
