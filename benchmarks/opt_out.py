"""How soon an opt-out is in force: from the moment Azure's call sets out to the last text that leaves all the same.

    .venv/bin/python benchmarks/opt_out.py [--people 200] [--load 200] [--json FILE]

Each person asks for a reply of ten texts, which leave one after the other, and says STOP 10 ms after the bot has taken
that. What counts is the last of the ten that sets out to ACS after the STOP has set out to the bot: 0 where none does.
Twenty people do so a second; `--load` adds single texts of others, so many a second.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import uvloop
from contestants import AcsStandIn, BotProcess, Generator, free_port
from intake import SECRET
from load import as_request
from reply_time import percentile
from texts import event_of

GOODBYE = "You get no more messages."
RULES = f"""\
  - name: many
    when: {{exact: many}}
    reply: {json.dumps([f"{place} of 10" for place in range(1, 11)])}
  - {{name: stop, when: {{exact: stop}}, opt_out: true, reply: {GOODBYE}}}
"""
AHEAD = 0.01


def request_of(peer: str, text: str, message_id: str) -> bytes:
    """A post of one text."""
    event: dict[str, Any] = event_of(0)
    event["id"] = event["data"]["MessageId"] = message_id
    event["data"]["From"], event["data"]["Message"] = peer, text
    event["data"].pop("ReceivedTimestamp")
    return as_request(f"/events?code={SECRET}", json.dumps([event]).encode())


async def post(port: int, request: bytes) -> tuple[float, float]:
    """When it set out, and when it was answered 200."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    set_out = time.monotonic()
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    answered = time.monotonic()
    writer.close()
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"an event was refused: {head!r}")
    return set_out, answered


async def people(port: int, first: int, count: int) -> dict[str, tuple[float, float]]:
    """Each person's STOP: when it set out and when it was answered."""

    async def one(number: int) -> tuple[str, tuple[float, float]]:
        peer = f"+1444{first + number:07d}"
        await asyncio.sleep(number / 20)
        await post(port, request_of(peer, "many", f"many_{first + number}"))
        await asyncio.sleep(AHEAD)
        return peer, await post(port, request_of(peer, "STOP", f"stop_{first + number}"))

    return dict(await asyncio.gather(*(one(number) for number in range(count))))


def main() -> None:
    """Run, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--load", type=int, nargs="*", default=[0, 200], help="texts of others a second")
    parser.add_argument("--json", type=Path, help="where to write every single figure")
    given = parser.parse_args()
    records = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        acs = AcsStandIn()
        stack.callback(acs.close)
        bot = BotProcess(folder / "bot", free_port(), acs.connection_string, more_rules=RULES)
        stack.callback(bot.close)
        uvloop.run(people(bot.port, 900_000, 10))  # warms up
        for place, load in enumerate(given.load):
            acs.ask("/forget", "POST")
            others = None
            if load:
                count = int(load * (given.people / 20 + 1))
                first = place * 100_000
                others = Generator(bot.port, first=first, count=count, batch=1, connections=1, rate=load)
                others.start()
            stops = uvloop.run(people(bot.port, place * given.people, given.people))
            if others:
                others.result()
            time.sleep(1)
            last: dict[str, float] = {}
            left = 0
            for peer, text, moment in acs.ask("/named"):
                if peer in stops and text != GOODBYE:
                    left += 1
                    last[peer] = max(last.get(peer, 0), moment)
            late = [max(0.0, last.get(peer, 0) - set_out) * 1e3 for peer, (set_out, _) in stops.items()]
            answered = [(end - set_out) * 1e3 for set_out, end in stops.values()]
            after = [max(0.0, last.get(peer, 0) - end) * 1e3 for peer, (_, end) in stops.items()]
            records.append(
                {"load": load, "late": late, "answered": answered, "after_answer": after, "left": left}
            )
            print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)
    print("| others' texts a second | STOP to the last text that left: p50, p99, most | STOP to its 200: p50, p99"
          " | 200 to the last text: p99 | of the ten left, mean |\n| --- | --- | --- | --- | --- |")  # fmt: skip
    for each in records:
        late, answered, after = each["late"], each["answered"], each["after_answer"]
        print(f"| {each['load']} | {statistics.median(late):.1f}, {percentile(late, 0.99):.1f}, {max(late):.1f} ms"
              f" | {statistics.median(answered):.1f}, {percentile(answered, 0.99):.1f} ms"
              f" | {percentile(after, 0.99):.1f} ms | {each['left'] / len(late):.1f} |")  # fmt: skip
    if given.json:
        given.json.write_text(json.dumps({"processors": os.cpu_count(), "records": records}) + "\n")


if __name__ == "__main__":
    main()
