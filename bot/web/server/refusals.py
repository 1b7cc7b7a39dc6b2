"""What is answered in the applications' place: to a browser that asks for the console a page, to others a problem."""

import html
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

import msgspec

from bot.web.problems import problem_of

_PROBLEM: Final = "application/problem+json"
_HTML: Final = "text/html; charset=utf-8"
#: It loads nothing, as nobody may be there who would answer.
_PAGE: Final = """\
<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>{title} · Bot</title>
<style>body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem }}</style>
<main id="main"><h1>{title}</h1><p>{sentence}</p><p><a href="/console">Go to the overview</a></p></main></html>
"""


def refusal(
    path: str, headers: Iterable[tuple[bytes, bytes]], status: int, sentence: str
) -> tuple[str, bytes]:
    """The content type and the body of a refusal for a request of this path."""
    if (path == "/console" or path.startswith("/console/")) and any(map(_is_browsers, headers)):
        title = html.escape(HTTPStatus(status).phrase)
        return _HTML, _PAGE.format(title=title, sentence=html.escape(sentence)).encode()
    return _PROBLEM, msgspec.json.encode(problem_of(status, sentence))


def _is_browsers(header: tuple[bytes, bytes]) -> bool:
    name, value = header
    return (name.lower() == b"accept" and b"text/html" in value) or name.lower() == b"hx-request"
