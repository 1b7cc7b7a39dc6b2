"""What the look for opt-outs in other words finds, and what it takes wrongly.

Run: python benchmarks/consent.py [TEXTS]
Hits are counted over the table tests/rulebook/people_text.yaml. TEXTS is the SMS Spam Collection (UCI, 5,574 real
texts; in each line a label, `ham` or `spam`, a tab and the text, packed by gzip or not): every text of it that is
flagged and is no spam is printed, to be read.
"""

import gzip
import sys
import time
from pathlib import Path

import yaml

from bot.text.consent import looks_like_opt_out
from bot.text.looks import look_of
from bot.text.words import split_words

TABLE = Path(__file__).parent.parent / "tests" / "rulebook" / "people_text.yaml"


def count_hits() -> None:
    """Of the table: revocations that are found, by language, and texts that ask for nothing and are flagged."""
    rows = [row for row in yaml.safe_load(TABLE.read_text("utf-8")) if row["kind"] == "consent"]
    wishes = [row for row in rows if row["expected"] == "noted"]
    others = [row for row in rows if row["expected"] is None]
    found = [row for row in wishes if look_of(row["text"]) == "opt_out"]
    wrong = [row["text"] for row in others if look_of(row["text"]) == "opt_out"]
    languages = {row["language"] for row in wishes}
    print(f"table: {len(found)} of {len(wishes)} wishes found, in {len(languages)} languages", end="; ")
    print(f"{len(wrong)} of {len(others)} other texts flagged {wrong or ''}")


def count_false_alarms(path: Path) -> None:
    """Of real texts."""
    raw = path.read_bytes()
    lines = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8").splitlines()
    texts = [line.partition("\t")[2] for line in lines if line.startswith("ham\t")]
    words = [split_words(text) for text in texts]
    flagged = [text for text, its in zip(texts, words, strict=True) if looks_like_opt_out(its, text)]
    start = time.perf_counter()
    for text, its in zip(texts, words, strict=True):
        looks_like_opt_out(its, text)
    took = (time.perf_counter() - start) / len(texts) * 1e6
    print(f"real texts: {len(flagged)} of {len(texts):,} that are no spam flagged; {took:.0f} µs a text")
    for text in flagged:
        print(f"  {text}")


def main() -> None:
    count_hits()
    for path in sys.argv[1:]:
        count_false_alarms(Path(path))


if __name__ == "__main__":
    main()
