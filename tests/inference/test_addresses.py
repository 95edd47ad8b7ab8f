"""Addresses on the command line, by their words alone."""

import pytest

from onelook.inference.addresses import address_suffix, is_address


def test_only_http_and_https_are_addresses() -> None:
    assert is_address("http://x/y")
    assert is_address("HTTPS://x/y")
    assert not is_address("ftp://x")
    assert not is_address("http")


@pytest.mark.parametrize(
    ("url", "suffix"),
    [
        ("http://x/a/Film.MP4?token=a.b", ".mp4"),
        ("http://x/a.jpg#t=3.5", ".jpg"),
        ("http://x.mp4", ""),
        ("http://x/", ""),
        ("http://[x/a.mp4", ""),
    ],
)
def test_the_ending_is_that_of_the_path(url: str, suffix: str) -> None:
    assert address_suffix(url) == suffix
