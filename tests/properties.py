"""How many examples a property is tried on: few, always the same, in `make test`; many new ones in `make soak`."""

from hypothesis import settings

#: What hypothesis tries when nobody says how many.
_USUAL = 100


def examples(few: int) -> int:
    """As many as in `make test`, or in the measure of the profile that is in force (`tests/conftest.py`)."""
    return max(few, few * settings.default.max_examples // _USUAL) if settings.default else few
