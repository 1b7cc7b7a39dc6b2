"""Where a rule's messages may be forwarded to."""

import pytest

from bot.rulebook.files.loader import load_texts


def found(url: str) -> list[tuple[str, str]]:
    text = f"rules: [{{name: a, when: anything, forward: '{url}'}}]"
    return [(each.code, each.message) for each in load_texts({"a.yaml": text}).findings]


@pytest.mark.parametrize(
    "url",
    [
        "https://１２７.0.0.1/x",
        "https://①②⑦.⓪.⓪.①/x",
        "https://127。0。0。1/x",
        "https://127.1/x",
        "https://2130706433/x",
        "https://0x7f000001/x",
        "https://0177.0.0.1/x",
    ],
)
def test_an_address_in_other_letters_is_refused_and_named(url: str) -> None:
    [(code, message)] = found(url)
    assert code == "E205"
    assert "its host is the address 127.0.0.1 in other letters" in message


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.7/x", "https://169.254.169.254/x", "https://[::1]/x", "https://[fd00::1]/x", "https://localhost/x",
        "http://127.0.0.1:8080/x", "https://192.168.1.1./x", "https://[::ffff:10.0.0.1]/x", "https://a.localhost/x",
    ],
)  # fmt: skip
def test_a_private_address_is_warned_of(url: str) -> None:
    [(code, message)] = found(url)
    assert code == "W425"
    assert "BOT_PRIVATE_HOSTS" in message


@pytest.mark.parametrize(
    "url",
    ["https://example.com/x", "https://bücher.example/x", "https://8.8.8.8/x", "https://[2606:4700::1111]/x"],
)
def test_a_public_host_is_taken(url: str) -> None:
    assert found(url) == []


@pytest.mark.parametrize(
    "url", ["http://example.com/x", "http://10.0.0.1/x", "ftp://example.com", "https://", "x"]
)
def test_what_is_not_https_is_refused(url: str) -> None:
    assert [code for code, _ in found(url)] == ["E205"]
