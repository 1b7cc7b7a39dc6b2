"""What a client may send, how long it may take and how many there may be, tried byte by byte on a whole bot."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.web.limits import Limits, body_limit
from bot.web.server.crowd import HALF_SENT, IDLE, STALLED
from bot.web.server.exchange import ANSWER, VOUCH
from bot.wire import webhook
from tests.support.databases import Databases
from tests.support.envelopes import inbound
from tests.support.services import ADMIN, SECRET, Acs, Running, running
from tests.support.sockets import Talk, ask, chunked, post, status

EVENTS = f"/events?code={SECRET}"
CHUNKED = "Transfer-Encoding: chunked"
AEG = "aeg-event-type: Notification"
TOKEN = f"Authorization: Bearer {ADMIN}"

#: What is over a bound, and the status that says so.
OVER = {
    "a target without end": (b"GET /" + b"a" * 100_000, 414),
    "a query without end": (b"GET /?" + b"a=b&" * 100_000, 414),
    "a header without end": (b"GET / HTTP/1.1\r\nA: " + b"a" * 1_000_000, 431),
    "a header's name without end": (b"GET / HTTP/1.1\r\n" + b"a" * 1_000_000, 431),
    "headers without end": (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 100_000, 431),
    "a large header, whole": (b"GET / HTTP/1.1\r\nA: " + b"a" * 40_000 + b"\r\n\r\n", 431),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "two lengths": (post("/x", "Content-Length: 1", "Content-Length: 2", body=b"12"), 400),
    "a length and chunks": (post("/x", "Content-Length: 1", CHUNKED, body=b"0\r\n\r\n"), 400),
    "a length that is none": (post("/x", "Content-Length: -1"), 400),
    "a length beyond numbers": (post("/x", "Content-Length: " + "9" * 30), 400),
    "an encoding that is not known": (post("/x", "Transfer-Encoding: gzip"), 400),
    "chunked, and not at the end": (post("/x", "Transfer-Encoding: chunked, identity"), 400),
    "a chunk that lies": (post("/console/login", CHUNKED, body=b"2\r\nabc\r\n"), 400),
    "chunks that are all extension": (post("/console/login", CHUNKED, body=b"1;" + b"x" * 900_000), 400),
    "trailers without end": (post("/console/login", CHUNKED, body=b"0\r\n" + b"A: b\r\n" * 90_000), 431),
    "too large by its own word": (post("/console/login", "Content-Length: 4097"), 413),
    "too large by its own word, waiting": (
        post("/console/login", "Content-Length: 9000000", "Expect: 100-continue"), 413,
    ),
    "too large in one chunk": (post("/console/login", CHUNKED, body=chunked([b"x" * 5_000])), 413),
    "too large in many": (post("/console/login", CHUNKED, body=chunked([b"x"] * 5_000)), 413),
    "a large body for a page that takes none": (post("/health/live", "Content-Length: 900000"), 413),
    "a large body for the API": (post("/api/try", "Content-Length: 900000", TOKEN), 413),
    "a large body for the API, in chunks": (
        post("/api/try", CHUNKED, TOKEN, body=chunked([b" " * 1_000] * 300)), 413,
    ),
}  # fmt: skip


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> AsyncIterator[Running]:
    acs = Acs()
    await acs.start()
    # Times so long that only a test that looks ahead meets them, and room for few.
    limits = Limits(
        head_seconds=1_000, body_seconds=2_000, idle_seconds=3_000, write_seconds=4_000, linger_seconds=0.3,
        connections=12, half_sent=6,
    )  # fmt: skip
    async with running(
        tmp_path_factory.mktemp("bot"), databases.migrated("sqlite"), acs, limits=limits
    ) as bot:
        yield bot
    await acs.stop()


def after(bot: Running, seconds: float) -> None:
    """Let the server believe that so much time has gone by."""
    bot.server.crowd.sweep(asyncio.get_running_loop().time() + seconds)


async def settled(bot: Running, stage: int, count: int) -> None:
    """Wait until so many connections are in a stage."""
    async with asyncio.timeout(60):
        while bot.server.crowd.count(stage) != count:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.005)


async def is_well(bot: Running) -> bool:
    """Whether an event is taken, by a client that was not there before."""
    body = json.dumps([inbound(MessageId="well", Message="What?")]).encode()
    request = post(EVENTS, f"Content-Length: {len(body)}", "Connection: close", body=body)
    return status(await ask(bot.address, request)) == 200


async def test_the_webhook_and_the_server_mean_the_same_words() -> None:
    assert (webhook.VOUCH, webhook.ANSWER) == (VOUCH, ANSWER)


async def test_an_event_is_answered_as_every_request_is(bot: Running) -> None:
    """It has a way of its own, past the framework and in one write."""
    body = json.dumps([inbound(MessageId="whole", Message="What?")]).encode()
    kept = post(EVENTS, f"Content-Length: {len(body)}", body=body)
    last = post(EVENTS, f"Content-Length: {len(body)}", "Connection: close", body=body)
    first, second = (await ask(bot.address, kept + last)).split(b"HTTP/1.1 200 OK\r\n")[1:]
    for answer in (first, second):
        head, _, rest = answer.partition(b"\r\n\r\n")
        names = [line.partition(b":")[0] for line in head.split(b"\r\n")]
        assert names[:3] == [b"date", b"content-type", b"content-length"]
        assert rest == b'{"received":1}'
    assert b"connection: close" in second
    assert b"connection: close" not in first


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/console/login", 4096),
        ("/console/login/", 4096),
        ("/", 4096),
        ("/health/live", 4096),
        ("/console/rules-of-nobody", 131_072),
        ("/api/try", 131_072),
        ("/api/rules/shop.yaml", 5_131_072),
        ("/events", 8 * 1024 * 1024),
        ("/events/", 8 * 1024 * 1024),
        ("/events/more", 4096),
    ],
)
async def test_each_path_has_a_bound_of_its_own(path: str, most: int) -> None:
    assert body_limit(path).most == most


@pytest.mark.parametrize("case", OVER)
async def test_what_is_over_a_bound_is_refused_and_the_connection_closed(bot: Running, case: str) -> None:
    raw, expected = OVER[case]
    answer = await ask(bot.address, raw)
    assert status(answer) == expected, answer
    assert b"application/problem+json" in answer
    # Only the API itself can tell that chunks bring more than one of its messages; `ask` saw the connection closed.
    assert b"connection: close" in answer or case == "a large body for the API, in chunks"
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == expected
    assert await is_well(bot)


@pytest.mark.parametrize("case", OVER)
async def test_it_is_refused_in_the_same_words_after_a_good_request(bot: Running, case: str) -> None:
    raw, expected = OVER[case]
    talk = await (await Talk.open(bot.address)).say(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await talk.answer())[0] == 200
    assert status(await (await talk.say(raw)).hear()) == expected
    talk.leave()


async def test_what_is_within_the_bounds_is_taken(bot: Running) -> None:
    body = json.dumps([inbound(MessageId="many", Message="What?")]).encode()
    small = chunked([body[place : place + 1] for place in range(len(body))])
    headers = [f"X-{number}: {'x' * 200}" for number in range(90)]
    answer = await ask(bot.address, post(EVENTS, *headers, CHUNKED, "Connection: close", body=small))
    assert status(answer) == 200, answer


async def test_answers_to_pipelined_requests_come_in_order_and_their_number_is_bounded(bot: Running) -> None:
    live, nothing = (
        b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n",
    )
    talk = await (await Talk.open(bot.address)).say((live + nothing) * 4)
    assert [(await talk.answer())[0] for _ in range(8)] == [200, 404] * 4
    talk.leave()
    answers = await ask(bot.address, live * 2_000)
    assert 1 <= answers.count(b"HTTP/1.1 200") <= 20
    assert answers.count(b"HTTP/1.1 ") == answers.count(b"HTTP/1.1 200")


@pytest.mark.parametrize("path", ["/events", "/console/login", "/console/live", "/docs"])
async def test_who_wants_a_websocket_is_answered_in_http(bot: Running, path: str) -> None:
    upgrade = (
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA=="
    )
    answer = await ask(bot.address, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{upgrade}\r\n\r\n".encode())
    assert status(answer) in (200, 303, 405), answer


@pytest.mark.parametrize("framing", ["Content-Length: 2", CHUNKED])
async def test_a_body_that_comes_with_an_upgrade_is_not_lost_in_silence(bot: Running, framing: str) -> None:
    """Java's client asks for h2c; the parser ends such a request before its body, which was taken for an empty one."""
    body = b"2\r\n[]\r\n0\r\n\r\n" if framing == CHUNKED else b"[]"
    upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk"
    answer = await ask(bot.address, post("/events", framing, upgrade, f"X-Bot-Secret: {SECRET}", body=body))
    assert status(answer) == 400
    assert b"without Upgrade" in answer


