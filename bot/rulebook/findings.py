"""What is wrong, doubtful or notable in rule files: one sentence each, with its place and a stable code."""

import difflib
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Literal

import msgspec
from rapidfuzz.distance import Indel

from bot.rulebook.source import SourcePlace
from bot.rulebook.splices import NO_MEND, Mend

Level = Literal["error", "warning", "info"]

_LEVELS: dict[str, Level] = {"E": "error", "W": "warning", "I": "info"}

#: Every code, with its line of documentation. A code is never used again for something else.
CODES: dict[str, str] = {
    # the folder and the file
    "E101": "The rule file is not UTF-8 text.",
    "E102": "The rule file is not YAML.",
    "E103": "The rule file is larger than 5 MB.",
    "E104": "The YAML is nested deeper than any rule needs.",
    "E105": "The YAML has more parts than any rule book needs, counting each alias as what it stands for.",
    "E106": "A YAML tag (`!something`) stands where plain text, a list or a mapping is wanted.",
    "E107": "The rule file holds more than one YAML document.",
    "E108": "The rule file or folder cannot be read.",
    "E109": "The folder of rule files does not exist.",
    "E110": "The folder has no rule file.",
    "W111": "The rule file is empty.",
    "W112": "A file looks like a rule file, but its name does not end in .yaml, so it is not read.",
    # the shape
    "E201": "A value has the wrong type.",
    "E202": "A key is not known.",
    "E203": "A key is given twice in one mapping.",
    "E204": "A key that must be there is missing.",
    "E205": "A value is of the right type, but not one that can be used here.",
    # the rules
    "E301": "Two rules have the same name.",
    "E302": "A pattern is not RE2 syntax.",
    "E303": "A pattern, or all patterns together, are too large.",
    "E304": "A template is not Liquid syntax.",
    "E305": "A template goes past its limits, or fails, when it is tried.",
    "E306": "A template uses a name that nothing defines.",
    "E307": "The time zone is not known.",
    "E308": "A keyword has no word in it.",
    "E310": "One number is described in two different ways.",
    "E311": "A name is one that the bot gives a meaning itself.",
    "E312": "Two keys contradict each other.",
    "E313": "A test names a rule that does not exist.",
    "E348": "A country whose numbers are to be answered is given by no country's code.",
    "E346": "A list of codes is not there, or cannot be read.",
    "E330": "The host of a `fetch` could be chosen by a message.",
    "E336": "A secret stands where it could be read.",
    "E331": "A language is given by no code of a language.",
    "E332": "A text, keyword or condition is in a language that `languages` does not name.",
    "E333": "Nothing gives the hours of a name.",
    "E334": "Two files give hours of the same name.",
    "E335": "No public holidays are known of a country or its part.",
    # the tables
    "E320": "A table's file is not there, or is no CSV file.",
    "E321": "A table has no column of this name, two of one name, or none at all.",
    "E322": "Two rows of a table have the same key.",
    "E323": "A row of a table has no key.",
    "E324": "A row of a table has more cells, or fewer, than the first row names columns.",
    "E325": "The CSV file of a table cannot be read from some line on, or has too many rows.",
    "E326": "A template uses a column that the table does not have.",
    "E327": "No table of the file has this name.",
    # what is allowed, and does not work
    "E401": "A word that carriers require to be an opt-out does not opt out.",
    "E402": "A rule can never answer, because an earlier one takes all its messages.",
    "W403": "A keyword does nothing, because it is given twice or an earlier rule takes it.",
    "E404": "A rule takes an opt-out word before the opt-out rule sees it.",
    "W405": "A word that US law names as a revocation does not opt out.",
    "W406": "Nobody who has opted out can come back.",
    "W407": "HELP has no answer of its own, or another rule takes it first.",
    "E408": "A rule opts out by a part of a word, or by anything at all.",
    "W409": "A rule opts out everybody whose message begins with a word, or with nearly that word.",
    "W410": "A reply may cost more segments than max_segments.",
    "E411": "A reply has more characters than a message can have.",
    "W412": "A stray character turns a plain reply into UCS-2, which costs more than twice as much.",
    "W414": "The book would answer this reply itself, so two bots could go on for ever.",
    "E415": "A question that no answer can satisfy, or a choice that no answer can mean.",
    "W420": "A pattern that cannot know all letters, because of `(?-i)`, says \\w, \\b or [[:alpha:]].",
    "W421": "Opening hours of which an end may be meant for the afternoon: `9-5` is open all night, `1-5pm` from 1am.",
    "W422": "A number, or the beginning of one, lacks its country.",
    "W423": "A time zone is one offset all year, without summer time.",
    "W424": "A text is `null` or `~`, and these characters are sent.",
    "W425": "A `forward` or a `fetch` goes to a host of a private network.",
    "W430": "A `fetch` says nothing where no answer comes.",
    "W431": "A secret that a `fetch` needs is not set.",
    "W433": "A cell of a table is longer than what a template may write of it.",
    "W437": "A number does not answer its own country.",
    "W434": "A table has no row, or a column without a name.",
    "W432": "A rule with `again` has no words that a text could follow.",
    "W441": "A text lacks a language that `languages` names.",
    "W442": "A rule's keywords lack a language that `languages` names.",
    "W443": "Nobody who writes in a language can opt out in its words.",
    "W444": "Days of `closed` are all in the past.",
    "W445": "`closed` closes nothing, as the book gives no hours.",
    "I457": "Hours that no rule uses.",
    "W446": "Fewer than a tenth of a list's codes are left.",
    "W447": "A code stands twice in its list.",
    "W448": "The first row of a list looks like a code, and no name stands above the codes.",
    "W460": "A row of a list of codes has more cells than the first row names columns.",
    "W449": "Nobody is told when a rule's codes are all given.",
    "W450": "A text ends at ` #`, where a comment begins.",
    "W451": "A quote without its partner is sent.",
    "W452": "Several keywords in one text are one phrase.",
    "W453": "A name in one brace is sent as it stands; values take two.",
    "E454": "The answer of a drafted rule has not been written yet.",
    "W455": "Typographic quotes around a text are sent with it.",
    "W456": "A text loses its beginning, which means something to YAML.",
    "W459": "Tests were not run, because all of them together take too long where others wait.",
    "I416": "Rules that no test covers.",
    "I417": "A CSV file that no rule file names as a table.",
    "I458": "A file has more findings of a level than are told.",
}


