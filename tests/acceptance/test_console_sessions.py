"""The console's logins, and what people did, over a crash, seen from outside."""

import re

import httpx

from tests.support.acs import Acs
from tests.support.events import received
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


def test_over_a_crash_who_logged_out_stays_out_who_is_in_stays_in_and_what_a_person_did_is_done(
    make_bot: MakeBot, acs: Acs, peer: str
) -> None:
    """Answered 200 is on the disk, for a person's deed as for an event. A new token ends the logins by the old one."""
    bot = make_bot("sqlite", acs.connection_string).start()
    bot.post([received(peer, "please take me off this list")])
    (incident,) = bot.conversation(peer)["incidents"]
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
    release = f"/api/incidents/{incident['id']}/release"
    assert bot.http.post(release, json={"opt_out": True}, headers=ADMIN).status_code == 200
    bot.kill()
    bot.start()
    assert look(bot, leaves).status_code == 303
    assert look(bot, stays).status_code == 200
    conversation = bot.conversation(peer)
    assert (conversation["opted_out"], conversation.get("incidents")) == (True, None)
    bot.post([received(peer, "hours")])
    assert bot.replies(peer)[-1]["status"] == "suppressed"
    bot.kill()
    bot.environ["BOT_ADMIN_TOKEN"] = "another-token-of-the-admin"
    bot.start()
    assert look(bot, stays).status_code == 303
