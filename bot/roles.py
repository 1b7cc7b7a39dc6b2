"""Who may do what: four roles, each of which may do what those before it may.

| role | may |
| --- | --- |
| viewer | look |
| support | look, and act on conversations |
| editor | that, and change rules |
| admin | all: people, numbers, erasing a person, events that could not be read or were given up |
"""

from collections.abc import Iterable
from typing import Final, Literal, get_args

Role = Literal["viewer", "support", "editor", "admin"]
#: The weakest first.
ROLES: Final[tuple[Role, ...]] = get_args(Role)


def is_role(word: str) -> bool:
    """Whether this is the name of a role."""
    return word in ROLES


def may_act_as(role: str, needed: Role) -> bool:
    """Whether somebody with `role` may do what takes the role `needed`."""
    return role in ROLES and ROLES.index(role) >= ROLES.index(needed)


def strongest(roles: Iterable[str]) -> Role | None:
    """The strongest of these that is a role; None when none is."""
    return max((each for each in ROLES if each in set(roles)), key=ROLES.index, default=None)
