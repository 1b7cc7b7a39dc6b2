"""After a bot went through everything, nothing that it says or shows holds a secret; logs and metrics, no person."""

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from bot.cli import group
from tests.support.acs import Acs
from tests.support.acs_server import ACCESS_KEY
from tests.support.events import a_number, received, report
from tests.support.folders import MakeBot
from tests.support.full_bots import CODES, RULES, TRAINS
from tests.support.openid import CLIENT, CLIENT_SECRET, Provider
from tests.support.processes import ADMIN, OLD_SECRET, SECRET, VIEWER, Bot, until
from tests.support.sockets import NO_AUTHORITIES

SHOP_TOKEN = "token-of-the-shop-4711"
FORWARD_SECRET = "signs-what-is-forwarded"
ERASURE_KEY = "the-key-of-what-is-erased"
#: In the query of a receiver's address, as Azure's functions have it; in an address that people are told at.
RECEIVER_CODE = "code-of-the-receiver-4711"
EVENTS_SECRET = "signs-what-others-hear"
NOTIFY_PASSWORD = "password-of-the-notifier"
SECRETS = (
    SECRET,
    OLD_SECRET,
    ADMIN["Authorization"].removeprefix("Bearer "),
    VIEWER["Authorization"].removeprefix("Bearer "),
    ACCESS_KEY,
    SHOP_TOKEN,
    FORWARD_SECRET,
    ERASURE_KEY,
    RECEIVER_CODE,
    EVENTS_SECRET,
    NOTIFY_PASSWORD,
    base64.b64encode(f"bot:{NOTIFY_PASSWORD}".encode()).decode(),
    CLIENT_SECRET,
    "wrong-but-secret",
)
#: What people write, and what rules make of it.
TEXTS = ("my secret is a blue bicycle", "Josephine", "the attic", "red kite", "is shipped", "Thank you")
_DONE = {"sent", "delivered", "failed", "suppressed", "unconfirmed"}


