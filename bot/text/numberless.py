"""Text that is kept when the people whom it may name are gone."""

import re

#: Seven digits or more, as people and carriers write phone numbers; Azure's codes have four.
_NUMBER = re.compile(r"\+?\d(?:[\s().-]{0,2}\d){6,}")


def without_numbers(text: str) -> str:
    """The text with an ellipsis in the place of each phone number."""
    return _NUMBER.sub("…", text)
