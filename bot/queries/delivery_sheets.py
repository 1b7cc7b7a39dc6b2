"""How delivery fares, as CSV for spreadsheets."""

from bot.queries.answer_sheets import csv_lines
from bot.queries.delivery import DeliveryLine, DeliveryView

_FIGURES = (
    "messages", "delivered", "failed", "unconfirmed", "waiting", "suppressed", "failed_share", "usual_failed_share",
    "p50_ms", "p95_ms", "usual_p50_ms", "usual_p95_ms",
)  # fmt: skip


def delivery_csv(view: DeliveryView) -> bytes:
    """A line for each line of the view, by RFC 4180, in UTF-8 with a mark at the beginning."""
    head = ("by", "name", "words", *_FIGURES, "unusual")
    rows = [_cells("all", view.whole)]
    for dimension, lines in view.dimensions().items():
        rows += [_cells(dimension, line) for line in lines]
    return "\ufeff".encode() + csv_lines([head, *rows])


def _cells(dimension: str, line: DeliveryLine) -> list[str]:
    figures = [getattr(line, name) for name in _FIGURES]
    written = [
        "" if each is None else f"{each:.4f}" if isinstance(each, float) else f"{each}" for each in figures
    ]
    return [dimension, line.name, line.words or "", *written, "; ".join(line.unusual)]