async def test_trailers_are_no_headers(bot: Running) -> None:
    """Else a body's end could bring the credential after all was judged."""
    trailer = f"X-Bot-Secret: {SECRET}\r\n".encode()
    raw = post("/events", CHUNKED, "Connection: close", body=b"2\r\n[]\r\n0\r\n" + trailer + b"\r\n")
    assert status(await ask(bot.address, raw)) == 401


# A body is judged after its credential


@pytest.mark.parametrize("framing", ["Content-Length: 9000000", "Content-Length: 900000000", CHUNKED])
async def test_a_wrong_credential_is_told_before_the_body_is_there(bot: Running, framing: str) -> None:
    answer = await ask(bot.address, post("/events?code=wrong", AEG, framing))
    assert status(answer) == 401, answer


@pytest.mark.parametrize(
    "raw",
    [
        post("/events?code=wrong", AEG, "Content-Length: 9000000"),
        post("/events?code=wrong", AEG, CHUNKED),
        post(EVENTS, AEG, f"Content-Length: {8 * 1024 * 1024 + 1}"),
        post(EVENTS, AEG, CHUNKED, body=chunked([b" " * 3_000_000] * 3)),
    ],
    ids=["a stranger's", "a stranger's in chunks", "too large", "too large in chunks"],
)
async def test_an_answer_says_that_the_rest_of_the_body_is_not_read(bot: Running, raw: bytes) -> None:
    """Else a client sends its next request into a connection that is about to be closed, and loses it."""
    assert b"\r\nconnection: close\r\n" in (await ask(bot.address, raw)).lower()


