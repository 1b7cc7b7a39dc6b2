"""What a text says by its shape, so that no mend of readable YAML takes a part of that away."""

from collections.abc import Iterable

import msgspec

from bot.rulebook.files.yaml_tree import Items, Node, Table, compose
from bot.rulebook.findings import Report
from bot.rulebook.source import Scalar


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Where the change of one line begins, counted from 1."""

    line: int
    column: int

    def may_reach(self, scalar: Scalar) -> bool:
        """Whether a plain text may be another one then: it ends behind it, and begins in its line or is over several.

        `when:{keyword: hi}` is the key `when:{keyword` of the text `hi}`, both of which a space changes.
        """
        if scalar.first is None:
            return scalar.place.line <= self.line
        return scalar.place.line == self.line and self.column <= scalar.place.column + len(scalar.value)


class Structure(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a YAML text, counted."""

    #: Keys that have a value.
    keys: int
    #: `{}` and `[]`.
    empty: int
    lists: int
    #: Items of all lists.
    items: int
    #: The scalars in their order, but for those that are nothing.
    scalars: tuple[Scalar, ...]

    def is_kept_in(self, after: "Structure", change: Change) -> bool:
        """Whether a text says all of it still after a change.

        Quotes around `x}, only: {weekday: mon` make one text of a key and its value, and those around `a, b` one item
        of two: well-formed, and not what anybody meant. A key without a value may go, as that is what a comma makes of
        a text: `{reply: Yes, we do}`.
        """
        if after.keys < self.keys or after.empty < self.empty or not self._texts_are_kept_in(after, change):
            return False
        if after.lists >= self.lists and after.items >= self.items:
            return True
        return after.has_the_texts_of(self)

    def has_the_texts_of(self, other: "Structure") -> bool:
        """Whether both have the same texts in the same order."""
        return [each.value for each in self.scalars] == [each.value for each in other.scalars]

    def _texts_are_kept_in(self, after: "Structure", change: Change) -> bool:
        """Whether each text is there still, in its order; those without quotes that the change reaches may differ."""
        left = iter((each.value, each.plain) for each in after.scalars)
        return all(
            (each.value, each.plain) in left
            for each in self.scalars
            if not each.plain or not change.may_reach(each)
        )


def structure_of(lines: Iterable[str]) -> Structure | None:
    """The structure of a text by its lines; None where it is no YAML."""
    root = compose("\n".join(lines), Report("structure"))
    if root is None:
        return None
    keys = empty = lists = items = 0
    scalars: list[Scalar] = []
    left: list[Node] = [root]
    while left:
        node = left.pop()
        if isinstance(node, Scalar):
            scalars += [] if _is_nothing(node) else [node]
        elif isinstance(node, Table):
            empty += not node.pairs
            keys += sum(not _is_nothing(value) for _, value in node.pairs)
            left += [part for pair in reversed(node.pairs) for part in reversed(pair)]
        elif isinstance(node, Items):
            empty += not node.items
            lists += 1
            items += len(node.items)
            left += reversed(node.items)
    return Structure(keys=keys, empty=empty, lists=lists, items=items, scalars=tuple(scalars))


def _is_nothing(node: Node) -> bool:
    return isinstance(node, Scalar) and node.plain and not node.value
