"""Why the people who may log in can't be changed as wanted, each with its sentence for whoever wanted it."""

from bot.roles import ROLES


class CannotChangePeople(Exception):
    """Nothing has changed; the message says why.

    CannotChangePeople
    ├── NoSuchPerson    nobody has this name or id
    ├── NameTaken       somebody has this name already
    ├── NotAName        a name that nobody can have
    └── NotARole        a role that there is not
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
