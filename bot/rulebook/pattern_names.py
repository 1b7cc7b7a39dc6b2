"""Expressions for the names that characters have in an encoded message (`bot.text.seen`)."""

from collections.abc import Sequence

from bot.text.seen import PLACES, digits_of


def names_between(ranges: Sequence[tuple[int, int]], leads: str) -> list[str]:
    """Expressions for the names of ranges of characters."""
    third = 13**PLACES
    written = []
    for low, high in ranges:
        for at in range(low // third, high // third + 1):
            first, last = max(low, at * third), min(high, (at + 1) * third - 1)
            written.append(leads[at] + _digits_between(digits_of(first), digits_of(last)))
    return written


def _digits_between(low: str, high: str) -> str:
    """An expression for the strings of digits from one to another of the same length."""
    if not low:
        return ""
    if low[0] == high[0]:
        return low[0] + _digits_between(low[1:], high[1:])
    rest = len(low) - 1
    parts = []
    first, last = low[0], high[0]
    if rest and low[1:] != "N" * rest:
        parts.append(first + _digits_between(low[1:], "Z" * rest))
        first = chr(ord(first) + 1)
    if rest and high[1:] != "Z" * rest:
        parts.append(last + _digits_between("N" * rest, high[1:]))
        last = chr(ord(last) - 1)
    if first <= last:
        parts.append(f"[{first}-{last}]" + (f"[N-Z]{{{rest}}}" if rest else ""))
    return f"(?:{'|'.join(parts)})"