async def test_a_small_body_that_nobody_wants_is_read_and_the_connection_goes_on(bot: Running) -> None:
    talk = await (await Talk.open(bot.address)).say(post("/events?code=wrong", AEG, "Content-Length: 60000"))
    assert (await talk.answer())[0] == 401
    await talk.say(b" " * 60_000 + b"GET /health/live HTTP/1.1\r\nHost: bot\r\n\r\n")
    assert (await talk.answer())[0] == 200
    talk.leave()


async def test_a_stranger_who_sends_on_is_not_listened_to(bot: Running) -> None:
    talk = await (await Talk.open(bot.address)).say(post("/events?code=wrong", "Content-Length: 50000000"))
    assert status(await (await talk.say(b"x" * 5_000_000)).hear()) == 401
    talk.leave()


async def test_who_is_refused_and_sends_without_end_is_cut_off(bot: Running) -> None:
    talk = await (await Talk.open(bot.address)).say(post("/console/login", "Content-Length: 90000000"))
    sent = 0
    async with asyncio.timeout(60):
        while len(bot.server.crowd) and sent < 90:
            await talk.say(b"x" * 1_000_000)
            sent += 1
            await asyncio.sleep(0)
    assert sent < 80
    talk.leave()


@pytest.mark.parametrize(
    "raw",
    [
        post(EVENTS, AEG, f"Content-Length: {8 * 1024 * 1024 + 1}"),
        post(EVENTS, AEG, "Content-Length: 900000000"),
        post(EVENTS, AEG, CHUNKED, body=chunked([b" " * 3_000_000] * 3)),
        post(EVENTS, AEG, "Content-Length: " + "9" * 30),
        post(EVENTS, AEG, "Transfer-Encoding: gzip"),
        post(EVENTS, AEG, "X: " + "x" * 40_000),
        post(EVENTS, AEG).replace(b"POST", b"PUT"),
    ],
    ids=["declared", "declared far too large", "in chunks", "no number", "no encoding", "headers", "PUT"],
)  # fmt: skip
async def test_what_is_refused_of_event_grid_is_logged_and_counted(
    bot: Running, raw: bytes, logs: list[dict[str, object]]
) -> None:
    before = bot.service.webhook.refused
    talk = await (await Talk.open(bot.address)).say(raw)
    await talk.answer()
    talk.leave()
    assert bot.service.webhook.refused == before + 1
    (line,) = [line for line in logs if line["log_level"] == "error"]
    assert "events are lost" in str(line["event"])
    assert line["status"] in (400, 405, 413, 431)


async def test_a_stranger_with_headers_of_event_grids_raises_no_alarm_of_lost_events(
    bot: Running, logs: list[dict[str, object]]
) -> None:
    before = bot.service.webhook.refused
    assert status(await ask(bot.address, post("/events?code=wrong", AEG, "X: " + "x" * 40_000))) == 431
    assert bot.service.webhook.refused == before
    assert [line["log_level"] for line in logs] == ["warning"]


# Time


