"""How properties are tried: on few examples, always the same, in `make test`; on many new ones in `make search`."""

from hypothesis import settings

#: What fails in `make test` fails on every machine. No deadlines: how long an example takes says nothing on a busy one.
settings.register_profile("test", derandomize=True, database=None, print_blob=True, deadline=None)
settings.register_profile("search", settings.get_profile("test"), derandomize=False, max_examples=1_000)

#: What hypothesis tries when nobody says how many.
_USUAL = 100


def examples(few: int) -> int:
    """As many as in `make test`, or in the measure of the profile that is in force."""
    return max(few, few * settings.default.max_examples // _USUAL) if settings.default else few
