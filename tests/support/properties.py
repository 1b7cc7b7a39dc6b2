"""How properties are tried: on few examples, always the same, in `make test`; on many new ones in `make search`."""

from collections.abc import Iterable
from itertools import islice
from typing import TypeVar

from hypothesis import settings

Case = TypeVar("Case")

#: What fails in `make test` fails on every machine. No deadlines: how long an example takes says nothing on a busy one.
settings.register_profile(
    "test", derandomize=True, database=None, print_blob=True, deadline=None, max_examples=50
)
settings.register_profile("search", settings.get_profile("test"), derandomize=False, max_examples=1_000)

#: What the numbers of examples in the tests are measured by; `make test` tries half as many of them, but of a few all.
_USUAL = 100
_FEW = 10


def in_turn(cases: Iterable[Case], at: int, one_in: int) -> Iterable[Case]:
    """All of these cases in `make search`; in `make test` one of so many, another one for each `at`.

    For a product of two tables: each row meets some columns, each column some rows.
    """
    if settings.get_current_profile_name() == "search":
        return cases
    return islice(cases, at % one_in, None, one_in)


def examples(usual: int) -> int:
    """So many in the measure of the profile that is in force."""
    return max(min(usual, _FEW), usual * (settings.default or settings()).max_examples // _USUAL)
