"""People act by commands while the bot runs, which alone writes to its database."""

from tests.support.acs import Acs
from tests.support.events import received
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
