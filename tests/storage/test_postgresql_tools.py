"""PostgreSQL's own programs are told what the driver is told of an address, but for the password."""

import pytest

from bot.storage.postgresql_tools import connection_string


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (
            "bot:hunter2@/bot?host=one:5432&host=other:5433&target_session_attrs=read-write",
            "host=one,other port=5432,5433 user=bot dbname=bot target_session_attrs=read-write",
        ),
        ("bot:hunter2@/bot?host=one:5432", "host=one port=5432 user=bot dbname=bot"),
        ("bot:hunter2@/bot?host=one,other&port=1,2", "host=one,other port=1,2 user=bot dbname=bot"),
        (
            "bot:hunter2@db.example.com/bot?ssl=require",
            "host=db.example.com user=bot dbname=bot sslmode=require",
        ),
        ("bot:hunter2@[::1]:5433/bot", "host=::1 port=5433 user=bot dbname=bot"),
        (
            r"o%27neil:hunter2@/the%20bot%5C?host=/a%20folder",
            r"host='/a folder' user='o\'neil' dbname='the bot\\'",
        ),
        ("db/bot?user=bot&password=hunter2", "host=db user=bot dbname=bot"),
    ],
)
def test_an_address_is_told_in_libpqs_words(address: str, told: str) -> None:
    assert connection_string(f"postgresql+asyncpg://{address}") == told
