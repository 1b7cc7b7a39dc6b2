"""After a bot went through everything, nothing that it says or shows holds a secret; logs and metrics, no person."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from tests.support.acs import Acs
from tests.support.acs_server import ACCESS_KEY
from tests.support.events import a_number, received, report
from tests.support.folders import MakeBot
from tests.support.full_bots import CODES, RULES, TRAINS
from tests.support.processes import ADMIN, OLD_SECRET, SECRET, VIEWER, Bot, until

SHOP_TOKEN = "token-of-the-shop-4711"
FORWARD_SECRET = "signs-what-is-forwarded"
ERASURE_KEY = "the-key-of-what-is-erased"
SECRETS = (
    SECRET,
    OLD_SECRET,
    ADMIN["Authorization"].removeprefix("Bearer "),
    VIEWER["Authorization"].removeprefix("Bearer "),
    ACCESS_KEY,
    SHOP_TOKEN,
    FORWARD_SECRET,
    ERASURE_KEY,
    "wrong-but-secret",
)
#: What people write, and what rules make of it.
TEXTS = ("my secret is a blue bicycle", "Josephine", "the attic", "red kite", "is shipped", "Thank you")
_DONE = {"sent", "delivered", "failed", "suppressed", "unconfirmed"}


class _Echo(BaseHTTPRequestHandler):
    """A shop whose error pages show the whole request, as those of frameworks do while somebody works on them."""

    def do_GET(self) -> None:
        found = "/orders/1" in self.path
        shown = {"status": "shipped"} if found else {"trace": str(self.headers), "path": self.path}
        body = json.dumps(shown).encode()
        self.send_response(200 if found else 400, None if found else self.headers["Authorization"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def shop() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_no_secret_and_no_person_is_said_or_shown(make_bot: MakeBot, acs: Acs) -> None:
    with shop() as address:
        bot = make_bot(
            "sqlite", acs.connection_string, BOT_PRIVATE_HOSTS="127.0.0.1", BOT_SECRET_SHOP_TOKEN=SHOP_TOKEN,
            BOT_FORWARD_SECRET=FORWARD_SECRET, BOT_ERASURE_KEYS=ERASURE_KEY, BOT_LOG_FORMAT="json",
            BOT_LOG_LEVEL="debug",
        )  # fmt: skip
        write_rules(bot.folder / "rules", address)
        bot.start()
        people = use_all_of_it(bot, acs)
        show_wrong_credentials(bot)
        pages = everything_shown(bot, people[0])
        metrics = bot.http.get("/metrics", headers=ADMIN).text
        said = [bot.run(*each) for each in (("conversations", "export"), ("doctor",), ("answers", "list"))]
        (conversation, *_) = bot.get("/conversations")["items"]
        said.append(bot.run("conversations", "show", conversation["id"]))
        assert bot.http.delete(f"/api/peers/{people[1]}", headers=ADMIN).status_code == 200
        bot.stop()
    assert bot.process is not None
    log = bot.process.printed()
    stored = b"".join(each.read_bytes() for each in bot.folder.glob("bot.db*"))
    told = [each.stdout + each.stderr for each in said]
    for place, text in {"log": log, "metrics": metrics, **pages, **dict(enumerate(told))}.items():
        assert not [each for each in SECRETS if each in text], place
    assert not [each for each in SECRETS if each.encode() in stored], "a copy of the database opens no door"
    for place, text in {"log": log, "metrics": metrics}.items():
        assert not [each for each in TEXTS if each in text], place
        assert not [each for each in people if each.removeprefix("+") in text], place
        assert not re.search(r"\+?1555\d{7}(?!\d)", text.replace("15555550100", "")), place
    seen = {json.loads(line).get("event") for line in log.splitlines() if line.startswith("{")}
    assert {"message_received", "message_sent", "message_reported", "fetch_failed", "person_erased"} <= seen
    assert any(TEXTS[0] in each for each in pages.values()), "the scan has seen what people wrote"
    assert any(people[0].removeprefix("+") in each for each in told)


def write_rules(folder: Path, address: str) -> None:
    for each in folder.glob("*"):
        each.unlink()
    rules = RULES.format(shop=address).replace("http://127.0.0.1:9/nobody", f"{address}/forwarded")
    (folder / "full.yaml").write_text(rules, "utf-8")
    (folder / "coupons.csv").write_text(CODES, "utf-8")
    (folder / "trains.csv").write_text(TRAINS, "utf-8")


def use_all_of_it(bot: Bot, acs: Acs) -> list[str]:
    """Texts, replies, failures, fetches and forwards; the people who wrote."""
    people, refused = [a_number() for _ in range(3)], "+15555550199"
    blue, name, place, kite, *_ = TEXTS
    texts = (
        blue, "order 1234567", "order 7654321", "book", name, f"my wish: {blue}", f"vote {kite}", "coupon", "hola",
        f"visited {place}", "hours", "train Market", f"train {blue}", "person",
    )  # fmt: skip
    for peer in people:
        assert bot.post([received(peer, text) for text in texts]).status_code == 200
    acs.plan(refused, {"status": 400}, {"status": 401}, {"status": 503})
    for peer in people:
        bot.post([received(peer, "hours", number=refused)])
    bot.post(
        [{"eventType": "odd", "data": {"from": people[0], "message": blue}}, {"id": f"{people[0]}: {blue}"}]
    )
    bot.post(f'{{"from": "{people[0]}", "message": "{blue}"'.encode())
    for peer in people:
        until(lambda peer=peer: acs.messages(peer), what="an SMS")  # type: ignore[misc]
        until(lambda peer=peer: are_fetched(bot, peer), seconds=60, what="the orders")  # type: ignore[misc]
        for message in acs.messages(peer)[:2]:
            bot.post([report(message), report(message, "Failed", DeliveryStatusDetails=f"{blue} {peer}")])
    bot.post([received(people[2], "stop"), received(people[2], "hours")])
    return people


def are_fetched(bot: Bot, peer: str) -> bool:
    (conversation, *_) = bot.get("/conversations", peer=peer, number="+15555550100")["items"]
    found = bot.get(f"/conversations/{conversation['id']}/messages", limit=200)["items"]
    asked = [each["fetch"]["status"] for each in found if each.get("fetch")]
    return len(asked) == 2 and "queued" not in asked


def show_wrong_credentials(bot: Bot) -> None:
    wrong = "wrong-but-secret"
    bot.post([received(a_number(), TEXTS[0])], secret=wrong)
    bot.http.post("/events", content=b"[]", headers={"X-Bot-Secret": wrong})
    bot.http.post("/events", content=b"[]", headers={"Authorization": f"Bearer {wrong}"})
    bot.http.get("/api/conversations", headers={"Authorization": f"Bearer {wrong}"})
    bot.http.get(f"/console?key={wrong}")
    bot.http.post("/console/login", data={"token": wrong})
    bot.http.put("/api/rules/full.yaml", headers=VIEWER, content=b"{}")


def everything_shown(bot: Bot, peer: str) -> dict[str, str]:
    """Every page of the API and of the console that can be looked at."""
    (conversation, *_) = bot.get("/conversations", peer=peer, number="+15555550100")["items"]
    message = bot.get(f"/conversations/{conversation['id']}/messages", limit=200)["items"][1]
    ids = {
        "conversation_id": conversation["id"], "message_id": message["id"], "rule": "booking", "file": "full.yaml",
        "number": peer,
    }  # fmt: skip
    paths = bot.http.get("/docs/openapi.json", headers=ADMIN).json()["paths"]
    shown: dict[str, httpx.Response] = {}
    for path, methods in paths.items():
        target = re.sub(r"\{(\w+)[^}]*\}", lambda found: ids.get(found[1], "none"), path)
        if "get" in methods and not target.startswith("/console"):
            shown[target] = bot.http.get(target, headers=ADMIN)
    assert bot.http.post("/console/login", data={"token": SECRETS[2]}).status_code == 303
    for page in (
        "", "/conversations", f"/conversations/{conversation['id']}", f"/messages/{message['id']}", "/rules",
        "/rules/full.yaml", "/rules/coupons.csv", "/rules/history", "/rules/draft", "/answers", "/answers/booking",
        "/rejected", "/none", "/rules/schema.json",
    ):  # fmt: skip
        shown[f"/console{page}"] = bot.http.get(f"/console{page}", follow_redirects=True)
    good = [path for path, answer in shown.items() if answer.status_code == 200]
    assert len(good) >= 25, {path: answer.status_code for path, answer in shown.items()}
    return {path: answer.text for path, answer in shown.items()}
