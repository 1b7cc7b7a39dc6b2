"""What of a rule matched a message: a key of its `when`, or a step of its running `ask`."""

from typing import Literal

import msgspec

#: The keys of `when`.
KeyKind = Literal[
    "exact",
    "keyword",
    "contains",
    "all_words",
    "table",
    "exact_table",
    "pattern",
    "fuzzy",
    "looks_like",
    "anything",
]
#: Those that listen for the keys of a table.
TABLE_KINDS: tuple[KeyKind, ...] = ("table", "exact_table")
#: What a message is to a running `ask`: an answer, one that the question can't take, or a cancel word.
StepKind = Literal["answer", "no_answer", "cancel"]

_STEPS: dict[str, str] = {"answer": "answer to", "no_answer": "no answer to", "cancel": "cancel word"}


class MatchedKey(msgspec.Struct, frozen=True, gc=False):
    """The key or step by which a rule took a message."""

    kind: KeyKind | StepKind
    #: The key as its author wrote it; of a step the name under which the answer is saved, or the cancel word.
    text: str

    @property
    def is_step(self) -> bool:
        """Whether a running `ask` took the message."""
        return self.kind in _STEPS

    @property
    def label(self) -> str:
        """For people only, as in `keyword "hours"` or `answer to "day"`: nothing may depend on it."""
        return "anything" if self.kind == "anything" else f'{_STEPS.get(self.kind, self.kind)} "{self.text}"'
