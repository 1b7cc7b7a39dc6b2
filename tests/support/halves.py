"""Two messages of one person that reach two replicas at the same moment: what is right, and what is wrong of it.

Whichever replica is first with the conversation, the other one decides on what that left: so the replies are those of
one of the two orders, the stored conversation has the same order, and so does ACS.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from msgspec import Struct

RULES = """\
numbers: {"+15555550100": {per_minute: 100000}}
rules:
  - name: booking
    when: {keyword: book}
    ask:
      - {save: day, question: "Which day?", expect: {one_of: [mon, tue, wed, thu, fri]}, otherwise: "MON to FRI."}
      - {save: people, question: "How many people?", expect: {number: {min: 1, max: 8}}}
    reply: "Booked for {{ people }} on {{ day }}."
  - name: coupon
    when: {exact: coupon}
    code: {from: coupons.csv, save: code, missing: "All coupons are gone."}
    reply: "Your code is {{ code }}."
  - name: vote
    when: {pattern: '^vote (?P<option>[ab])$'}
    record: {option: "{{ option | upcase }}"}
    once: replace
    reply: "Counted {{ option }}."
"""

Kind = Literal["flow", "code", "vote"]
#: Of each kind: the message before, and the two that come at once.
TEXTS: dict[Kind, tuple[str | None, str, str]] = {
    "flow": ("book", "fri", "4"),
    "code": (None, "coupon", "coupon"),
    "vote": (None, "vote a", "vote b"),
}
#: Seconds ago that Azure got the message before and the two: of votes that replace each other the later one counts,
#: whichever is decided first.
AGES = (10.0, 2.0, 1.0)
_AS_WRITTEN = ["Which day?", "How many people?", "Booked for 4 on fri."]
_CROSSED = ["Which day?", "MON to FRI.", "How many people?"]


class Halves(Struct, frozen=True, kw_only=True):
    """What became of the messages of one person."""

    kind: Kind
    peer: str
    #: What the conversation has in its order, as (direction, text).
    talk: list[tuple[str, str]]
    #: What ACS has for this phone, in its order.
    sent: list[str]
    #: The rows of answers, each as (status, values).
    answers: list[tuple[str, dict[str, Any]]]

    @property
    def heard(self) -> list[str]:
        """What the person said, in the order in which it was decided."""
        return [text for direction, text in self.talk if direction == "inbound"]

    @property
    def is_crossed(self) -> bool:
        """Whether the second half was decided first."""
        return self.heard[-2:] == list(reversed(TEXTS[self.kind][1:])) and self.kind != "code"


def time_of(moment: float) -> str:
    """A moment in seconds since 1970, as Azure writes it."""
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def coupons(count: int) -> str:
    """The CSV file of so many."""
    return "".join(f"{line}\n" for line in ["code", *(f"SAVE-{number:05}" for number in range(count))])


def faults_of(found: Sequence[Halves]) -> list[str]:
    """What is wrong, a sentence each."""
    faults = [f"{each.peer}: {said}" for each in found for said in _faults_of(each)]
    codes = {each.sent[0] for each in found if each.kind == "code" and each.sent}
    people = sum(each.kind == "code" for each in found)
    if len(codes) != people:
        faults.append(f"{people} people have {len(codes)} codes")
    return faults


def _faults_of(one: Halves) -> list[str]:
    """Of one person."""
    heard = one.heard
    replies = [text for direction, text in one.talk if direction == "outbound"]
    faults = []
    if sorted(heard) != sorted(text for text in TEXTS[one.kind] if text is not None):
        faults.append(f"heard {heard}")
    if replies != one.sent:
        faults.append(f"was answered {replies}, and ACS sent {one.sent}")
    row: tuple[str, dict[str, Any]] | None
    if one.kind == "flow":
        expected = _CROSSED if one.is_crossed else _AS_WRITTEN
        row = ("open", {"day": "fri"}) if one.is_crossed else ("finished", {"day": "fri", "people": "4"})
    elif one.kind == "vote":
        expected, row = [f"Counted {text[-1]}." for text in heard], ("finished", {"option": "B"})
    else:
        expected, row = [replies[0]] * 2 if replies[:1] != ["All coupons are gone."] else [], None
    if replies != expected:
        faults.append(f"heard {heard} and was answered {replies}")
    if one.answers != ([row] if row else []):
        faults.append(f"heard {heard} and has the answers {one.answers}")
    return faults
