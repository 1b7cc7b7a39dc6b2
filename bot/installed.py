"""Where the shipped files that are no code stand: beside `bot/` in a checkout, inside it in a wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def migrations_folder() -> Path:
    """The folder of the Alembic environment: `env.py`, `script.py.mako` and `versions/`."""
    return _shipped(_PACKAGE / "migrations", _PACKAGE.parent / "migrations")


def newest_schema() -> str:
    """The revision of the newest migration, by the names of the files: Alembic is not imported for it."""
    return max(file.name for file in (migrations_folder() / "versions").glob("[0-9]*_*.py")).partition("_")[0]


def starter_rules_folder() -> Path:
    """The folder of the example rule book: the demo runs it and `bot init` copies it."""
    return _shipped(_PACKAGE / "starter" / "rules", _PACKAGE.parent / "rules")


def cookbook() -> Path:
    """The page of real cases, which the console offers as recipes."""
    return _shipped(_PACKAGE / "starter" / "docs", _PACKAGE.parent / "docs") / "cookbook.md"


def look_stylesheet() -> Path:
    """The colours and the ground that the console and the sandbox's phone page share."""
    return _PACKAGE / "web" / "assets" / "look.css"


def _shipped(in_wheel: Path, in_checkout: Path) -> Path:
    return in_wheel if in_wheel.is_dir() else in_checkout
