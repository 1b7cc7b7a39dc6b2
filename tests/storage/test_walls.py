"""Only `bot.storage` opens engines; that is a line of code, which import-linter can't see."""

from pathlib import Path

import bot

HOUSE = Path(bot.__file__).parent


def test_only_storage_creates_engines() -> None:
    makers = {
        path.relative_to(HOUSE).parts[0]
        for path in HOUSE.rglob("*.py")
        if "create_engine" in (text := path.read_text("utf-8")) or "create_async_engine" in text
    }
    assert makers == {"storage"}


def test_no_room_hides_a_cycle_of_imports() -> None:
    """An import that only the type checker sees, or that is made at run time, is still an arrow of the plan."""
    rooms = ("storage", "conversation", "sending", "queries", "operator")
    hidden = [
        path.relative_to(HOUSE)
        for room in rooms
        for path in (HOUSE / room).rglob("*.py")
        if "TYPE_CHECKING" in (text := path.read_text("utf-8")) or "import_module" in text
    ]
    assert hidden == []
