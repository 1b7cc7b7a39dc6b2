"""The phone page over plain HTTP, as a browser without JavaScript meets it."""

import asyncio
import re
from urllib.parse import urlencode

import msgspec
import pytest
from azure.communication.sms.aio import SmsClient

from bot.sandbox.app import Sandbox
from bot.sandbox.weather import Weather
from bot.sandbox.weather_form import ask, choose, questions
from tests.support.sandboxes import Phone, Webhook, until

ME = "+15555550101"
PAGE = "/sandbox/phone?" + urlencode({"from": ME})


async def page(phone: Phone, path: str = PAGE, status: int = 200) -> str:
    async with phone.http.get(phone.address + path) as response:
        assert response.status == status
        return await response.text()


async def submit(phone: Phone, **fields: str) -> tuple[int, str]:
    async with phone.http.post(phone.address + "/sandbox/phone", data=fields) as response:
        return response.status, await response.text()


async def test_an_empty_conversation_shows_what_to_text(phone: Phone) -> None:
    html = await page(phone, "/sandbox/phone")
    assert "Text HOURS, ORDER 12345 or HELP." in html
    assert "+1\u00a0555\u00a0555\u00a00100" in html
    assert 'http-equiv="refresh"' not in html


async def test_the_page_and_its_files_name_their_charset_once(phone: Phone) -> None:
    html = await page(phone)
    files = re.findall(r'(?:href|src)="(/sandbox/[^"]+\.(?:css|js))"', html)
    assert files
    for path in (PAGE, *files):
        async with phone.http.get(phone.address + path) as response:
            assert response.headers["Content-Type"].count("charset=utf-8") == 1, path


async def test_the_form_answers_303_to_the_page_of_the_same_phone(phone: Phone) -> None:
    async with phone.http.post(
        phone.address + "/sandbox/phone", data={"from": "1 555 555 0101", "text": "Hi"}, allow_redirects=False
    ) as response:
        assert response.status == 303
        assert response.headers["Location"] == PAGE


async def test_text_and_reply_are_shown_with_their_states(
    webhook: Webhook, sms: SmsClient, phone: Phone
) -> None:
    _, html = await submit(phone, **{"from": ME, "text": "Hours?"})
    assert "Hours?" in html
    # Something is under way, so a page without JavaScript looks again by itself.
    assert 'http-equiv="refresh"' in html
    await sms.send("+15555550100", ME, "Open Mon-Sat.", enable_delivery_report=True)
    assert re.search(r"Open Mon-Sat\..*✓</span> sent", await page(phone), re.DOTALL)
    async with asyncio.timeout(60):
        while not re.search(r"✓✓</span> delivered", await page(phone)):
            pass
    assert re.search(r"Hours\?.*received by the bot", await page(phone), re.DOTALL)


async def test_a_refused_text_says_why(webhook: Webhook, phone: Phone) -> None:
    webhook.answers = [401]
    await phone.text("Hours?")
    async with asyncio.timeout(60):
        while "refused" not in (html := await page(phone)):
            pass
    assert "it answered 401, it does not know the secret that Event Grid sends" in html


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"from": ME, "text": " "}, "This must say something."),
        ({"from": ME}, "This must say something."),
        ({"from": "me", "text": "Hello <b>"}, "This must be a phone number"),
        ({}, "This must be a phone number"),
    ],
)
async def test_a_form_with_a_mistake_comes_back_with_what_was_typed(
    fields: dict[str, str], sentence: str, phone: Phone
) -> None:
    status, html = await submit(phone, **fields)
    assert status == 400
    assert sentence in html
    assert "aria-invalid" in html
    if "b" in fields.get("text", ""):
        assert 'value="Hello &lt;b&gt;"' in html


async def test_a_number_that_is_none_is_said_beside_its_field(phone: Phone) -> None:
    html = await page(phone, "/sandbox/phone?from=%3Cscript%3E", status=400)
    assert 'value="&lt;script&gt;"' in html


async def test_texts_are_escaped(webhook: Webhook, sms: SmsClient, phone: Phone) -> None:
    evil = '<script>alert(1)</script>"><img src=x onerror=alert(1)>\x00\x1b[31m'
    await phone.text(evil)
    await sms.send("+15555550100", ME, evil)
    html = await page(phone)
    assert html.count("&lt;script&gt;alert(1)") == 2
    assert "<img" not in html
    assert "\x00" not in html
    assert "␀␛[31m" in html


async def test_the_page_allows_nothing_but_its_own_files(phone: Phone) -> None:
    async with phone.http.get(phone.address + PAGE) as response:
        policy = response.headers["Content-Security-Policy"]
        html = await response.text()
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<style|style=|\son\w+=|<script>", html)
    assert len(html) < 30_000


async def test_assets_have_addresses_that_change_with_their_content_and_stay_cached(phone: Phone) -> None:
    addresses = re.findall(r'"(/sandbox/phone/phone\.[0-9a-f]{12}\.\w+)"', await page(phone))
    assert {address.rpartition(".")[2] for address in addresses} == {"css", "js", "svg"}
    for address in addresses:
        async with phone.http.get(phone.address + address) as response:
            assert response.status == 200
            assert "immutable" in response.headers["Cache-Control"]
    async with phone.http.get(phone.address + "/sandbox/phone/phone.css") as response:
        assert response.status == 404


