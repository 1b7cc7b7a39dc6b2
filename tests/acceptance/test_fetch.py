"""A rule asks a shop, a process that is slow, fails, redirects, dies and comes back: each person is answered once."""

import re
import sys
from pathlib import Path

from tests.support.acs import Acs
from tests.support.events import a_number, received
from tests.support.folders import MakeBot
from tests.support.processes import ROOT, Bot, Process, free_port, until
from tests.support.shop_server import answer_to
from tests.support.shops import order_rules, write_rules

OTHERWISE = "We can't look that up right now."


def open_shop(folder: Path, port: int) -> Process:
    command = [sys.executable, "-m", "tests.support.shop_server", str(port)]
    shop = Process(command, folder=folder, environ={"PYTHONPATH": str(ROOT)}, name="shop")
    shop.wait_for(r"listens on port (\d+)")
    return shop


def rules_of(shop: str) -> str:
    """What is asked for ever is asked for eight seconds, all else for twenty."""
    usual, short = (order_rules(shop, timeout=timeout, more="keep: 1s") for timeout in ("20s", "8s"))
    order = short.partition("  - name: order\n")[2].partition("  - name: stop")[0]
    return usual.replace("rules:\n", "rules:\n  - name: failing\n" + order.replace(r"\S+)'", r"\d*6)$'"), 1)


def said(bot: Bot, peer: str) -> str:
    (reply,) = bot.replies_when_settled(peer, seconds=30)
    return str(reply["text"])


def test_each_order_is_answered_once_whatever_the_shop_does(
    make_bot: MakeBot, acs: Acs, tmp_path: Path
) -> None:
    port = free_port()
    bot = make_bot("sqlite", acs.connection_string, BOT_PRIVATE_HOSTS="127.0.0.1", BOT_SECRET_SHOP_TOKEN="x")
    write_rules(bot.folder, rules_of(f"http://127.0.0.1:{port}"))
    shop = open_shop(tmp_path, port)
    bot.start()
    peers = {number: a_number() for number in range(4710, 4720)}
    assert bot.post([received(peer, f"order {number}") for number, peer in peers.items()]).status_code == 200
    for number, peer in peers.items():
        if number % 10 != 6:  # the one that fails for ever
            assert said(bot, peer) == (answer_to(number) or OTHERWISE)

    # It dies, and so does the bot, in the midst of asking; when both are back the person is answered.
    shop.kill()
    late = a_number()
    assert bot.post([received(late, "order 4727")]).status_code == 200
    until(lambda: bot.messages(late)[0].get("fetch", {}).get("status") == "queued", what="the message")
    bot.kill()
    shop = open_shop(tmp_path, port)
    bot.start()
    assert said(bot, late) == answer_to(4727)
    fetch = bot.messages(late)[0]["fetch"]
    assert (fetch["url"], fetch["status"], fetch["answer"]) == (
        f"http://127.0.0.1:{port}/orders/4727", "answered", {"status": "shipped-4727"},
    )  # fmt: skip
    shown = bot.run("conversations", "show", bot.conversation(late)["id"]).stdout
    assert f"asked GET http://127.0.0.1:{port}/orders/4727" in shown
    assert said(bot, peers[4716]) == OTHERWISE
    assert all(len(acs.messages(peer)) == 1 for peer in (*peers.values(), late))
    metrics = bot.http.get("/metrics", headers={"Authorization": f"Bearer {bot.environ['BOT_VIEWER_TOKEN']}"})
    assert 'bot_fetch_requests_total{host="127.0.0.1",outcome="answered"}' in metrics.text
    assert not re.search(r"(?<![\d.])4727(?!\d)", metrics.text)
    shop.kill()
