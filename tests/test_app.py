"""A mistake in the rules can't take the bot down: not while it runs, and not at the next start."""

from pathlib import Path

import pytest

from bot.rulebook.editing.live_book import NoGoodBook
from bot.rulebook.simulate.try_message import answer
from tests.support.services import service_in

BROKEN = "rules:\n  - {name: hours, wen: {keyword: hours}}\n"


async def test_after_a_restart_the_last_good_book_is_in_force_and_the_mistake_is_told(
    tmp_path: Path, database_url: str
) -> None:
    service = service_in(tmp_path, database_url)
    await service.start()
    version = service.shelf.book().version
    await service.stop()
    again = service_in(tmp_path, database_url)  # writes the rules anew, so the mistake comes after it
    (tmp_path / "rules" / "shop.yaml").write_text(BROKEN)
    await again.start()
    assert again.shelf.book().version == version
    assert answer(again.shelf.book(), "hours").replies == ("Corner Books is open Mon-Sat 9-18.",)
    assert next((finding.file, finding.line) for finding in again.shelf.errors) == ("shop.yaml", 2)
    await again.stop()


async def test_a_book_that_took_effect_while_running_is_the_one_to_come_back_to(
    tmp_path: Path, database_url: str
) -> None:
    service = service_in(tmp_path, database_url)
    await service.start()
    rules = tmp_path / "rules" / "shop.yaml"
    rules.write_text(rules.read_text().replace("9-18", "10-19"))
    await service.shelf.reload()
    await service.stop()
    again = service_in(tmp_path, database_url)
    rules.write_text(BROKEN)
    await again.start()
    assert answer(again.shelf.book(), "hours").replies == ("Corner Books is open Mon-Sat 10-19.",)
    await again.stop()


async def test_a_first_start_with_a_mistake_is_refused_with_its_place(
    tmp_path: Path, database_url: str
) -> None:
    service = service_in(tmp_path, database_url)
    (tmp_path / "rules" / "shop.yaml").write_text(BROKEN)
    with pytest.raises(NoGoodBook, match=r"shop\.yaml:2:\d+: error E\d+ "):
        await service.start()
    await service.stop()
