"""The keys of each mapping of a rule file and the bounds of their values, for the readers and the schema."""

from typing import NamedTuple


class Bounds(NamedTuple):
    """The lowest and the highest whole number that a key takes."""

    lowest: int
    highest: int


FILE_KEYS = ("timezone", "numbers", "values", "tables", "max_segments", "rules", "tests")
RULE_KEYS = (
    "name", "when", "only", "limit", "reply", "ask", "expires", "tries", "cancel", "set", "tag", "untag", "opt_out",
    "opt_in", "handover", "forward", "help", "max_segments", "enabled", "lookup", "again",
)  # fmt: skip
RULE_REQUIRED = ("name", "when")
TABLE_KEYS = ("file", "key")
TABLE_REQUIRED = ("file",)
LOOKUP_KEYS = ("table", "key", "save", "missing")
LOOKUP_REQUIRED = ("table", "key", "save")
NUMBER_KEYS = ("kind", "opt_out", "per_minute")
ANSWERERS = ("bot", "carrier")
ONLY_KEYS = ("hours", "dates", "from", "to", "first_time", "tagged", "not_tagged", "opted_out")
QUESTION_KEYS = ("save", "question", "expect", "otherwise")
QUESTION_REQUIRED = ("save", "question")
EXPECT_KEYS = ("one_of", "number", "yes_no", "date", "pattern", "text")
#: Those that say nothing without more.
EXPECT_NEEDS_MORE = ("one_of", "pattern")
EXPECT_NUMBER_KEYS = ("min", "max", "decimals")
EXPECT_YES_NO_KEYS = ("yes", "no")
EXPECT_DATE_KEYS = ("min", "max", "order")
EXPECT_TEXT_KEYS = ("max",)
DAY_ORDERS = ("dmy", "mdy")
CANCEL_KEYS = ("words", "reply")
ONE_OF_KEYS = ("one_of",)
TEST_KEYS = ("hear", "say", "rule", "talk", "at", "from", "to")
STEP_KEYS = ("hear", "say", "rule", "at", "after")

#: What a reply may cost before `bot rules check` warns, in segments.
SEGMENTS = Bounds(1, 10)
#: How often a question may get an answer that it can't take.
TRIES = Bounds(1, 20)
#: Characters of a free answer.
ANSWER_LENGTH = Bounds(1, 1_000)
#: Messages that may leave a number in a minute.
PER_MINUTE = Bounds(1, 100_000)
