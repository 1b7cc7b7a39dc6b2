"""How long the event loop stands still while a book of 10,000 rules is loaded and put in force.

    .venv/bin/python benchmarks/reload.py

A ticker asks for a turn every millisecond while messages are decided all the time and the rule files change; the
longest wait for a turn beyond its millisecond is what a webhook call would have felt.
"""

import asyncio
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bot.cli.serve import leave_garbage_alone
from bot.rulebook.deciding import decide
from bot.rulebook.decision import Heard, Standing
from bot.rulebook.shelf import Shelf

RULES = 10_000


def rule(number: int, wording: str) -> str:
    """One in three rules is a pattern; the others are keywords with a template."""
    when = (
        f"{{pattern: 'ticket{number}[a-f]\\d+'}}"
        if number % 3 == 0
        else f"{{keyword: [word{number}, also{number}]}}"
    )
    return f'  - {{name: r{number}, when: {when}, reply: "{wording} {number} for {{{{ from }}}}"}}\n'


async def main() -> None:
    """Load, change, measure."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "rules.yaml")
        file.write_text("rules:\n" + "".join(rule(number, "first") for number in range(RULES)))
        shelf = Shelf(Path(folder))
        shelf.open()
        leave_garbage_alone()
        waits: list[float] = []
        is_over = False

        async def tick() -> None:
            while not is_over:
                asked = time.perf_counter()
                await asyncio.sleep(0.001)
                waits.append(time.perf_counter() - asked - 0.001)

        async def work() -> None:
            while not is_over:
                for _ in range(50):
                    heard = Heard(
                        id="m", text="word77 please", sender="+15555550101", recipient="+15555550100"
                    )
                    decide(shelf.book(), heard, Standing(), datetime.now(UTC))
                await asyncio.sleep(0)

        tasks = [asyncio.create_task(tick()), asyncio.create_task(work())]
        await asyncio.sleep(1)
        quiet, waits[:] = list(waits), []
        longest, seconds = [], []
        for wording in ("second", "third", "fourth"):
            file.write_text("rules:\n" + "".join(rule(number, wording) for number in range(RULES)))
            await asyncio.sleep(0.05)
            waits.clear()  # writing the file stood on this event loop too, and is not what is measured
            started = time.perf_counter()
            before = shelf.book().version
            await shelf.reload()
            seconds.append(time.perf_counter() - started)
            assert shelf.book().version != before
            await asyncio.sleep(0.2)
            longest.append(max(waits) * 1000)
            waits.clear()
        is_over = True
        await asyncio.gather(*tasks)
    print(f"longest wait for a turn, nothing loading   {max(quiet) * 1000:6.1f} ms")
    print(f"longest wait for a turn, {RULES:,} rules loading {max(longest):6.1f} ms  (each reload: "
          f"{', '.join(f'{each:.1f}' for each in longest)})")  # fmt: skip
    print(f"a reload under this load takes             {statistics.median(seconds):6.1f} s")


if __name__ == "__main__":
    asyncio.run(main())
