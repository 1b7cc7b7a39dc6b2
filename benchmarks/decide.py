"""What one decision costs, for books and tables from 10 to 100,000 rules or rows, and what loading and checking costs.

Run: python benchmarks/decide.py [--json] [KIND...]
The median over many messages, half of them for the book's last rule; `fresh` is over texts that were not heard before
and match nothing. The machine's noise is in it.
"""

import json
import statistics
import sys
import time
from datetime import UTC, datetime

from bot.rulebook.book import Book
from bot.rulebook.decision import ConversationState, HeardMessage
from bot.rulebook.files.loader import load_texts
from bot.rulebook.lint.check import check
from bot.rulebook.simulate.decide import decide

_FILE = 20_000  # rules a file: a file has at most 5 MB


def keyword_rule(at: int) -> str:
    return f"  - {{name: r{at}, when: {{keyword: [word{at}, other word{at}]}}, reply: Answer number {at}.}}\n"


def pattern_rule(at: int) -> str:
    pattern = rf"order{at}\s+#?(?P<number>\d{{4,8}})"
    return f"  - {{name: r{at}, when: {{pattern: '{pattern}'}}, reply: 'Order {{{{ number }}}}.'}}\n"


def mixed_rule(at: int) -> str:
    """As authors write them: with conditions, something saved, and a template that only Liquid can write."""
    return (
        f"  - name: r{at}\n    when: {{keyword: [word{at}, other word{at}]}}\n"
        "    only: {hours: Mon-Sun 0:00-24:00}\n    set: {last: '{{ message }}'}\n"
        f"    reply: 'Hi {{{{ from }}}}, {{{{ words | first | upcase }}}} {at}'\n"
    )


_RULES = {"keyword": keyword_rule, "pattern": pattern_rule, "mixed": mixed_rule}


#: Of a table, a rule that listens for every key of it, and one that looks a row up.
_TABLE = "tables: {stops: stops.csv}\nrules:\n"
_TABLE_RULES = {
    "table": "  - {name: r%d, when: {table: stops}, reply: 'At {{ row.name }}: {{ row.times }}'}\n",
    "lookup": "  - {name: r%d, when: {pattern: '^(?P<stop>\\w+)'}, lookup: {table: stops, key: '{{ stop }}',"
    " save: found, missing: Where?}, reply: 'At {{ found.name }}: {{ found.times }}'}\n",
}


def texts_of(kind: str, count: int) -> dict[str, str]:
    """The files of a book of so many rules, or of a table of so many rows."""
    if kind in _TABLE_RULES:
        rows = (f'word{at},Stop {at},"10:{at % 60:02}, 10:59"\n' for at in range(count))
        return {
            "a.yaml": _TABLE + _TABLE_RULES[kind] % (count - 1),
            "stops.csv": "stop,name,times\n" + "".join(rows),
        }
    rule = _RULES[kind]
    return {
        f"{start:07}.yaml": "rules:\n" + "".join(rule(at) for at in range(start, min(start + _FILE, count)))
        for start in range(0, count, _FILE)
    }


def load(kind: str, count: int) -> tuple[Book, float, float]:
    """The book, and the seconds that reading it and checking it took."""
    texts = texts_of(kind, count)
    start = time.perf_counter()
    loaded = load_texts(texts)
    took = time.perf_counter() - start
    assert loaded.book is not None, loaded.findings[:3]
    start = time.perf_counter()
    check(loaded.book)
    return loaded.book, took, time.perf_counter() - start


def measure(kind: str, count: int) -> dict[str, object]:
    book, loading, checking = load(kind, count)
    matching = f"Word{count - 1}, please!" if kind != "pattern" else f"my Order{count - 1} #12345 please"
    texts = [matching, "What are your opening hours on Sunday?"]
    now = datetime.now(UTC)
    standing = ConversationState(known=True)
    heard = [
        HeardMessage(id=f"m{at}", text=texts[at % 2], sender="+15555550101", recipient="+15555550100")
        for at in range(200)
    ]
    assert decide(book, heard[0], standing, now).rule == f"r{count - 1}"
    costs = []
    for _ in range(100):
        for half in (heard[::2], heard[1::2]):
            start = time.perf_counter()
            for each in half:
                decide(book, each, standing, now)
            costs.append((time.perf_counter() - start) / len(half) * 1e6)
    fresh = [
        HeardMessage(id=f"f{at}", text=f"hours {at} {kind}", sender="+15555550101", recipient="+15555550100")
        for at in range(count, count + 5_000)
    ]
    fresh_costs = []
    for some in range(0, len(fresh), 100):
        start = time.perf_counter()
        for each in fresh[some : some + 100]:
            decide(book, each, standing, now)
        fresh_costs.append((time.perf_counter() - start) * 1e4)
    return {
        "rules": count,
        "kind": kind,
        "match_us": round(statistics.median(costs[::2]), 2),
        "no_match_us": round(statistics.median(costs[1::2]), 2),
        "fresh_us": round(statistics.median(fresh_costs), 2),
        "load_s": round(loading, 2),
        "check_s": round(checking, 2),
    }


def main() -> None:
    plan = [("keyword", 10), ("keyword", 1_000), ("keyword", 10_000), ("keyword", 100_000)]
    plan += [("pattern", 10), ("pattern", 1_000), ("pattern", 10_000)]
    plan += [("mixed", 10), ("mixed", 10_000)]
    plan += [("table", 10), ("table", 100_000), ("lookup", 10), ("lookup", 100_000)]
    if only := [each for each in sys.argv[1:] if not each.startswith("-")]:
        plan = [(kind, count) for kind, count in plan if kind in only]
    results = [measure(kind, count) for kind, count in plan]
    if "--json" in sys.argv:
        print(json.dumps(results, indent=2))
        return
    print(
        f"{'size':>8} {'kind':8} {'match':>10} {'no match':>10} {'fresh':>10} {'loading':>9} {'checking':>9}"
    )
    for each in results:
        print(
            f"{each['rules']:>8,} {each['kind']:8} {each['match_us']:>7} µs {each['no_match_us']:>7} µs"
            f" {each['fresh_us']:>7} µs"
            f" {each['load_s']:>7} s {each['check_s']:>7} s"
        )


if __name__ == "__main__":
    main()
