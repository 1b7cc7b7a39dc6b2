"""No body breaks it: mutated event bodies, and what schemathesis makes of the OpenAPI document, against `bot serve`.

    .venv/bin/python -m benchmarks.bodies_soak --bodies 200000
    .venv/bin/python -m benchmarks.bodies_soak --bodies 1000 --schemathesis "$(command -v schemathesis)"

Bodies are good events of both schemas with bytes flipped, cut, doubled and inserted, or with keys, values and headers
exchanged for what nobody sends. Exit status 0: no answer was a 5xx or had a secret or a path of this machine in it, the
bot is healthy afterwards, takes a good message and has logged no fault. Else 1, with the first that was wrong.
"""

import argparse
import asyncio
import copy
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from tests.support.acs import Acs
from tests.support.events import a_number, received, report
from tests.support.folders import in_folder
from tests.support.processes import ADMIN, SECRET, Bot

CONNECTIONS = 16
#: Connections that may end without an answer before the round is given up.
MOST_DROPPED = 500
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**63, 1e308, "", " ", "\0", "\ud800", "\u202e", "é" * 3_000, "9" * 400, [], {}, [[]],
    [None], {"": ""}, "2026-13-45T99:99:99Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999+14:00", "+", "+0",
    "Microsoft.EventGrid.SubscriptionValidationEvent", "Microsoft.Communication.SMSReceived", "../../etc/passwd",
    "{{ secret.NAME }}", "' OR 1=1 --", "http://169.254.169.254/", "<script>",
)  # fmt: skip
TYPES = (
    "application/json", "application/json; charset=utf-8", "application/cloudevents+json",
    "application/cloudevents-batch+json", "text/plain", "multipart/form-data; boundary=x", "",
    "application/json; charset=x",
)  # fmt: skip
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"aeg-event-type": "Notification"},
    {"aeg-event-type": "SubscriptionValidation"},
    {"aeg-event-type": "SubscriptionDeletion"},
    {"aeg-event-type": "\x7f", "aeg-delivery-count": "-1"},
    {
        "ce-id": "1",
        "ce-source": "x",
        "ce-type": "Microsoft.Communication.SMSReceived",
        "ce-specversion": "1.0",
    },
    {"ce-specversion": "9"},
    {"Content-Encoding": "gzip"},
)


