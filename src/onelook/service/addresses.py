"""Which addresses the service may connect to for a client: those of the public internet, and what the operator allows.

Sources: IANA's registries of special-purpose IPv4 and IPv6 addresses (RFC 6890 and what amends it), RFC 6052 (NAT64),
RFC 3056 (6to4), RFC 4380 (Teredo). `ipaddress.is_global` alone lets 64:ff9b::7f00:1, 2002:7f00:1:: and multicast pass.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from onelook.structures.errors import UserError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_REFUSED_4 = {
    "this network": "0.0.0.0/8",
    "private": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16",
    "shared by a carrier": "100.64.0.0/10",
    "loopback": "127.0.0.0/8",
    "link-local": "169.254.0.0/16",
    "kept for protocols": "192.0.0.0/24 192.31.196.0/24 192.52.193.0/24 192.175.48.0/24",
    "for documents": "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24",
    "a 6to4 relay": "192.88.99.0/24",
    "for benchmarks": "198.18.0.0/15",
    "multicast": "224.0.0.0/4",
    "reserved": "240.0.0.0/4",
}
"""Everything else in IPv4 is somebody's public address."""

_REFUSED_6 = {
    "Teredo": "2001::/32",
    "kept for protocols": "2001::/23 2620:4f:8000::/48",
    "for documents": "2001:db8::/32 3fff::/20",
    "6to4": "2002::/16",
}
"""Inside 2000::/3, which is all of IPv6 that is public: the first name that fits is told."""

_TOLD_6 = {
    "loopback or unspecified": "::/127",
    "IPv4 in IPv6": "::ffff:0:0/96 ::ffff:0:0:0/96 ::/96",
    "NAT64": "64:ff9b::/96 64:ff9b:1::/48",
    "private": "fc00::/7",
    "link-local": "fe80::/10",
    "multicast": "ff00::/8",
}
"""Names for what lies outside 2000::/3 and is refused anyhow."""


def _networks(table: dict[str, str]) -> tuple[tuple[str, Network], ...]:
    return tuple((name, ip_network(each)) for name, list_ in table.items() for each in list_.split())


_RULES_4, _RULES_6 = _networks(_REFUSED_4), _networks({**_REFUSED_6, **_TOLD_6})
_PUBLIC_6 = IPv6Network("2000::/3")


def refusal(address: str, allowed: Iterable[Network] = ()) -> str | None:
    """Return why nothing may be fetched from an IP address, such as "loopback"; None where it may.

    `allowed` are networks that the operator opens in spite of that. An IPv6 zone (`%eth0`) is refused.
    """
    if "%" in address:
        return "with a zone"
    parsed = ip_address(address)
    if any(parsed in network for network in allowed if network.version == parsed.version):
        return None
    rules = _RULES_4 if parsed.version == 4 else _RULES_6
    found = next((name for name, network in rules if parsed in network), None)
    return found or ("reserved" if parsed.version == 6 and parsed not in _PUBLIC_6 else None)


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return networks written as 10.1.0.0/16 or fd00::/8, an address alone being a network of one. Raises UserError."""
    try:
        return tuple(ip_network(text.strip()) for text in texts)
    except ValueError as error:
        raise UserError(f"allowed networks: expected such as 10.1.0.0/16, got {error}") from None
