"""What a text says by its shape, so that no mend of readable YAML takes a part of that away."""

from collections.abc import Iterable

import msgspec

from bot.rulebook.files.yaml_tree import Items, Node, Table, compose
from bot.rulebook.findings import Report
from bot.rulebook.source import Scalar


class Structure(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a YAML text, counted."""

    #: Keys that have a value.
    keys: int
    #: `{}` and `[]`.
    empty: int
    lists: int
    #: The scalars in their order.
    scalars: tuple[str, ...]

    def is_kept_in(self, after: "Structure") -> bool:
        """Whether a changed text says all of it still.

        Quotes around `x}, only: {weekday: mon` make one text of a key and its value: well-formed, and not what anybody
        meant. A key without a value may go, as that is what a comma makes of a text: `{reply: Yes, we do}`.
        """
        if after.keys < self.keys or after.empty < self.empty:
            return False
        return after.lists >= self.lists or after.scalars == self.scalars


def structure_of(lines: Iterable[str]) -> Structure | None:
    """The structure of a text by its lines; None where it is no YAML."""
    root = compose("\n".join(lines), Report("structure"))
    if root is None:
        return None
    keys = empty = lists = 0
    scalars: list[str] = []
    left: list[Node] = [root]
    while left:
        node = left.pop()
        if isinstance(node, Scalar):
            scalars.append(node.value)
        elif isinstance(node, Table):
            empty += not node.pairs
            keys += sum(not _is_nothing(value) for _, value in node.pairs)
            left += [part for pair in reversed(node.pairs) for part in reversed(pair)]
        elif isinstance(node, Items):
            empty += not node.items
            lists += 1
            left += reversed(node.items)
    return Structure(keys=keys, empty=empty, lists=lists, scalars=tuple(scalars))


def _is_nothing(node: Node) -> bool:
    return isinstance(node, Scalar) and node.plain and not node.value
