"""How long the event loop stands still while a book of 10,000 rules, or a table of 100,000 rows, is put in force.

    .venv/bin/python benchmarks/reload.py [--patterns all | --table]

A ticker asks for a turn every millisecond while messages are decided all the time and the rule files change; the
longest wait for a turn beyond its millisecond is what a webhook call would have felt. Beside it stands how much of
that wait the processor spent on the reload: the rest is the machine's other work, and the messages'.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bot.rulebook.collector import settle_after_start
from bot.rulebook.decision import ConversationState, HeardMessage
from bot.rulebook.editing.live_book import LiveBook
from bot.rulebook.simulate.decide import decide

RULES = 10_000
ROWS = 100_000
#: A rule book around a table: a rule that listens for every key, and one that looks a row up.
_AROUND = """\
tables: {stops: stops.csv}
rules:
  - {name: times, when: {table: stops}, reply: "{{ row.name }}: {{ row.next_bus }}"}
  - name: late
    when: {pattern: 'late at (?P<stop>.+)'}
    lookup: {table: stops, key: "{{ stop }}", save: found}
    reply: "{{ found.name }} {{ message }}"
"""


def rule(number: int, wording: str, *, only_patterns: bool) -> str:
    """One in three rules is a pattern, or every one; the others are keywords with a template."""
    if only_patterns:
        when = f"{{pattern: 'order{number}\\s+#?(?P<number>\\d{{4,8}})'}}"
    elif number % 3 == 0:
        when = f"{{pattern: 'ticket{number}[a-f]\\d+'}}"
    else:
        when = f"{{keyword: [word{number}, also{number}]}}"
    return f'  - {{name: r{number}, when: {when}, reply: "{wording} {number} for {{{{ from }}}}"}}\n'


def other_threads() -> float:
    """Seconds of the processor that this process has used outside of the event loop's thread."""
    return time.process_time() - time.thread_time()


def table(wording: str) -> str:
    """A CSV file as a spreadsheet writes it: keys of one word and of two, and a text with commas."""
    rows = (
        f'{wording if at % 2 else "stop"} {at};Stop {at};"10:{at % 60:02}, 10:59"\r\n' for at in range(ROWS)
    )
    return "\ufeffstop;name;next bus\r\n" + "".join(rows)


async def main(*, only_patterns: bool, is_table: bool) -> None:
    """Load, change, measure."""

    def write(wording: str) -> None:
        if is_table:
            file.write_text(_AROUND)
            Path(folder, "stops.csv").write_text(table(wording))
            return
        rules = (rule(number, wording, only_patterns=only_patterns) for number in range(RULES))
        file.write_text("rules:\n" + "".join(rules))

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "rules.yaml")
        write("first")
        shelf = LiveBook(Path(folder))
        shelf.open()
        settle_after_start()
        #: How long each was, and how much of it the reload took.
        waits: list[tuple[float, float]] = []
        is_over = False

        async def tick() -> None:
            while not is_over:
                asked, others = time.perf_counter(), other_threads()
                await asyncio.sleep(0.001)
                waits.append((time.perf_counter() - asked - 0.001, other_threads() - others))

        async def work() -> None:
            while not is_over:
                for _ in range(50):
                    heard = HeardMessage(
                        id="m", text="word77 please", sender="+15555550101", recipient="+15555550100"
                    )
                    decide(shelf.book(), heard, ConversationState(), datetime.now(UTC))
                await asyncio.sleep(0)

        tasks = [asyncio.create_task(tick()), asyncio.create_task(work())]
        await asyncio.sleep(1)
        quiet, waits[:] = max(waits)[0], []
        longest, held, seconds = [], [], []
        for wording in ("second", "third", "fourth"):
            write(wording)
            await asyncio.sleep(0.05)
            waits.clear()  # writing the file stood on this event loop too, and is not what is measured
            started = time.perf_counter()
            before = shelf.book().version
            await shelf.reload()
            seconds.append(time.perf_counter() - started)
            assert shelf.book().version != before
            await asyncio.sleep(0.2)
            longest.append(max(wait for wait, _ in waits) * 1000)
            held.append(max(share for _, share in waits) * 1000)
            waits.clear()
        is_over = True
        await asyncio.gather(*tasks)
    patterns = "all" if only_patterns else "a third"
    print(f"{ROWS:,} rows of a table" if is_table else f"{RULES:,} rules, {patterns} of them patterns")
    print(f"longest wait for a turn, nothing loading  {quiet * 1000:6.1f} ms")
    print(
        f"longest wait for a turn, rules loading    {max(longest):6.1f} ms  (each reload: {listed(longest)})"
    )
    print(f"longest time that the reload held it up   {max(held):6.1f} ms  (each reload: {listed(held)})")
    print(f"a reload under this load takes            {statistics.median(seconds):6.1f} s")


def listed(figures: list[float]) -> str:
    """`1.2, 3.4`."""
    return ", ".join(f"{each:.1f}" for each in figures)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--patterns", choices=("third", "all"), default="third", help="how many of the rules")
    parser.add_argument("--table", action="store_true", help=f"a table of {ROWS:,} rows instead of rules")
    arguments = parser.parse_args()
    asyncio.run(main(only_patterns=arguments.patterns == "all", is_table=arguments.table))
