"""What settings hold: secrets that do not print, and what connection strings say."""

import hmac
from collections.abc import Callable
from typing import Final

from msgspec import Struct

#: Event Grid's own applications, in the public and in the US Government cloud.
EVENT_GRID_APPLICATION: Final = "4962773b-9cdb-44cf-a8bf-237846a00ab7"
US_GOVERNMENT_APPLICATION: Final = "54316b56-3481-47f9-8f30-0300f5542a7b"


class WrongSetting(ValueError):
    """A variable has a value that the bot can't use; the message names it and the mend, never a secret."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(f"{name} {sentence}")
        self.name = name


class Secret:
    """A text that shows itself only when asked to: printed, logged or formatted it is `***`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        """Equal texts, compared in a time that doesn't tell how much of them is equal."""
        if not isinstance(other, Secret):
            return NotImplemented
        # surrogatepass: a URL or an environment can bring bytes that are no UTF-8, and they must not raise.
        mine, theirs = (text.encode("utf-8", "surrogatepass") for text in (self._text, other._text))
        return hmac.compare_digest(mine, theirs)

    def __hash__(self) -> int:
        return hash((Secret, self._text))


class AcsConnection(Struct, frozen=True, kw_only=True):
    """A parsed ACS connection string."""

    #: Scheme and host, without a slash at the end.
    endpoint: str
    #: Base64, as the portal shows it.
    access_key: Secret


class StorageQueue(Struct, frozen=True, kw_only=True):
    """The queue of an Azure Storage account that an Event Grid subscription fills."""

    #: As the portal shows it: it holds the account's key, or a signature.
    connection_string: Secret
    name: str


class NamespaceTopic(Struct, frozen=True, kw_only=True):
    """A queue subscription of an Event Grid namespace's topic."""

    #: Scheme and host, without a slash at the end.
    endpoint: str
    topic: str
    subscription: str
    #: An access key of the namespace; None: the managed identity.
    key: Secret | None = None


class Setting(Struct, frozen=True, kw_only=True):
    """One row of the table of settings."""

    name: str
    #: None: unset unless somebody sets it.
    default: str | None = None
    #: One line for people: what it decides.
    help: str
    #: A value as somebody might write it, for files that show how.
    example: str
    #: Given the variable's name and its text, neither of them empty.
    read: Callable[[str, str], object]
    #: What the field holds when the variable is unset and has no default.
    unset: object = None

    @property
    def field(self) -> str:
        """The field of Settings that this variable fills."""
        return self.name.removeprefix("BOT_").lower()
