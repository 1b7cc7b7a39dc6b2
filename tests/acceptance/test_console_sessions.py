"""The console's logins over a crash, seen from outside."""

import re

import httpx

from tests.support.acs import connection_string
from tests.support.folders import MakeBot
from tests.support.processes import ADMIN, Bot
from tests.support.sockets import NO_AUTHORITIES

TOKEN = ADMIN["Authorization"].removeprefix("Bearer ")
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


def log_in(bot: Bot) -> str:
    """A new cookie, as a browser would send it."""
    answer = httpx.post(
        f"{bot.url}/console/login",
        data={"token": TOKEN},
        headers=SAME_ORIGIN,
        trust_env=False,
        verify=NO_AUTHORITIES,
    )
    assert answer.status_code == 303, answer.text
    return answer.headers["set-cookie"].partition(";")[0]


def look(bot: Bot, cookie: str) -> httpx.Response:
    return httpx.get(
        f"{bot.url}/console/conversations", headers={"Cookie": cookie}, trust_env=False, verify=NO_AUTHORITIES
    )


def test_who_logged_out_stays_out_and_who_is_in_stays_in_over_a_crash(make_bot: MakeBot) -> None:
    bot = make_bot("sqlite", connection_string(1)).start()
    stays, leaves = log_in(bot), log_in(bot)
    csrf = re.search(r'name="csrf" value="([^"]+)"', look(bot, leaves).text)
    assert csrf
    answer = httpx.post(
        f"{bot.url}/console/logout",
        data={"csrf": csrf[1]},
        headers=SAME_ORIGIN | {"Cookie": leaves},
        trust_env=False,
        verify=NO_AUTHORITIES,
    )
    assert answer.status_code == 303
    bot.kill()
    bot.start()
    assert look(bot, leaves).status_code == 303
    assert look(bot, stays).status_code == 200
    bot.kill()
    bot.environ["BOT_ADMIN_TOKEN"] = "another-token-of-the-admin"
    bot.start()
    assert look(bot, stays).status_code == 303