@pytest.mark.parametrize(
    ("raw", "seconds", "expected"),
    [
        (b"", 1_001, 0),
        (b"\r\n\r\n", 1_001, 0),
        (b"G", 1_001, 408),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", 1_001, 408),
        (post("/console/login", "Content-Length: 100", body=b"token"), 2_001, 408),
        (post("/console/login", CHUNKED, body=b"1\r\nx\r\n"), 2_001, 408),
        (post(EVENTS, "Content-Length: 100", body=b"["), 2_001, 408),
        (post(EVENTS, CHUNKED, body=chunked([b"x" * 100_000])[:-9]), 2_001, 408),
        (
            post("/api/rules/x.yaml", "Content-Length: 9", 'If-Match: "x"', TOKEN).replace(b"POST", b"PUT", 1),
            2_001, 408,
        ),
    ],
)  # fmt: skip
async def test_a_request_that_is_not_whole_in_time_is_given_up(
    bot: Running, raw: bytes, seconds: float, expected: int, logs: list[dict[str, object]]
) -> None:
    talk = await (await Talk.open(bot.address)).say(raw)
    await settled(bot, HALF_SENT, 0 if EVENTS.encode() in raw else 1)
    await asyncio.sleep(0.05)  # until the application waits for the body
    after(bot, seconds - 2)
    await asyncio.sleep(0)
    after(bot, seconds)
    answer = await talk.hear()
    talk.leave()
    assert status(answer) == expected, answer
    assert not [line for line in logs if line["log_level"] == "error"]


async def test_a_head_that_trickles_in_wins_no_time(bot: Running) -> None:
    talk = await Talk.open(bot.address)
    for piece in (b"GET / HTTP/1.1\r\n", b"A: b\r\n", b"C: d\r\n"):
        await talk.say(piece)
        await asyncio.sleep(0.02)
    after(bot, 1_001)
    assert status(await talk.hear()) == 408
    talk.leave()


async def test_a_connection_that_rests_is_closed_in_the_end(bot: Running) -> None:
    talk = await (await Talk.open(bot.address)).say(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await talk.answer())[0] == 200
    await settled(bot, IDLE, 1)
    after(bot, 2_999)
    await talk.say(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await talk.answer())[0] == 200
    after(bot, 3_001)
    assert await talk.hear() == b""
    talk.leave()


async def test_a_connection_may_rest_for_longer_than_a_proxy_keeps_it() -> None:
    assert Limits().idle_seconds > 120, "Caddy's, the longest of those that docs/deploying.md names"


async def test_who_takes_no_answer_is_hung_up_on(bot: Running) -> None:
    script = largest_script()
    ask_for_it = f"GET /console/assets/{script} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    talk = await (await Talk.open(bot.address, receive=4_096)).say(ask_for_it * 14)
    await settled(bot, STALLED, 1)
    after(bot, 4_001)
    await settled(bot, STALLED, 0)
    assert len(bot.server.crowd) == 0
    talk.leave()


async def test_those_who_take_no_answer_make_room(bot: Running) -> None:
    script = largest_script()
    ask_for_it = f"GET /console/assets/{script} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    stalled = []
    for count in range(1, 16):
        stalled.append(await (await Talk.open(bot.address, receive=4_096)).say(ask_for_it * 14))
        await settled(bot, STALLED, min(count, 6))
    assert await is_well(bot)
    for talk in stalled:
        talk.leave()


async def test_a_body_that_waits_behind_another_request_is_small(bot: Running) -> None:
    live = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    large = json.dumps([inbound(MessageId="large", Message="x" * 10_000)]).encode()
    answers = await ask(bot.address, live + post(EVENTS, f"Content-Length: {len(large)}", body=large))
    assert answers.count(b"HTTP/1.1 ") == answers.count(b"HTTP/1.1 200") == 1
    assert await is_well(bot)


def largest_script() -> str:
    """Of the scripts that are built, the one of which a few are more than the machine holds for a client."""
    folder = Path(webhook.__file__).parent.parent / "web" / "assets" / "built"
    return max(folder.glob("*.js"), key=lambda path: path.stat().st_size).name


# Number


