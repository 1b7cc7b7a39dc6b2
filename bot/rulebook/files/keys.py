"""The keys of each mapping of a rule file and the bounds of their values, for the readers and the schema."""

from typing import NamedTuple


class Bounds(NamedTuple):
    """The lowest and the highest whole number that a key takes."""

    lowest: int
    highest: int


FILE_KEYS = (
    "timezone", "numbers", "language", "languages", "values", "hours", "closed", "tables", "max_segments", "canned",
    "rules", "tests",
)  # fmt: skip
RULE_KEYS = (
    "name", "enabled", "when", "only", "limit", "reply", "ask", "expires", "tries", "cancel", "set", "tag", "untag",
    "opt_out", "opt_in", "handover", "forward", "lookup", "code", "record", "once", "fetch", "later", "again", "help",
    "language", "max_segments",
)  # fmt: skip
RULE_REQUIRED = ("name", "when")
TABLE_KEYS = ("file", "key")
TABLE_REQUIRED = ("file",)
LOOKUP_KEYS = ("table", "key", "save", "missing")
LOOKUP_REQUIRED = ("table", "key", "save")
NUMBER_KEYS = ("kind", "opt_out", "per_minute", "per_day", "answer", "language")
ANSWERERS = ("bot", "carrier")
ONLY_KEYS = (
    "hours", "dates", "open", "closed", "language", "from", "to", "first_time", "tagged", "not_tagged", "opted_out",
)  # fmt: skip
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
CODE_KEYS = ("from", "random", "save", "missing")
#: Under what name a code is saved, if `save` says none.
CODE_SAVED = "code"
ONCE = ("first", "replace")
ONE_OF_KEYS = ("one_of",)
FETCH_KEYS = ("url", "method", "json", "headers", "save", "timeout", "keep", "missing", "otherwise")
FETCH_REQUIRED = ("url",)
METHODS = ("GET", "POST")
HANDOVER_KEYS = ("to", "urgent", "back_after", "back_reply")
LATER_KEYS = ("after", "between", "reply", "unless")
LATER_REQUIRED = ("after", "reply")
TEST_KEYS = ("hear", "fetched", "code", "say", "rule", "talk", "at", "from", "to", "language")
CLOSURE_KEYS = ("on", "holidays", "hours")
STEP_KEYS = ("hear", "fetched", "code", "say", "rule", "at", "after")

#: What a reply may cost before `bot rules check` warns, in segments.
SEGMENTS = Bounds(1, 10)
#: How often a question may get an answer that it can't take.
TRIES = Bounds(1, 20)
#: Characters of a free answer.
ANSWER_LENGTH = Bounds(1, 1_000)
#: Characters of a code that is made up.
CODE_LENGTH = Bounds(4, 20)
#: Messages that may leave a number in a minute.
PER_MINUTE = Bounds(1, 100_000)
#: Messages that may leave a number in a day.
PER_DAY = Bounds(1, 100_000_000)
