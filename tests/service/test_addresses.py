"""Which addresses may be fetched from: the public ones, and those alone."""

import pytest

from onelook.service.addresses import parse_networks, refusal
from onelook.structures.errors import UserError

REFUSED = {
    "0.0.0.0": "this network",
    "10.1.2.3": "private",
    "172.31.255.255": "private",
    "192.168.0.1": "private",
    "100.64.0.1": "shared by a carrier",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "169.254.169.254": "link-local",
    "192.0.0.8": "kept for protocols",
    "198.51.100.7": "for documents",
    "192.88.99.1": "a 6to4 relay",
    "198.19.0.1": "for benchmarks",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast",
    "255.255.255.255": "reserved",
    "::": "loopback or unspecified",
    "::1": "loopback or unspecified",
    "::7f00:1": "IPv4 in IPv6",
    "::ffff:127.0.0.1": "IPv4 in IPv6",
    "::ffff:8.8.8.8": "IPv4 in IPv6",
    "64:ff9b::7f00:1": "NAT64",
    "64:ff9b:1::a00:1": "NAT64",
    "2001:0:7f00:1::": "Teredo",
    "2001:10::1": "kept for protocols",
    "2001:db8::1": "for documents",
    "2002:7f00:1::": "6to4",
    "fd00::1": "private",
    "fe80::1": "link-local",
    "fec0::1": "reserved",
    "ff02::1": "multicast",
    "5f00::1": "reserved",
    "fe80::1%eth0": "with a zone",
}


@pytest.mark.parametrize(("address", "why"), REFUSED.items())
def test_an_address_that_is_not_public_is_refused_by_name(address: str, why: str) -> None:
    assert refusal(address) == why


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "223.255.255.1", "2606:4700::1111", "2a00:1450:4001::5"]
)
def test_a_public_address_passes(address: str) -> None:
    assert refusal(address) is None


def test_the_operator_may_open_a_network() -> None:
    networks = parse_networks(["10.20.0.0/16", "fd00:1::/32"])

    assert refusal("10.20.3.4", networks) is None
    assert refusal("fd00:1::9", networks) is None
    assert refusal("10.21.3.4", networks) == "private"


def test_a_network_that_is_none_is_one_line() -> None:
    with pytest.raises(UserError, match=r"allowed networks: expected such as 10\.1\.0\.0/16, got .*'10\.1\.0\.0/99'"):
        parse_networks(["10.1.0.0/99"])
