"""Where hours decide, the time of the rules' own zone stands beside the reader's, and nowhere else."""

from datetime import UTC, datetime

from bot.queries.conversations import MessageView
from bot.rulebook.files.loader import load_texts
from bot.web.console.shop_times import hours_zone_of, times_there
from bot.web.console.times import in_zone

OURS, OTHER = "+15555550100", "+15555550109"
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
LOADED = load_texts({
    "paris.yaml": f"""
timezone: Europe/Paris
numbers: ["{OURS}"]
rules:
  - {{name: late, when: {{keyword: open}}, only: {{hours: "18:00-09:00"}}, reply: Closed.}}
  - {{name: open, when: {{keyword: open}}, reply: Open.}}
""",
    "tokyo.yaml": f"""
timezone: Asia/Tokyo
numbers: ["{OTHER}"]
rules:
  - {{name: always, when: {{keyword: tokyo}}, reply: Hello.}}
""",
})  # fmt: skip
assert LOADED.book, LOADED.findings
BOOK = LOADED.book


def heard(rule: str, *passed_by: str) -> MessageView:
    return MessageView(
        id="m", conversation_id="c", direction="inbound", text="open", provider_message_id=None, rule=rule,
        in_reply_to=None, status="received", status_details=None, segments=1, encoding="GSM-7", created_at=NOON,
        updated_at=NOON, history=[], decision={"passed_by": passed_by},
    )  # fmt: skip


def test_the_time_there_stands_beside_the_readers() -> None:
    with in_zone("America/New_York"):
        assert times_there(BOOK, OURS, NOON) == ["13:00 Europe/Paris"]
        assert times_there(BOOK, OTHER, NOON) == [], "no hours decide there"
    with in_zone("Europe/Berlin"):
        assert times_there(BOOK, OURS, NOON) == [], "it is the same time"


def test_a_message_that_hours_decided_on_has_a_zone() -> None:
    assert str(hours_zone_of(BOOK, heard("late"))) == "Europe/Paris"
    assert str(hours_zone_of(BOOK, heard("open", "late: it is open"))) == "Europe/Paris"
    assert hours_zone_of(BOOK, heard("open")) is None
    assert hours_zone_of(BOOK, heard("always")) is None
