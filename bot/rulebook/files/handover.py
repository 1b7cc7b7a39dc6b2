"""Reads `handover`: to whom a rule hands the conversation over, and when it goes back by itself."""

from bot.rulebook.files.fields import read_flag, read_table, read_text
from bot.rulebook.files.keys import HANDOVER_KEYS
from bot.rulebook.files.replies import Templates
from bot.rulebook.files.yaml_tree import Node, Table
from bot.rulebook.findings import Report
from bot.rulebook.handed_over import LONGEST_TO
from bot.rulebook.rules import Handover
from bot.text.durations import WrongDuration, parse_duration

#: Seconds: a shorter time would take the conversation back while somebody types.
_SHORTEST, _LONGEST = 60.0, 366 * 24 * 3600.0


def read_handover(node: Node, templates: Templates, report: Report) -> Handover | None:
    """`true`, or a mapping that says more; None: nobody takes over."""
    if not isinstance(node, Table):
        return Handover() if read_flag(node, "handover", report) else None
    table = read_table(node, "handover", report, known=HANDOVER_KEYS)
    if table is None:
        return None
    back_after = _read_back_after(table["back_after"], report) if "back_after" in table else None
    back_reply = templates.reply(table["back_reply"]) if "back_reply" in table else ()
    if "back_reply" in table and "back_after" not in table:
        message = "back_reply is said when back_after is over: add back_after, such as 2h."
        report.add("E204", table["back_reply"].place, message)
    return Handover(
        to=_read_to(table["to"], report) if "to" in table else None,
        urgent=bool(read_flag(table["urgent"], "urgent", report)) if "urgent" in table else False,
        back_after=back_after,
        back_reply=back_reply,
    )


def _read_to(node: Node, report: Report) -> str | None:
    text = read_text(node, "to", report)
    if text is None:
        return None
    name = " ".join(text.value.split())
    if len(name) > LONGEST_TO:
        report.add(
            "E205", text.place, f"to has at most {LONGEST_TO} characters: the name of a team or a person."
        )
    return name[:LONGEST_TO]


def _read_back_after(node: Node, report: Report) -> float | None:
    text = read_text(node, "back_after", report)
    if text is None:
        return None
    try:
        seconds = parse_duration(text.value).total_seconds()
    except WrongDuration as error:
        report.add("E205", text.place, f"back_after: {error}")
        return None
    if not _SHORTEST <= seconds <= _LONGEST:
        report.add("E205", text.place, f"back_after is 1m to 366d, and {text.value} is not.")
        return None
    return seconds
