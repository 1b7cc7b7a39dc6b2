"""Why the people who may log in can't be changed as wanted, each with its sentence for whoever wanted it."""

from collections.abc import Sequence

from bot.roles import ROLES


class CannotChangePeople(Exception):
    """Nothing has changed; the message says why.

    CannotChangePeople
    ├── NoSuchPerson    nobody has this name or id
    ├── NameTaken       somebody has this name already
    ├── NotAName        a name that nobody can have
    ├── NotARole        a role that there is not
    ├── NoRole          the provider names somebody and gives them no role
    └── WasRemoved      the provider lets somebody in whom the admin removed
    """


class NoSuchPerson(CannotChangePeople):
    """Nobody has this name or id."""

    def __init__(self, who: str) -> None:
        super().__init__(f"Nobody here is called {who!r}: `bot people list` shows everybody.")


class NameTaken(CannotChangePeople):
    """Somebody has this name already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is a {name!r} already: choose another name, or make a login link for them.")


class NotAName(CannotChangePeople):
    """A name that nobody can have."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} can't be a name: it has 1 to 64 characters, and is not admin, viewer or bot, as histories call"
            " those without a name."
        )


class NotARole(CannotChangePeople):
    """A role that there is not."""

    def __init__(self, role: str) -> None:
        super().__init__(f"{role!r} is no role: choose one of {', '.join(ROLES)}.")


class NoRole(CannotChangePeople):
    """The OpenID provider names somebody and gives them no role here."""

    def __init__(self, name: str, given: Sequence[str]) -> None:
        had = f"it gives {', '.join(map(repr, given[:5]))}" if given else "it gives none"
        super().__init__(
            f"{name!r} has no role here: the provider's claim `roles` must hold {', '.join(ROLES[:-1])} or {ROLES[-1]},"
            f" and {had}."
        )


class WasRemoved(CannotChangePeople):
    """The OpenID provider lets somebody in whom the admin removed."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} was removed here, whatever the provider says: the admin can add them again."
        )
