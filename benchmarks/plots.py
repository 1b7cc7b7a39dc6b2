"""The plots of benchmarks/README.md, drawn from the figures that the benchmarks stored.

    .venv/bin/python benchmarks/plots.py

Each benchmark writes its figures with `--json benchmarks/results/NAME.json`; this reads what is there and writes
docs/speed-NAME.svg. The same figures make the same bytes. No library: three kinds of plain plots, and none to install.
"""

import json
import math
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

RESULTS = Path(__file__).parent / "results"
DOCS = Path(__file__).parent.parent / "docs"
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 300, 64, 64, 40, 44
COLOURS = ("#0f6cbd", "#c2410c", "#4d7c0f", "#7e22ce")


def text(x: float, y: float, words: str, anchor: str = "start", colour: str = "#444") -> str:
    """A line of text."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'


def picture(title: str, parts: Sequence[str], height: int = HEIGHT) -> str:
    """A whole SVG, readable on light and on dark pages."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        f' font-family="system-ui, sans-serif" font-size="13"><title>{escape(title)}</title>'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>'
        f'<g font-weight="600">{text(16, 22, title, colour="#111")}</g>' + "".join(parts) + "</svg>\n"
    )


def top_of(most: float) -> float:
    """A round number that is not below `most`."""
    step = 10.0 ** math.floor(math.log10(most or 1))
    return next(step * each for each in (1, 2, 5, 10) if step * each >= most)


def short(value: float) -> str:
    """A number as an axis has it."""
    return f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:.2f}"


def bars(title: str, unit: str, rows: Sequence[tuple[str, float, float, float]]) -> str:
    """Horizontal bars: (name, value, least, most), the last two as a line over the bar."""
    top, left, room = top_of(max(row[3] for row in rows)), 250, WIDTH - 250 - RIGHT
    parts = []
    for place, (name, value, least, most) in enumerate(rows):
        y = TOP + 8 + place * 26
        middle = y + 9
        parts += [
            text(left - 8, y + 13, name, "end"),
            f'<rect x="{left}" y="{y}" width="{value / top * room:.1f}" height="18" fill="{COLOURS[0]}"/>',
            f'<path d="M{left + least / top * room:.1f} {middle}H{left + most / top * room:.1f}" stroke="#111"/>',
            text(left + max(value, most) / top * room + 6, y + 13, f"{short(value)} {unit}".rstrip()),
        ]
    return picture(title, parts, TOP + 20 + len(rows) * 26)