async def test_the_stream_tells_what_came_and_ends_with_the_sandbox(
    sandbox: Sandbox, sms: SmsClient, phone: Phone
) -> None:
    before = sandbox.log.mark
    await phone.text("one\ntwo")
    stream = phone.address + "/sandbox/phone/stream?" + urlencode({"from": ME, "since": before})
    async with phone.http.get(stream) as response:
        assert response.content_type == "text/event-stream"
        got = await response.content.readuntil(b"</li>\n\n")
        assert b"event: bubble" in got
        assert b"data: two" in got
        await sms.send("+15555550100", "+15555550102", "for another phone")
        await sms.send("+15555550100", ME, "for us")
        while b"for us" not in got:
            got += await response.content.readuntil(b"</li>\n\n")
        assert b"for another phone" not in got
        await sandbox.stop()
        assert await response.content.read() == b""


async def test_a_stream_goes_on_where_it_broke_off(sandbox: Sandbox, sms: SmsClient, phone: Phone) -> None:
    await sms.send("+15555550100", ME, "old news")
    mark = sandbox.log.mark
    await sms.send("+15555550100", ME, "missed")
    stream = phone.address + "/sandbox/phone/stream?" + urlencode({"from": ME, "since": "old"})
    async with phone.http.get(stream, headers={"Last-Event-ID": mark}) as response:
        got = await response.content.readuntil(b"</li>\n\n")
    assert b"missed" in got
    assert b"old news" not in got


async def test_a_page_of_an_earlier_sandbox_learns_that_it_is_stale(phone: Phone) -> None:
    stream = phone.address + "/sandbox/phone/stream?" + urlencode({"from": ME, "since": "ffff-7"})
    async with phone.http.get(stream) as response:
        assert b"event: stale" in await response.content.read()


async def test_a_closed_stream_ends_its_watch(sandbox: Sandbox, phone: Phone) -> None:
    stream = phone.address + "/sandbox/phone/stream?" + urlencode({"from": ME, "since": sandbox.log.mark})
    async with phone.http.get(stream):
        await until(lambda: sandbox.log._watchers)
    await until(lambda: not sandbox.log._watchers)


def selected(html: str) -> dict[str, str]:
    """What each list of the weather panel shows as chosen."""
    lists = re.findall(r'<select id="weather-\w+" name="(\w+)".*?</select>', html, re.DOTALL)
    return {
        name: re.search(rf'name="{name}".*?value="([\w-]+)" selected', html, re.DOTALL)[1]  # type: ignore[index]
        for name in lists
    }


async def set_weather(phone: Phone, **fields: str) -> tuple[int, str]:
    fields = {"from": ME} | fields
    async with phone.http.post(phone.address + "/sandbox/phone/weather", data=fields) as response:
        return response.status, await response.text()


async def test_the_weather_panel_shows_and_sets_the_weather(phone: Phone) -> None:
    assert selected(await page(phone)) == {"sending": "fair", "reports": "fair", "events": "fair"}
    status, html = await set_weather(phone, sending="throttled", reports="opted-out", events="twice")
    assert status == 200
    assert selected(html) == {"sending": "throttled", "reports": "opted-out", "events": "twice"}
    weather = await phone.get("/sandbox/weather")
    assert (weather["throttle_rate"], weather["opted_out"], weather["shuffle"]) == (0.5, [ME], True)
    await set_weather(phone, sending="fair", reports="fair", events="fair")
    assert selected(await page(phone)) == {"sending": "fair", "reports": "fair", "events": "fair"}
    assert (await phone.get("/sandbox/weather"))["throttle_rate"] == 0


async def test_the_panel_leaves_alone_what_was_set_through_the_api(sandbox: Sandbox, phone: Phone) -> None:
    sandbox.weather = Weather(error_rate=0.1, report_delay_ms=50)
    assert selected(await page(phone))["sending"] == "other"
    await set_weather(phone, sending="other", reports="lost", events="fair")
    assert sandbox.weather == Weather(error_rate=0.1, report_delay_ms=50, report_lost_rate=1)


@pytest.mark.parametrize("question", [q.name for q in questions("+15555550100", ME)])
async def test_every_choice_of_the_panel_is_weather_and_is_shown_as_chosen(
    question: str, sandbox: Sandbox
) -> None:
    for q in questions(sandbox.number, ME):
        if q.name != question:
            continue
        seen = []
        for choice in q.choices:
            sandbox.weather = choose(sandbox.weather, sandbox.number, ME, {q.name: choice.name})
            assert msgspec.json.decode(msgspec.json.encode(sandbox.weather), type=Weather) == sandbox.weather
            seen.append(sandbox.weather)
            shown = {asked.question.name: asked.chosen for asked in ask(sandbox.weather, sandbox.number, ME)}
            assert shown[q.name] == choice.name
        assert len({msgspec.json.encode(weather) for weather in seen}) == len(q.choices)


@pytest.mark.parametrize("fields", [{"sending": "hail"}, {"from": "me"}])
async def test_what_the_panel_does_not_offer_is_refused(
    fields: dict[str, str], sandbox: Sandbox, phone: Phone
) -> None:
    status, sentence = await set_weather(phone, **fields)
    assert (status, sentence[-1]) == (400, ".")
    assert sandbox.weather == Weather()


async def test_a_page_of_another_site_cannot_set_the_weather(sandbox: Sandbox, phone: Phone) -> None:
    async with phone.http.post(
        phone.address + "/sandbox/phone/weather",
        data={"sending": "down"},
        headers={"Sec-Fetch-Site": "cross-site"},
    ) as response:
        assert response.status == 403
    assert sandbox.weather == Weather()
