"""What `promtool check metrics` says of names, for machines that don't have it: its rules, from Prometheus's guide."""

import re
from collections.abc import Iterator

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

#: Base units alone, spelled out.
_NO_UNITS = {
    *("ms", "us", "ns", "s", "sec", "secs", "min", "m", "h", "d", "b", "kb", "mb", "gb", "tb", "pb"),
    *("milliseconds", "microseconds", "nanoseconds", "minutes", "hours", "days", "weeks"),
    *("bits", "kilobytes", "megabytes", "gigabytes", "percent"),
}
_TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}


def lint(text: str) -> list[str]:
    """What Prometheus would find fault with; raises `ValueError` for what is not its text format."""
    return [f"{metric.name}: {fault}" for metric in families(text) for fault in _faults(metric)]


def families(text: str) -> Iterator[Metric]:
    """The metrics of a page, a counter with its `_total`."""
    declared = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE)
    assert len(declared) == len(set(declared)), "a metric stands twice"
    for metric, (name, _) in zip(text_string_to_metric_families(text), declared, strict=True):
        metric.name = name
        yield metric


def _faults(metric: Metric) -> Iterator[str]:
    name = metric.name
    words = name.split("_")
    if not metric.documentation:
        yield "no help text"
    if metric.type == "counter" and not name.endswith("_total"):
        yield "a counter without _total"
    if metric.type != "counter" and name.endswith("_total"):
        yield f"a {metric.type} with _total"
    if metric.type != "histogram" and words[-1] in ("bucket", "count", "sum"):
        yield f"a {metric.type} that ends as a part of a histogram"
    if set(words) & _TYPES:
        yield "its type stands in its name"
    if set(words) & _NO_UNITS:
        yield "a unit that is not a base unit, or abbreviated"
    names = {name, *(label for sample in metric.samples for label in sample.labels)}
    if any(re.search("[a-z][A-Z]", each) for each in names):
        yield "camelCase"
    if any(label in ("quantile", "le") for sample in metric.samples for label in sample.labels) and (
        metric.type not in ("histogram", "summary")
    ):
        yield "a label that belongs to a histogram or a summary"
