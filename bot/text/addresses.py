"""Which addresses are of the public internet; all others are refused to what is sent to a place that a rule names."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

#: Networks that Python calls global, or calls so in some of its versions, and that no public server is reached by.
_NOT_PUBLIC = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "100.64.0.0/10",  # carriers' own (RFC 6598)
        "168.63.129.16/32",  # Azure's platform, from inside each virtual machine
        "192.0.0.0/24",  # protocol assignments (RFC 6890)
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "198.18.0.0/15",  # benchmarks (RFC 2544)
        "240.0.0.0/4",  # reserved
        "::/96",  # IPv4-compatible (RFC 4291)
        "64:ff9b:1::/48",  # NAT64 of a local network (RFC 8215)
        "100::/64",  # discarded (RFC 6666)
        "2001::/32",  # Teredo (RFC 4380)
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 (RFC 3056)
        "3fff::/20",  # documentation (RFC 9637)
        "5f00::/16",  # segment routing (RFC 9602)
        "fc00::/7",  # unique local
        "fec0::/10",  # site-local (RFC 3879)
    )
)
#: NAT64 (RFC 6052): how a host without IPv4 reaches the IPv4 address in the last 32 bits.
_NAT64 = ip_network("64:ff9b::/96")


def is_address(host: str) -> bool:
    """Whether a host is written as an address, which nobody resolves."""
    return _read(host) is not None


def is_public(host: str) -> bool:
    """Whether an address is of the public internet, whatever it is wrapped in; a name is not."""
    address = _read(host)
    if address is None:
        return False
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        elif address in _NAT64:
            address = IPv4Address(int(address) & 0xFFFFFFFF)
    if address.is_multicast or not address.is_global:
        return False
    return not any(address.version == network.version and address in network for network in _NOT_PUBLIC)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by address or by name."""
    address = _read(host)
    if address is None:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback


def _read(host: str) -> IPv4Address | IPv6Address | None:
    bare = host.strip("[]").partition("%")[0]  # without the zone of a link-local address
    try:
        return ip_address(bare)
    except ValueError:
        return None
