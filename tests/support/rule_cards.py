"""What stands on a card of a rule."""

from collections.abc import Iterator

from bot.rulebook.cards.control import Button, Card, Control


def controls(parts: tuple[Control, ...]) -> Iterator[Control]:
    for part in parts:
        yield part
        yield from controls(part.parts)


def all_controls(card: Card) -> list[Control]:
    return [each for section in card.sections for each in controls(section.parts)]


def all_buttons(card: Card) -> list[Button]:
    found = [button for section in card.sections for button in section.adds]
    for each in all_controls(card):
        found += [*each.buttons, *((each.remove,) if each.remove else ())]
    return found