async def test_the_oldest_half_sent_connection_makes_room_and_events_go_on(bot: Running) -> None:
    idle = await (await Talk.open(bot.address)).say(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
    await idle.answer()
    strangers = [await (await Talk.open(bot.address)).say(b"GET / HTTP/1.1\r\n") for _ in range(30)]
    await settled(bot, HALF_SENT, 6)
    assert bot.server.crowd.count(IDLE) == 1
    assert await is_well(bot)
    assert [await talk.hear() for talk in strangers[:24]] == [b""] * 24
    await idle.say(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await idle.answer())[0] == 200
    for talk in [idle, *strangers]:
        talk.leave()


async def test_resting_connections_make_room_too(bot: Running) -> None:
    resting = []
    for _ in range(12):
        resting.append(
            await (await Talk.open(bot.address)).say(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        )
        await resting[-1].answer()
    assert await is_well(bot)
    assert await resting[0].hear() == b""
    for talk in resting:
        talk.leave()


async def test_a_known_senders_half_sent_body_is_no_strangers(bot: Running) -> None:
    body = json.dumps([inbound(MessageId="vouched", Message="What?")]).encode()
    ours = await Talk.open(bot.address)
    await ours.say(post(EVENTS, f"Content-Length: {len(body)}", body=body[:10]))
    await asyncio.sleep(0.05)
    strangers = [await (await Talk.open(bot.address)).say(b"GET / HTTP/1.1\r\n") for _ in range(30)]
    await settled(bot, HALF_SENT, 6)
    await ours.say(body[10:])
    assert (await ours.answer())[0] == 200
    for talk in [ours, *strangers]:
        talk.leave()


async def test_when_everybody_is_being_served_one_more_is_told_to_come_again(bot: Running) -> None:
    busy = []
    for _ in range(12):
        busy.append(await (await Talk.open(bot.address)).say(post(EVENTS, "Content-Length: 9", body=b"[")))
        await asyncio.sleep(0.01)
    await settled(bot, HALF_SENT, 0)
    answer = await ask(bot.address, b"")
    assert status(answer) == 503
    assert b"retry-after" in answer
    for talk in busy:
        talk.leave()


# Those who leave


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n",
        post("/console/login", "Content-Length: 100", body=b"token=x"),
        post("/console/login", CHUNKED, body=b"1\r\nx\r\n"),
        post("/api/try", "Content-Length: 100", TOKEN, body=b"{"),
        post("/api/rules/x.yaml", "Content-Length: 100", "If-Match: x", TOKEN, body=b"x").replace(b"POST", b"PUT", 1),
        post(EVENTS, AEG, "Content-Length: 100", body=b"["),
        post(EVENTS, AEG, "Content-Length: 3000000", body=b"[" * 1_000_000),
        b"GET /docs/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /docs/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 20,
    ],
)  # fmt: skip
@pytest.mark.parametrize("wait", [0.0, 0.03])
async def test_a_client_that_leaves_is_no_error(
    bot: Running, raw: bytes, wait: float, logs: list[dict[str, object]]
) -> None:
    talk = await (await Talk.open(bot.address)).say(raw)
    await asyncio.sleep(wait)
    talk.leave()
    async with asyncio.timeout(60):
        while len(bot.server.crowd) or bot.server.server_state.tasks:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.005)
    assert not [line for line in logs if line["log_level"] in ("warning", "error", "critical")]


# Forms and bodies of the API


@pytest.mark.parametrize("path", ["/console/login", "/console/logout", "/console/rules/shop.yaml"])
async def test_a_form_brings_no_files(bot: Running, path: str) -> None:
    files = {"token": ("a", b"x" * 100)}
    answer = await bot.http.post(path, files=files)
    assert answer.status_code in (303, 401, 415), answer.text


async def test_a_form_of_files_for_the_login_is_refused(bot: Running) -> None:
    assert (await bot.http.post("/console/login", files={"token": b"x"})).status_code == 415


async def test_a_form_has_only_so_many_fields(bot: Running) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await bot.http.post("/console/login", content=b"a&" * 600, headers=headers)
    assert answer.status_code == 413
    assert "more than 500 fields" in answer.text


@pytest.mark.parametrize("mark", [b"[", b'{"a":', b'{"text":['])
async def test_nesting_without_end_is_the_clients_mistake(
    bot: Running, mark: bytes, logs: list[dict[str, object]]
) -> None:
    answer = await bot.send("POST", "/api/try", content=(mark * 60_000)[:60_000])
    assert answer.status_code == 400
    assert not [line for line in logs if line["log_level"] == "error"]


async def test_a_page_that_is_closed_while_it_listens_is_no_error(
    bot: Running, logs: list[dict[str, object]]
) -> None:
    same_origin = {"Sec-Fetch-Site": "same-origin"}
    login = await bot.http.post("/console/login", data={"token": ADMIN}, headers=same_origin)
    assert login.status_code == 303
    cookie = login.headers["set-cookie"].partition(";")[0]
    talk = await Talk.open(bot.address)
    await talk.say(f"GET /console/live?topics=rules HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode())
    assert (await talk.answer())[0] == 200
    talk.leave()
    async with asyncio.timeout(60):
        while bot.service.live.is_heard:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.005)
    assert not [line for line in logs if line["log_level"] in ("warning", "error", "critical")]
