"""The service's numbers in Prometheus's text form: requests of this process, jobs of the database, which outlives it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from onelook.service.jobs.listing import QueueNumbers, numbers, oldest_waiting
from onelook.service.workers import live_workers

if TYPE_CHECKING:
    from onelook.service.api.backend import Backend

MEDIA_TYPE = CONTENT_TYPE_LATEST
_NOW, _EVER = ("waiting", "delayed", "running"), ("done", "failed", "dead", "cancelled")
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


class RequestNumbers:
    """What this process has answered: by route, never by path, which a client makes up."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._answered = Counter(
            "onelook_http_requests", "Requests answered", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "onelook_http_seconds", "Seconds to the answer", ("route",), buckets=_SECONDS, registry=self.registry
        )

        self._found: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        found = self._found.get((method, route, status))
        if found is None:
            found = self._answered.labels(method, route, str(status)), self._seconds.labels(route)
            self._found[method, route, status] = found
        found[0].inc()
        found[1].observe(seconds)


class _Rows(Collector):
    """Metrics that were made beforehand."""

    def __init__(self, rows: Iterable[Metric]) -> None:
        self._rows = list(rows)

    def collect(self) -> Iterator[Metric]:
        """Return them."""
        yield from self._rows


def exposition(backend: Backend, by_client: bool) -> bytes:
    """Return everything as text. Raises DatabaseDownError."""
    fresh = CollectorRegistry()
    counts = numbers(backend.database)
    fresh.register(_Rows(_jobs(counts, by_client)))
    fresh.register(_Rows(_state(backend)))
    return generate_latest(backend.requests.registry) + generate_latest(fresh)


def _jobs(counts: list[QueueNumbers], by_client: bool) -> Iterator[Metric]:
    """Return jobs by state, in all or by client and model."""
    labels = ("client", "model", "state") if by_client else ("state",)
    now = GaugeMetricFamily("onelook_jobs", "Jobs that have not ended", labels=labels)
    ever = CounterMetricFamily("onelook_jobs_ended", "Jobs that have ended", labels=labels)
    groups = [((each.client_id, each.model), [each]) for each in counts] if by_client else [((), counts)]
    for prefix, group in groups:
        for family, states in ((now, _NOW), (ever, _EVER)):
            for state in states:
                family.add_metric((*prefix, state), sum(getattr(each, state) for each in group))
    yield now
    yield ever


def _state(backend: Backend) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "onelook_oldest_waiting_seconds", "Age of the oldest job that waits", oldest_waiting(backend.database)
    )
    yield GaugeMetricFamily("onelook_workers", "Workers that live", len(live_workers(backend.database)))
    yield GaugeMetricFamily("onelook_ready", "Whether new requests should come here", int(backend.ready))
    yield GaugeMetricFamily("onelook_direct_under_way", "Requests to /v1/detect under way", backend.direct_under_way)
