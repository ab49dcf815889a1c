"""Metrics in the text format of Prometheus: what this process and its siblings count, and what the database knows.

Processes of one server share their counters by files in the folder that PROMETHEUS_MULTIPROC_DIR names, which the library reads when it is
imported; without it a process tells of itself alone.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from domain.metrics import Measure, Spread
from ports.observer import Observation, Observer, RequestServed

SHARED = "PROMETHEUS_MULTIPROC_DIR"
# Seconds: a read by its id takes about a millisecond, and five are what a write may take.
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class PrometheusObserver:
    """Keeps ports.observer.Observer: counts what it is told, and passes it on to `then`."""

    def __init__(self, then: Observer) -> None:
        self._then, self._own = then, CollectorRegistry()
        # One histogram is two metrics: its count is that of the requests.
        self._requests = Histogram(
            "stillroom_request_seconds", "Requests by operation and class of status.", ("operation", "status"),
            buckets=_BOUNDS, registry=self._own,
        )  # fmt: skip
        self._noticed = Counter("stillroom_noticed", "What is worth noticing, by kind.", ("kind",), registry=self._own)
        # What the library looks up by checking and joining texts is looked up once.
        self._child = cache(self._requests.labels)

    def observe(self, observation: Observation) -> None:
        if isinstance(observation, RequestServed):
            status = f"{observation.status // 100}xx"
            self._child(observation.operation or "other", status).observe(observation.milliseconds / 1000)
        else:
            self._noticed.labels(_kind(type(observation).__name__)).inc()
        self._then.observe(observation)

    def wants(self, kind: type[Observation]) -> bool:
        return self._then.wants(kind)

    def exposition(self, measures: Callable[[], Sequence[Measure]]) -> Callable[[], bytes]:
        """What answers with the text of all of it."""

        def told() -> bytes:
            registry = CollectorRegistry()
            if os.environ.get(SHARED):
                MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
            else:
                registry.register(self)
            registry.register(_Known(measures()))
            return generate_latest(registry)

        return told

    def collect(self) -> Iterable[Metric]:
        return self._own.collect()


class _Known:
    def __init__(self, measures: Sequence[Measure]) -> None:
        self._measures = measures

    def collect(self) -> Iterator[Metric]:
        return map(_family, self._measures)


def _family(measure: Measure) -> Metric:
    if measure.kind == "histogram":
        histogram = HistogramMetricFamily(measure.name, measure.meaning, labels=measure.labels)
        for labels, spread in measure.values.items():
            assert isinstance(spread, Spread)
            within = [("+Inf" if bound == float("inf") else str(bound), float(count)) for bound, count in spread.within]
            histogram.add_metric(labels, within, spread.total)
        return histogram
    made = GaugeMetricFamily if measure.kind == "gauge" else CounterMetricFamily
    family = made(measure.name, measure.meaning, labels=measure.labels)
    for labels, value in measure.values.items():
        assert not isinstance(value, Spread)
        family.add_metric(labels, value)
    return family


@cache
def _kind(name: str) -> str:
    """JobFailed is called job_failed."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
