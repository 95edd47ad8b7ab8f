"""What on the command line is an address, and of what: nothing is asked of the network here."""

from pathlib import PurePosixPath
from urllib.parse import urlsplit

SCHEMES = ("http", "https")


def is_address(text: str) -> bool:
    """Return whether a text is an http or https address."""
    return text.partition("://")[0].lower() in SCHEMES and "://" in text


def address_suffix(url: str) -> str:
    """Return the ending of an address's path in lower case, such as ".mp4"; "" without one, or when it is no address."""
    try:
        return PurePosixPath(urlsplit(url).path).suffix.lower()
    except ValueError:
        return ""