class Mutator:
    """Makes bodies out of good ones; the same from the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def next(self) -> tuple[bytes, dict[str, str]]:
        """A body and its headers."""
        chance = self._random
        events = [self._event() for _ in range(chance.choice((1, 1, 1, 2, 5)))]
        for _ in range(chance.choice((0, 1, 1, 2, 4))):
            self._change(events)
        content: Any = events[0] if events and chance.random() < 0.2 else events
        body = json.dumps(content).encode("utf-8", "surrogatepass")
        for _ in range(chance.choice((0, 0, 1, 1, 3))):
            body = self._damage(body)
        return body, {"Content-Type": chance.choice(TYPES), **chance.choice(HEADERS)}

    def _event(self) -> dict[str, Any]:
        chance = self._random
        peer = f"+1555{chance.randrange(10**7):07d}"
        event: dict[str, Any] = (
            received(peer, chance.choice(("hours", "stop", "start", "hello", "two")))
            if chance.random() < 0.6
            else report({"messageId": f"Outgoing_{chance.random()}", "from": "+15555550100", "to": peer})
        )
        if chance.random() < 0.3:
            event = {"specversion": "1.0", "type": event.pop("eventType", ""), "source": "x", **event}
        return event

    def _change(self, node: Any) -> None:
        """Exchange something somewhere in it."""
        chance = self._random
        while isinstance(node, dict | list) and node:
            key = chance.choice(list(node) if isinstance(node, dict) else range(len(node)))
            if isinstance(node[key], dict | list) and node[key] and chance.random() < 0.8:
                node = node[key]
                continue
            if isinstance(node, dict) and chance.random() < 0.3:
                node[chance.choice((key.upper(), key.lower(), key + " ", "", "__class__"))] = node.pop(key)
            elif chance.random() < 0.2:
                del node[key]
            else:
                # Of its own: a later change would change it in all bodies that come, or put it into itself.
                node[key] = copy.deepcopy(chance.choice(VALUES))
            return

    def _damage(self, body: bytes) -> bytes:
        chance = self._random
        place = chance.randrange(len(body) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            return body[:place] + bytes([chance.randrange(256)]) + body[place + 1 :]
        if kind == 1:
            return body[:place]
        if kind == 2:
            return body + body[place:]
        if kind == 3:
            return body[:place] + chance.randbytes(chance.randrange(1, 9)) + body[place:]
        return (
            body[:place]
            + chance.choice((b"[" * 500, b"\0", b"\xef\xbb\xbf", b"1e999", b"\\u0000", b"NaN"))
            + body[place:]
        )


class Found:
    """What the answers were, and the first that were wrong."""

    def __init__(self, folder: Path) -> None:
        self.statuses: Counter[int] = Counter()
        self.dropped = 0
        self.faults: list[str] = []
        self._secrets = re.compile(
            re.escape(SECRET) + "|" + re.escape(str(folder)) + r"|Traceback|site-packages"
        )

    def note(self, body: bytes, headers: dict[str, str], answer: httpx.Response) -> None:
        """Count an answer."""
        self.statuses[answer.status_code] += 1
        if answer.status_code >= 500 or self._secrets.search(answer.text):
            self.faults.append(f"{answer.status_code} {answer.text[:300]} to {headers} {body[:500]!r}")


async def post_all(url: str, count: int, seed: int, found: Found) -> None:
    """Post so many bodies on several connections."""
    mutator = Mutator(seed)
    left = count

    async def post(client: httpx.AsyncClient) -> None:
        nonlocal left
        while left > 0:
            left -= 1
            body, headers = mutator.next()
            try:
                answer = await client.post("/events", params={"code": SECRET}, content=body, headers=headers)
            except httpx.TransportError:  # as when the server ends a connection that rested for 5 seconds
                found.dropped += 1
                if found.dropped > MOST_DROPPED:
                    raise
                continue
            found.note(body, headers, answer)

    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
        await asyncio.gather(*(post(client) for _ in range(CONNECTIONS)))


def explore(schemathesis: str, url: str) -> list[str]:
    """Have schemathesis call every route of the OpenAPI document; what it found."""
    command = [
        schemathesis, "run", f"{url}/docs/openapi.json", "--header", f"Authorization: {ADMIN['Authorization']}",
        "--checks", "not_a_server_error", "--max-examples", "25", "--workers", "1", "--suppress-health-check", "all",
    ]  # fmt: skip
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    print(ran.stdout[-3_000:])
    return [] if ran.returncode == 0 else [f"schemathesis: exit status {ran.returncode} {ran.stderr[-500:]}"]


def main() -> int:
    """Run a round and say what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bodies", type=int, default=200_000)
    parser.add_argument("--seed", type=int, help="makes the bodies of an earlier round again")
    parser.add_argument("--schemathesis", help="where this program is; without, it is not run")
    given = parser.parse_args()
    seed = random.randrange(10**6) if given.seed is None else given.seed
    print(f"{given.bodies:,} bodies, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="bodies-") as text:
        folder = Path(text)
        acs = Acs(folder)
        bot = Bot(in_folder(folder / "bot"), acs=acs.connection_string, BOT_QUEUE_LIMIT="10000000")
        bot.start()
        found = Found(folder)
        try:
            began = time.monotonic()
            asyncio.run(post_all(bot.url, given.bodies, seed, found))
            answers = ", ".join(f"{count:,} of {status}" for status, count in sorted(found.statuses.items()))
            took = time.monotonic() - began
            print(
                f"Answers: {answers}; {found.dropped} connections ended without one; {took:.0f} s", flush=True
            )
            faults = list(found.faults)
            if given.schemathesis:
                faults += explore(given.schemathesis, bot.url)
            faults += after(bot)
        finally:
            bot.close()
            acs.close()
    print("\n".join(faults[:10]) or "No answer was a 5xx, and none had a secret or a path in it.")
    return 1 if faults else 0


def after(bot: Bot) -> list[str]:
    """Whether it is as well as before."""
    faults = []
    if (status := bot.http.get("/health/ready").status_code) != 200:
        faults.append(f"/health/ready answers {status} afterwards")
    if (status := bot.post([received(a_number(), "hours")]).status_code) != 200:
        faults.append(f"a good message is answered {status} afterwards")
    assert bot.process
    if fault := re.search(r".*(?:Traceback|A fault of the bot's own).*", bot.process.printed()):
        faults.append(f"in the log: {fault[0][:1_000]}")
    return faults


if __name__ == "__main__":
    sys.exit(main())
