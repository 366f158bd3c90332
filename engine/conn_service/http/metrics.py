"""The metrics of a service, in the format of Prometheus. No label has an account, a token or a value of a request."""

import asyncio
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder

from conn_engine.wire import Page

__all__ = ["ServiceMetrics"]

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_SHORT_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_LAG_PAUSE: Final = 0.5
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class ServiceMetrics:
    """Counters and histograms with a registry of their own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._requests = Counter(
            "conn_requests", "Requests, by route, method and status.", ["route", "method", "status"], registry=registry
        )
        self._seconds = Histogram(
            "conn_request_seconds", "Time until a response ended.", ["route"], buckets=_SECONDS, registry=registry
        )
        self.in_progress = Gauge("conn_requests_in_progress", "Requests at work.", registry=registry)
        self._vendor_requests = Counter(
            "conn_vendor_requests",
            "Requests to vendors, by outcome: a class of status, or why there is no response.",
            ["connector", "outcome"],
            registry=registry,
        )
        self._vendor_seconds = Histogram(
            "conn_vendor_request_seconds",
            "Time of a request to a vendor.",
            ["connector"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._mapping_seconds = Histogram(
            "conn_mapping_seconds",
            "Time to map a page to the unified model.",
            ["connector"],
            buckets=_SHORT_SECONDS,
            registry=registry,
        )
        self._mapping_problems = Counter(
            "conn_mapping_problems",
            "Fields left empty because their expressions failed.",
            ["connector"],
            registry=registry,
        )
        self._budget_pauses = Counter(
            "conn_budget_pauses",
            "Requests to vendors that a budget delayed (waited) or refused.",
            ["connector", "outcome"],
            registry=registry,
        )
        self._budget_seconds = Counter(
            "conn_budget_wait_seconds", "Time that requests waited for budgets.", ["connector"], registry=registry
        )
        self.kept_connections = Gauge(
            "conn_kept_connections", "Connections of accounts that are kept for their next request.", registry=registry
        )
        self._lag = Histogram(
            "conn_loop_lag_seconds",
            "How late the event loop is: what every request waits for in addition.",
            buckets=_SHORT_SECONDS,
            registry=registry,
        )

    def count_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that has ended."""
        self._requests.labels(route, method if method in _METHODS else "other", str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_vendor_request(self, connector: str, outcome: str, seconds: float) -> None:
        """Count a request to a vendor that has ended."""
        self._vendor_requests.labels(connector, outcome).inc()
        self._vendor_seconds.labels(connector).observe(seconds)

    def count_page(self, connector: str, page: Page) -> None:
        """Count a page that was mapped, and the fields that are empty because their expressions failed."""
        self._mapping_seconds.labels(connector).observe(page.mapping_seconds)
        problems = sum(problem.records for problem in page.problems)
        if problems:
            self._mapping_problems.labels(connector).inc(problems)

    def count_pause(self, connector: str, seconds: float, *, is_refused: bool) -> None:
        """Count a request to a vendor that had no room in a budget."""
        self._budget_pauses.labels(connector, "refused" if is_refused else "waited").inc()
        if not is_refused:
            self._budget_seconds.labels(connector).inc(seconds)

    def format(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics in the format that a scraper accepts, and its content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    async def measure_lag(self) -> None:
        """Measure how late the event loop is, until the task is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _LAG_PAUSE
            await asyncio.sleep(_LAG_PAUSE)
            self._lag.observe(max(0.0, loop.time() - due))
