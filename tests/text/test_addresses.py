"""An address is public only when a server of the public internet can have it, however it is written or wrapped."""

import pytest

from bot.text.addresses import is_address, is_public


@pytest.mark.parametrize("address", ["8.8.8.8", "20.50.2.1", "2606:4700::1111", "[2606:4700::1111]", "::ffff:8.8.8.8",
                                     "64:ff9b::8.8.8.8"])  # fmt: skip
def test_public(address: str) -> None:
    assert is_address(address)
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "168.63.129.16", "192.0.0.192", "192.88.99.1", "198.18.0.1", "224.0.0.1", "239.1.1.1",
        "240.0.0.1", "255.255.255.255", "::", "::1", "[::1]", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254",
        "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
        "::8.8.8.8", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::8.8.8.8",
        "2002:7f00:1::", "2002:a00:1::1", "2001:0:7f00:1::1", "2001:db8::1", "3fff::1", "100::1", "5f00::1",
    ],
)  # fmt: skip
def test_not_public(address: str) -> None:
    assert is_address(address)
    assert not is_public(address)


@pytest.mark.parametrize(
    "name", ["example.com", "localhost", "", "0x7f.1", "2130706433", "127.1", "127.0.0.1.", "１２７.0.0.1"]
)
def test_a_name_is_none_until_it_is_resolved(name: str) -> None:
    assert not is_address(name)
    assert not is_public(name)
