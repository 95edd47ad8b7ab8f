"""Known public data sets fetched by name: by URL and sha256, resumable, from a mirror where ONELOOK_MIRROR names one."""

import hashlib
import os
import shutil
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from onelook.structures.errors import UserError, nearest
from onelook.structures.files import new_folder
from onelook.structures.progress import track

_CHUNK = 1024**2
_TIMEOUT = 60


@dataclass(frozen=True)
class Source:
    """One archive: where it lies, and the sha256 of its bytes."""

    url: str
    sha256: str


_VOC = "http://host.robots.ox.ac.uk/pascal/VOC"
_CIFAR = "https://www.cs.toronto.edu/~kriz"

KNOWN: dict[str, tuple[Source, ...]] = {
    "cifar10": (
        Source(f"{_CIFAR}/cifar-10-python.tar.gz", "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"),
    ),
    "cifar100": (
        Source(f"{_CIFAR}/cifar-100-python.tar.gz", "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"),
    ),
    "voc2007": (
        Source(
            f"{_VOC}/voc2007/VOCtrainval_06-Nov-2007.tar",
            "7d8cd951101b0957ddfd7a530bdc8a94f06121cfc1e511bb5937e973020c7508",
        ),
        Source(
            f"{_VOC}/voc2007/VOCtest_06-Nov-2007.tar",
            "6836888e2e01dca84577a849d339fa4f73e1e4f135d312430c4856b5609b4892",
        ),
    ),
    "voc2012": (
        Source(
            f"{_VOC}/voc2012/VOCtrainval_11-May-2012.tar",
            "e14f763270cf193d0b5f74b169f44157a4b0c6efa708f4dd0ff78ee691763bcb",
        ),
    ),
}
"""Sets that anyone may fetch; their sums are those that several public projects state."""


def get(name: str, folder: Path, known: dict[str, tuple[Source, ...]] | None = None) -> Path:
    """Fetch a known set, unpack it into a new folder, and return that. Archives wait beside it until all are sound.

    Raises UserError for an unknown name, a server that does not answer, a wrong sum, and an archive that leaves its folder.
    """
    known = KNOWN if known is None else known
    if name not in known:
        raise UserError(f"get: expected one of {', '.join(known)}, got {name!r}{nearest(name, known)}")
    waiting = folder.with_name(f"{folder.name}.download")
    waiting.mkdir(parents=True, exist_ok=True)
    archives = [_fetched(source, waiting) for source in known[name]]
    with new_folder(folder) as out:
        for archive in archives:
            _unpack(archive, out)
    shutil.rmtree(waiting)
    return folder


def _fetched(source: Source, waiting: Path) -> Path:
    file = waiting / source.url.rpartition("/")[2]
    part = file.with_name(f"{file.name}.part")
    if not file.is_file():
        _download(mirrored(source.url), part)
        if (got := _sum(part)) != source.sha256:
            part.unlink()
            raise UserError(f"{source.url}: expected bytes with the sha256 {source.sha256}, got {got}; fetch it again")
        part.replace(file)
    return file


def mirrored(url: str) -> str:
    """Return the URL on the server that ONELOOK_MIRROR names: its address followed by the original's path."""
    mirror = os.environ.get("ONELOOK_MIRROR")
    return f"{mirror.rstrip('/')}{urlsplit(url).path}" if mirror else url


def _download(url: str, part: Path) -> None:
    """Bring the rest of `url` into `part`, which may hold its beginning."""
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    if urlsplit(url).scheme not in ("http", "https"):
        raise UserError(f"{url}: expected an address that begins with http:// or https://")
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
            resumed = answer.status == 206
            left = int(answer.headers.get("Content-Length") or 0)
            with part.open("ab" if resumed else "wb") as out:
                for chunk in track(_chunks(answer), -(-left // _CHUNK), part.stem, "MiB"):
                    left -= out.write(chunk)
        if left > 0:  # http.client says nothing when the other side closes early
            raise OSError(f"{left} bytes are missing")
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:
            return  # nothing is left to fetch
        raise UserError(f"{url}: expected the archive, got {error.code} {error.reason}") from None
    except OSError as error:
        told = getattr(error, "reason", None) or error
        raise UserError(
            f"{url}: the download broke off ({told}); run the command again to go on, or set ONELOOK_MIRROR"
        ) from None


def _chunks(answer: object) -> Iterator[bytes]:
    while chunk := answer.read(_CHUNK):  # type: ignore[attr-defined]
        yield chunk


def _sum(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar; what would lie outside the folder, a link out of it or a device is refused by Python's data filter."""
    try:
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")
    except tarfile.FilterError as error:
        raise UserError(f"{archive}: expected files inside the archive's folder, got {error}") from None
    except (tarfile.TarError, OSError, EOFError) as error:
        raise UserError(f"{archive}: expected a whole tar archive, got a broken one ({error})") from None