def lines(
    title: str,
    across: tuple[str, Sequence[float]],
    series: Sequence[tuple[str, Sequence[float]]],
    *,
    labels: Sequence[str] = (),
) -> str:
    """Lines over one axis, each with a scale of its own that begins at 0; the first's is at the left."""
    name, xs = across
    end = max(xs) or 1
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM - 16
    foot = TOP + 16 + height
    parts = [f'<path d="M{LEFT} {TOP + 16}V{foot}H{LEFT + width}" fill="none" stroke="#999"/>']
    ticks = [(x, label) for x, label in zip(xs, labels, strict=True)] if labels else [
        (end * part / 4, short(end * part / 4)) for part in range(5)
    ]  # fmt: skip
    parts += [text(LEFT + x / end * width, foot + 16, label, "middle") for x, label in ticks]
    parts.append(text(LEFT + width / 2, foot + 34, name, "middle"))
    one_scale = len({unit_of(each) for each, _ in series}) == 1
    most = max(max(values) for _, values in series)
    for place, (called, values) in enumerate(series):
        top, colour = top_of(most if one_scale else max(values)), COLOURS[place]
        points = " ".join(
            f"{LEFT + x / end * width:.1f},{foot - value / top * height:.1f}"
            for x, value in zip(xs, values, strict=True)
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(text(LEFT + place * 190, TOP + 6, called, colour=colour))
        if place == 0 or not one_scale:
            x, anchor = (LEFT - 6, "end") if place == 0 else (LEFT + width + 6, "start")
            parts += [text(x, foot - part * height / 2 + 4, short(top * part / 2), anchor,
                           "#444" if one_scale else colour) for part in range(3)]  # fmt: skip
    return picture(title, parts)


def unit_of(name: str) -> str:
    """What stands after the comma of a line's name."""
    return name.rpartition(", ")[2]


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, least, most."""
    return statistics.median(values), min(values), max(values)


def accept(found: dict[str, Any]) -> str:
    """Pairs of two checkouts."""
    rows = []
    for shape in dict.fromkeys(each["shape"] for each in found["records"]):
        by_name: dict[str, dict[int, float]] = {}
        for each in found["records"]:
            if each["shape"] == shape:
                by_name.setdefault(each["name"], {})[each["round"]] = each["processor"]
        ours, theirs = (
            by_name["this checkout"],
            next(by_name[name] for name in by_name if name != "this checkout"),
        )
        rows.append((shape, *spread([ours[number] / theirs[number] for number in ours])))
    return bars("Processor time of taking an event, of that of commit 8938281, by pairs", "×", rows)


def whole_path(found: dict[str, Any]) -> str:
    """Beside Kannel."""
    kannel = {each["round"]: each["rate"] for each in found["records"] if each["name"] == "Kannel"}
    rows = [
        (shape, *spread([each["rate"] / kannel[each["round"]] for each in found["records"]
                         if (each["shape"], each["name"]) == (shape, "bot")]))
        for shape in dict.fromkeys(each["shape"] for each in found["records"] if each["shape"])
    ]  # fmt: skip
    return bars("From the POST to the SMS: messages a second, of Kannel's in the same round", "×", rows)


def growth(found: dict[str, Any]) -> str:
    """By what is stored."""
    sizes = sorted({each["stored"] for each in found["records"]})
    cost = [
        statistics.median(each["processor"] for each in found["records"] if each["stored"] == size)
        for size in sizes
    ]
    xs = [math.log10(size) - math.log10(sizes[0]) for size in sizes]
    return lines("What a message costs, by the messages stored", ("messages stored", xs),
                 [("processor a message, µs", cost)], labels=[f"{size:,}" for size in sizes])  # fmt: skip


def burst(found: dict[str, Any]) -> str:
    """Sent and memory over time."""
    samples = found["samples"]
    return lines(
        "A burst of 100,000 texts", ("seconds", [each["at"] for each in samples]),
        [("answered, messages", [each["sent"] for each in samples]),
         ("memory, MiB", [each["memory"] for each in samples])],
    )  # fmt: skip


def drain(found: dict[str, Any]) -> str:
    """The same for a backlog."""
    return burst(found).replace(
        "A burst of 100,000 texts", "Draining a backlog of 300,000 replies, the first minute"
    )


def reply_time(found: dict[str, Any]) -> str:
    """Percentiles by rate."""
    rows = []
    for each in found["records"]:
        ordered = sorted(value for values in each["ms"] for value in values)
        rows.append((f"{each['rate']:,} texts a second", *(ordered[min(len(ordered) - 1, int(len(ordered) * part))]
                                                            for part in (0.5, 0.05, 0.95))))  # fmt: skip
    return bars(
        "From the text to the call that answers it: median, and from the 5th to the 95th percentile",
        "ms",
        rows,
    )


def console(found: dict[str, Any]) -> str:
    """Some of what the console asks, by what is stored."""
    of_sqlite = [each for each in found["records"] if each["database"] == "SQLite"]
    sizes = sorted({each["stored"] for each in of_sqlite})
    series = []
    for called, question in (("overview", "overview: day"), ("a rare text", "text, rare"),
                             ("part of a number", "number, part, few")):  # fmt: skip
        by_size = {each["stored"]: each["processor"] for each in of_sqlite if each["question"] == question}
        series.append((f"{called}, ms", [statistics.median(by_size[size]) for size in sizes]))
    xs = [math.log10(size) - math.log10(sizes[0]) for size in sizes]
    return lines("What the console asks, by the messages stored (SQLite)", ("messages stored", xs), series,
                 labels=[f"{size:,}" for size in sizes])  # fmt: skip


PLOTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "accept": accept, "whole-path": whole_path, "growth": growth, "burst": burst, "drain": drain,
    "reply-time": reply_time, "console": console,
}  # fmt: skip


def main() -> None:
    """Draw each for which there are figures."""
    for name, draw in PLOTS.items():
        if (file := RESULTS / f"{name}.json").exists():
            (DOCS / f"speed-{name}.svg").write_text(draw(json.loads(file.read_text())), "utf-8")


if __name__ == "__main__":
    main()
