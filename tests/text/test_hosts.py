import pytest

from bot.text.addresses import is_loopback
from bot.text.hosts import url_of


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("example.com", False),
        ("", False),
    ],
)
def test_this_machine_is_told_from_others(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("::0", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("bot.example.com", "http://bot.example.com:8000"),
    ],
)
def test_a_listening_server_is_called_by_an_address_that_works(host: str, url: str) -> None:
    assert url_of(host, 8000) == url
