"""What the service's core is told: where things lie, how long a lease is, how work is shared out."""

from dataclasses import dataclass
from pathlib import Path

from onelook.structures.errors import UserError
from onelook.structures.settings import check_ranges

RANGES: dict[str, tuple[float, float]] = {
    "lease": (0.2, 3600),
    "max_attempts": (1, 100),
    "retry_delay": (0, 3600),
    "batch": (1, 1024),
    "affinity": (0, 100_000),
    "away": (0, 100_000),
    "steal_after": (0, 3600),
    "cache_bytes": (1, 1 << 50),
    "result_ttl": (1, 10 * 365 * 86400),
    "max_waiting": (1, 1_000_000_000),
    "model_refresh": (0, 3600),
    "batch_seconds": (1, 86400),
    "drain_seconds": (0, 3600),
    "database_patience": (0, 3600),
    "poll": (0.001, 60),
    "threads": (1, 1024),
}
"""Least and greatest value of each number."""


@dataclass(frozen=True)
class ServiceSettings:
    """Settings of the job store, the scheduler, the model store and the workers."""

    database: str = "sqlite:///onelook.db"
    """`sqlite:///FILE` for one machine, `postgresql://USER@HOST/NAME` for many."""
    models: str = "models"
    """Where models lie: a folder, or `s3://bucket/prefix`."""
    cache: Path = Path("model-cache")
    """Folder on this machine for models that came from elsewhere."""
    lease: float = 30.0
    """Seconds that a worker may keep a job without a sign of life; it gives one every third of them."""
    max_attempts: int = 3
    """Times that a job may take its worker down or fail for a passing reason before it goes to the dead letters."""
    retry_delay: float = 2.0
    """Seconds until a job is tried again that failed for a passing reason; doubled at each further try."""
    batch: int = 16
    """Most jobs that a worker takes at once; it takes what waits, and never waits for more."""
    affinity: float = 32.0
    """Jobs per unit of weight that a worker goes on with a loaded model while a client without one is behind."""
    away: float = 64.0
    """Jobs per unit of weight that a client must be behind, further, before a worker takes it that is not its home."""
    steal_after: float = 0.2
    """Seconds that a client's jobs wait for its home before a worker takes them that would have to load the model."""
    cache_bytes: int = 2 << 30
    """Bytes of models that a worker keeps loaded; the one used longest ago goes first."""
    result_ttl: float = 86400.0
    """Seconds that a job that has ended is kept, with its result."""
    max_waiting: int = 200_000
    """Jobs that may wait in the whole service; beyond, none is accepted until some are done."""
    model_refresh: float = 1.0
    """Seconds that a worker trusts what it knows of the current version of a model."""
    batch_seconds: float = 300.0
    """Seconds after which a worker that is still at one batch counts as hung, gives no more signs of life and ends."""
    drain_seconds: float = 25.0
    """Seconds that a worker may take to end its batch after it was asked to stop."""
    database_patience: float = 10.0
    """Seconds that a call goes on trying while the database cannot be reached."""
    poll: float = 0.05
    """Longest pause, in seconds, of an idle worker between two looks for work."""
    threads: int = 1
    """Threads that a worker's model may use for one image."""
    direct_host: str = ""
    """This machine's address, where its workers answer at once for an API on another machine; `auto` finds it by the machine's
    name; empty: on this machine alone."""

    def __post_init__(self) -> None:
        check_ranges(self, RANGES)
        if not self.models:
            raise UserError("models: expected a folder or s3://bucket/prefix, got nothing")
