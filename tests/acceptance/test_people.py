"""People act by commands while the bot runs, which alone writes to its database."""

from tests.support.acs import Acs
from tests.support.events import received
from tests.support.folders import MakeBot
from tests.support.processes import ADMIN, Bot


def test_a_person_takes_over_answers_and_hands_back(bot: Bot, acs: Acs, peer: str) -> None:
    bot.post([received(peer, "quiet")])
    key = bot.conversation(peer)["id"]
    taken = bot.run("conversations", "hand-over", key, "--url", bot.url)
    assert (taken.returncode, taken.stdout) == (0, f"The bot is silent towards {peer} until you hand back.\n")
    assert bot.post([received(peer, "hours")]).status_code == 200
    said = bot.http.post(f"/api/conversations/{key}/messages", json={"text": "Ada here."}, headers=ADMIN)
    assert said.status_code == 202
    bot.replies_when(peer, "sent")
    assert bot.run("conversations", "hand-back", key, "--url", bot.url).returncode == 0
    bot.post([received(peer, "hours")])
    bot.replies_when(peer, "sent")
    assert [message["text"] for message in acs.messages(peer)] == ["Ada here.", "We are open 9-18."]
    done = bot.get(f"/conversations/{key}/actions")["items"]
    assert [each["action"] for each in done] == ["hand over", "reply", "hand back"]


def test_what_a_person_did_survives_a_crash(make_bot: MakeBot, acs: Acs, peer: str) -> None:
    """Answered 200 is on the disk, for a person's deed as for an event."""
    bot = make_bot("sqlite", acs.connection_string).start()
    bot.post([received(peer, "please take me off this list")])
    (incident,) = bot.conversation(peer)["incidents"]
    release = f"/api/incidents/{incident['id']}/release"
    assert bot.http.post(release, json={"opt_out": True}, headers=ADMIN).status_code == 200
    bot.kill()
    bot.start()
    conversation = bot.conversation(peer)
    assert (conversation["opted_out"], conversation.get("incidents")) == (True, None)
    bot.post([received(peer, "hours")])
    assert bot.replies(peer)[-1]["status"] == "suppressed"
