"""What each finding means, with an example of the mistake and of its mend."""

from functools import cache
from importlib.resources import files

import msgspec

from bot.rulebook.findings import CODES

#: One file, several by their names, or a sentence where the file's text is not what is wrong.
Example = str | dict[str, str]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A finding explained."""

    code: str
    #: One sentence.
    meaning: str
    why: str
    mistake: Example
    mend: Example


class _Entry(msgspec.Struct, frozen=True):
    why: str
    mistake: Example
    mend: Example


def explanation_of(code: str) -> Explanation | None:
    """The explanation of a finding's code; None for a code that is none."""
    entry = _entries().get(code)
    if entry is None or code not in CODES:
        return None
    return Explanation(code=code, meaning=CODES[code], why=entry.why, mistake=entry.mistake, mend=entry.mend)


@cache
def _entries() -> dict[str, _Entry]:
    text = files("bot.rulebook.lint").joinpath("explanations.yaml").read_text("utf-8")
    return msgspec.yaml.decode(text, type=dict[str, _Entry])
