"""What the HTTP side is told: where it listens, and how much one request may be."""

from dataclasses import dataclass
from pathlib import Path

from onelook.structures.errors import UserError
from onelook.structures.settings import check_ranges

RANGES: dict[str, tuple[float, float]] = {
    "port": (0, 65535),
    "workers": (0, 256),
    "most_jobs": (1, 1000),
    "most_upload": (1, 1 << 40),
    "most_model": (1, 1 << 40),
    "most_data": (1, 1 << 44),
    "most_wait": (0, 600),
    "most_direct": (1, 10_000),
    "direct_seconds": (0.1, 600),
    "key_seconds": (0, 600),
    "session_seconds": (1, 366 * 86400),
    "notice_seconds": (0, 600),
    "drain_seconds": (0, 3600),
    "most_trainings": (0, 64),
}
"""Least and greatest value of each number."""


@dataclass(frozen=True)
class HttpSettings:
    """Settings of what answers HTTP."""

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 is every one of this machine."""
    port: int = 8000
    """Port to listen on; 0 takes a free one."""
    workers: int = 1
    """Worker processes that `onelook serve` starts beside it; 0 leaves the work to `onelook worker` elsewhere."""
    most_jobs: int = 1000
    """Images of one request."""
    most_upload: int = 64 * 1024**2
    """Bytes of a request with images."""
    most_model: int = 2 * 1024**3
    """Bytes of an uploaded model, packed and unpacked."""
    most_data: int = 32 * 1024**3
    """Bytes of labelled images that one client may keep, packed and unpacked."""
    most_wait: float = 60.0
    """Seconds that `?wait=` may ask for."""
    most_direct: int = 64
    """Requests to /v1/detect that may be under way in this process; beyond, they are answered 503."""
    direct_seconds: float = 30.0
    """Seconds until a request to /v1/detect is given up."""
    key_seconds: float = 5.0
    """Seconds for which it is not asked again whose a key is: a revoked key works so much longer."""
    session_seconds: float = 7 * 86400.0
    """Seconds until a browser that signed in to the pages must do so again."""
    notice_seconds: float = 3.0
    """Seconds after SIGTERM in which /readyz says no already, and everything is still answered."""
    drain_seconds: float = 25.0
    """Seconds after that in which what is under way may end; what is new is answered 503."""
    trainings: Path = Path("trainings")
    """Folder for uploaded data and for runs; several API processes must share it."""
    grids: Path = Path("grids")
    """Folder of this machine whose grids administrators see, as `onelook grid` fills it; nothing is written there."""
    data_roots: tuple[str, ...] = ()
    """Folders of this machine whose labelled images clients may train on where they lie; none allows uploads alone."""
    most_trainings: int = 1
    """Trainings that this process runs at once; 0 leaves them to other processes."""

    def __post_init__(self) -> None:
        check_ranges(self, RANGES)
        if not self.host:
            raise UserError("host: expected an address such as 127.0.0.1, got nothing")