#: Findings of one level and file that are told: nobody reads more, and each takes time to word and to explain.
MOST_TOLD = 1_000
#: Wrong words of a file of which what was meant is looked for.
_MOST_HINTS = 200
#: How alike two words have to be, from 0 to 1, and the characters of one that are compared.
_NEAR = 0.6
_LONGEST_WORD = 200
#: Known words among which one is looked for that was meant: each costs as much as reading a rule.
_MOST_KNOWN = 1_000


class Finding(msgspec.Struct, frozen=True, kw_only=True, order=True, omit_defaults=True):
    """One thing found in a rule file; `str()` is the line that `bot rules check` prints."""

    file: str
    line: int
    column: int
    level: Level
    code: str
    message: str
    #: The change that takes it away, where one is known.
    mend: Mend = NO_MEND

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.level} {self.code} {self.message}"


class Report:
    """Collects the findings of one file while it is read."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.findings: list[Finding] = []
        self._told: Counter[Level] = Counter()
        self._hints_left = _MOST_HINTS

    def add(self, code: str, place: SourcePlace, message: str, mend: Mend = NO_MEND) -> None:
        """Note a finding; the code's first letter is its level. Past MOST_TOLD of a level one I458 says so, once."""
        level = _LEVELS[code[0]]
        self._told[level] += 1
        if self._told[level] > MOST_TOLD:
            if self._told[level] > MOST_TOLD + 1:
                return
            kinds = "notes" if level == "info" else f"{level}s"
            code, level, mend = "I458", "info", NO_MEND
            message = f"From here on more {kinds} are not told: {MOST_TOLD:,} are enough to begin with."
        self.findings.append(
            Finding(
                file=self.file,
                line=place.line,
                column=place.column,
                level=level,
                code=code,
                message=message,
                mend=mend,
            )
        )

    def did_you_mean(self, given: str, known: Iterable[str]) -> str:
        """` Did you mean "x"?`; nothing when no known word is near, and for all but the first words of a file."""
        if not self._hints_left:
            return ""
        self._hints_left -= 1
        return did_you_mean(given, known)


def has_error(findings: Iterable[Finding]) -> bool:
    """Whether one of the findings is an error."""
    return any(each.level == "error" for each in findings)


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """` Did you mean "x"?`, or nothing when no known word is near."""
    lower = given[:_LONGEST_WORD].lower()
    by_lower = {each.lower(): each for each in islice(known, _MOST_KNOWN)}
    # difflib knows best, and takes a millisecond for 100 words: no ratio of its is above that of the longest common
    # subsequence, which rapidfuzz finds at once.
    far = 1 - _NEAR
    likely = [each for each in by_lower if Indel.normalized_distance(lower, each, score_cutoff=far) <= far]
    near = difflib.get_close_matches(lower, likely, n=1, cutoff=_NEAR)
    return f' Did you mean "{by_lower[near[0]]}"?' if near else ""


def listed(words: Iterable[str], last: str = "or") -> str:
    """`a, b or c`."""
    *most, end = list(words)
    return f"{', '.join(most)} {last} {end}" if most else end
