"""Fields of forms are read as the standard library reads them, and not kept."""

from urllib.parse import parse_qsl, urlencode

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar import Litestar, post
from litestar._parsers import parse_url_encoded_form_data
from litestar.testing import AsyncTestClient

from bot.web.server.bounded_request import BoundedRequest
from bot.web.server.form_fields import read_fields
from tests.support.properties import examples

SIGNS = st.text("&=+%aF0 \r\n_\t\u00e9\U0001f6d1", max_size=20)

PIECES = (b"%", b"=", b"&", b"+", b"4", b"1", b"\n", b"\r", b" ", b"\xff", b"%e2", b"%0A", b"z")


def by_the_book(body: bytes) -> dict[str, str | list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(body.decode("latin-1"), keep_blank_values=True, encoding="latin-1"):
        text = [each.encode("latin-1").decode("utf-8", "replace") for each in (name, value)]
        found.setdefault(text[0], []).append(text[1])
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}


@settings(max_examples=examples(300))
@given(st.lists(st.tuples(SIGNS, SIGNS), max_size=4))
def test_what_a_browser_encodes_comes_back(fields: list[tuple[str, str]]) -> None:
    body = urlencode(fields).encode()
    assert read_fields(body) == by_the_book(body)


@settings(max_examples=examples(300))
@given(
    st.lists(
        st.sampled_from([b"%", b"=", b"&", b"+", b"4", b"1", b"\n", b"\xff", b"%e2", b"%0A", b"z"]),
        max_size=12,
    )
)
def test_what_nobody_should_send_is_read_as_the_standard_library_reads_it(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    assert read_fields(body) == by_the_book(body)


async def test_no_form_is_kept_once_it_is_answered() -> None:
    @post("/")
    async def length(request: BoundedRequest) -> str:
        again = BoundedRequest(request.scope, request.receive)  # a guard has looked before
        return f"{len((await request.form())['text'])} {len((await again.form())['text'])}"

    kept = parse_url_encoded_form_data.cache_info().currsize
    async with AsyncTestClient(Litestar([length], request_class=BoundedRequest)) as client:
        answer: httpx.Response = await client.post("/", data={"text": "rules: []\n" * 10_000})
    assert answer.text == "100000 100000"
    assert parse_url_encoded_form_data.cache_info().currsize == kept


def test_an_empty_form_has_no_fields() -> None:
    assert read_fields(b"") == {}