class _Echo(BaseHTTPRequestHandler):
    """A shop whose error pages show the whole request, as those of frameworks do while somebody works on them.

    It takes events, notifications and traces, too, but for events at `/refuse`.
    """

    def do_GET(self) -> None:
        found = self.path.startswith(("/orders/1", "/hear", "/told", "/v1/traces"))
        shown = {"status": "shipped"} if found else {"trace": str(self.headers), "path": self.path}
        body = json.dumps(shown).encode()
        self.send_response(200 if found else 400, None if found else self.headers["Authorization"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Shop)
        self.server.heard.append((self.path, body))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Shop(ThreadingHTTPServer):
    """Keeps what is posted to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Echo)
        self.host = f"127.0.0.1:{self.server_port}"
        self.heard: list[tuple[str, bytes]] = []

    def heard_at(self, path: str) -> str:
        """All that was posted there."""
        return "\n".join(body.decode("utf-8", "replace") for at, body in self.heard if at.startswith(path))


@contextmanager
def shop() -> Iterator[Shop]:
    server = Shop()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def test_no_secret_and_no_person_is_said_or_shown(
    make_bot: MakeBot, acs: Acs, tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shop() as server:
        address = f"http://{server.host}"
        bot = make_bot(
            "sqlite", acs.connection_string, BOT_PRIVATE_HOSTS="127.0.0.1", BOT_SECRET_SHOP_TOKEN=SHOP_TOKEN,
            BOT_FORWARD_SECRET=FORWARD_SECRET, BOT_ERASURE_KEYS=ERASURE_KEY, BOT_LOG_FORMAT="json",
            BOT_LOG_LEVEL="debug", BOT_EVENTS_SECRETS=EVENTS_SECRET,
            BOT_EVENTS_TO=f"{address}/hear?code={RECEIVER_CODE},{address}/refuse?code={RECEIVER_CODE}",
            BOT_NOTIFY=f"json://bot:{NOTIFY_PASSWORD}@{server.host}/told",
            BOT_OIDC_ISSUER=provider.issuer, BOT_OIDC_CLIENT_ID=CLIENT, BOT_OIDC_CLIENT_SECRET=CLIENT_SECRET,
            OTEL_EXPORTER_OTLP_ENDPOINT=address, OTEL_BSP_SCHEDULE_DELAY="200", gather=1,
        )  # fmt: skip
        write_rules(bot.folder / "rules", address)
        bot.start()
        people = use_all_of_it(bot, acs)
        show_wrong_credentials(bot)
        keys = let_people_in(bot, provider)
        pages = everything_shown(bot, people[0])
        # Without their values: a disk may have as many free bytes as somebody's number.
        metrics = re.sub(r" \S+$", "", bot.http.get("/metrics", headers=ADMIN).text, flags=re.MULTILINE)
        (conversation, *_) = bot.get("/conversations")["items"]
        proof = tmp_path / "proof"
        monkeypatch.chdir(bot.folder)
        commands = CliRunner(env=bot.environ)
        said = [
            commands.invoke(group, each.split(" "))
            for each in (
                "conversations export", "doctor", "answers list", "answers export booking", "opt-outs export",
                f"consent show {people[2]}", f"evidence {proof} --since 1d", "people list", "incidents list",
                f"conversations show {conversation['id']}",
            )
        ]  # fmt: skip
        until(lambda: "waits for a person" in server.heard_at("/told"), seconds=90, what="a notification")
        assert bot.http.delete(f"/api/peers/{people[1]}", headers=ADMIN).status_code == 200
        bot.stop()
    assert bot.process is not None
    log = bot.process.printed()
    stored = b"".join(each.read_bytes() for each in bot.folder.glob("bot.db*"))
    told = [each.stdout + each.stderr for each in said]
    proven = {f"proof of {each.name}": each.read_text() for each in proof.iterdir()}
    nameless = {
        "log": log, "metrics": metrics, "notifications": server.heard_at("/told"),
        "traces": server.heard_at("/v1/traces"),
    }  # fmt: skip
    others = {"events": server.heard_at("/hear"), "refused events": server.heard_at("/refuse")}
    for place, text in {**nameless, **others, **pages, **proven, **dict(enumerate(told))}.items():
        assert not [each for each in (*SECRETS, *keys) if each in text], place
    assert not [each for each in (*SECRETS, *keys) if each.encode() in stored], (
        "a copy of the database opens no door"
    )
    for place, text in nameless.items():
        assert text, place
        assert not [each for each in TEXTS if each in text], place
        assert not [each for each in people if each.removeprefix("+") in text], place
        assert not re.search(r"\+?1555\d{7}(?!\d)", text.replace("15555550100", "")), place
    seen = {json.loads(line).get("event") for line in log.splitlines() if line.startswith("{")}
    assert {"message_received", "message_sent", "message_reported", "fetch_failed", "person_erased"} <= seen
    assert any(TEXTS[0] in each for each in pages.values()), "the scan has seen what people wrote"
    assert any(people[0].removeprefix("+") in each for each in told)
    assert all(TEXTS[0] in each for each in others.values())
    assert [each.output for each in said if each.exit_code] == []


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.close()


def let_people_in(bot: Bot, provider: Provider) -> list[str]:
    """Somebody by a login link, and somebody by the provider; the secrets that this made."""
    added = bot.run("people", "add", "Ada", "--role", "support", "--url", bot.url, "--json")
    assert added.returncode == 0, added.stderr
    key = str(json.loads(added.stdout)["link"]).rpartition("=")[2]
    cookies = []
    with httpx.Client(base_url=bot.url, trust_env=False, verify=NO_AUTHORITIES) as http:
        assert http.post("/console/login", data={"key": key}).status_code == 303
        cookies += http.cookies.values()
    with httpx.Client(base_url=bot.url, trust_env=False, verify=NO_AUTHORITIES) as http:
        door = http.get("/console/login/openid").headers["location"]
        answer = http.get(httpx.get(door, trust_env=False, verify=NO_AUTHORITIES).headers["location"])
        assert answer.status_code == 200, answer.text
        cookies += http.cookies.values()
    assert "/token" in provider.calls
    return [key, *cookies]


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
        "/rejected", "/none", "/rules/schema.json", "/events", f"/consent/{peer}", "/delivery", "/delivery/messages",
        "/opt-outs", "/people", "/team", f"/conversations/{conversation['id']}/export",
    ):  # fmt: skip
        shown[f"/console{page}"] = bot.http.get(f"/console{page}", follow_redirects=True)
    good = [path for path, answer in shown.items() if answer.status_code == 200]
    assert len(good) >= 36, {path: answer.status_code for path, answer in shown.items()}
    return {path: answer.text for path, answer in shown.items()}
