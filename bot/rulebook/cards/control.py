"""What a form shows of a rule: controls, each bound to one node of the file's text."""

from typing import Any, Literal

import msgspec

from bot.rulebook.editing.source_tree import Path

#: `set`, `insert`, `rename` and `remove` are about a key, `add`, `drop` and `move` about an item of a list; `wrap`
#: makes several of one text, `write` puts YAML in the place of a node, `language` gives a text in one more language,
#: and `rule` adds a rule to the file.
Doing = Literal[
    "set", "insert", "rename", "remove", "add", "drop", "move", "wrap", "write", "language", "rule"
]

#: What a form puts into a file: `Written`, whose recursion msgspec can't read.
Value = str | bool | int | list[Any] | dict[str, Any]


class CardEdit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change of a rule; `path` leads to the node within it."""

    do: Doing
    path: Path
    value: Value = ""
    #: The place where an item goes.
    to: int = 0
    #: The key behind which a new one goes.
    after: str = ""


class Button(msgspec.Struct, frozen=True, kw_only=True):
    """A change that needs no typing."""

    label: str
    edits: tuple[CardEdit, ...]
    #: What it is about, for who hears the page and not sees it.
    about: str = ""

    @property
    def do(self) -> str:
        """For the value of a button."""
        return "card " + msgspec.json.encode(self.edits).decode()


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """A value to choose, and how people call it."""

    value: str
    label: str


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """A node of a rule as a form shows it."""

    #: `line` and `text` are typed, `choice` is chosen, `words` has a field for each item, `new` adds one more item,
    #: `pick` does so from a list, `group` holds others, `note` only says something, `menu` changes by its buttons, and
    #: `yaml` is the text of what no other kind can show.
    kind: Literal["line", "text", "choice", "words", "new", "pick", "group", "note", "menu", "yaml"]
    path: Path
    label: str = ""
    value: str = ""
    #: What the control changes, where that is not the node's value: the name of its key.
    do: Doing = "set"
    #: The range of the node's characters.
    start: int = 0
    end: int = 0
    options: tuple[Option, ...] = ()
    hint: str = ""
    #: Comments that stand at it.
    notes: tuple[str, ...] = ()
    parts: tuple["Control", ...] = ()
    buttons: tuple[Button, ...] = ()
    #: What takes it out.
    remove: Button | None = None
    #: How a template's text is told: what it costs to send.
    cost: str = ""
    #: Whether that is more than one segment, or not plain.
    is_costly: bool = False
    #: A template: values can be put into it.
    is_template: bool = False
    #: `code` is written in the type of code.
    is_code: bool = False
    #: The kind of `when`, or the key of `only`, of which the weight is told.
    weight: str = ""

    @property
    def id(self) -> str:
        """The same for as long as it is the same node."""
        steps = "-".join(
            "".join(c if c.isalnum() else f"_{ord(c):x}" for c in str(step)) for step in self.path
        )
        return f"card-{steps}{'' if self.do == 'set' else '-' + self.do}"

    @property
    def field(self) -> str:
        """The name of the form's field that holds its value."""
        return "card:" + msgspec.json.encode(CardEdit(do=self.do, path=self.path)).decode()


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a card: when, only, answer, then."""

    name: str
    title: str
    parts: tuple[Control, ...]
    #: What can be added, by name.
    adds: tuple[Button, ...] = ()


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as a form shows it."""

    #: Counts the rules of the file from 0.
    number: int
    name: str
    start: int
    end: int
    sections: tuple[Section, ...] = ()
    #: Comments of the rule that belong to none of its keys.
    notes: tuple[str, ...] = ()
    #: Where the rule can't be read: its text.
    broken: str | None = None
