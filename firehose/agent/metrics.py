"""The Amazon Kinesis Agent's CloudWatch metrics, under its own names, when cloudwatch.emitMetrics is on."""

import dataclasses
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

from firehose.agent import clients
from firehose.agent.config import Settings
from firehose.agent.status import FlowStatus

LAST_SECONDS = 2.0  # metrics are worth no longer wait at the end
LAG = "BytesBehind"
COUNTERS = {
    "BytesSent": ("bytes", "Bytes"),
    "RecordsSent": ("records", "Count"),
    "RecordSendErrors": ("failed_records", "Count"),
    "ServiceErrors": ("retries", "Count"),
    "SendAttempts": ("calls", "Count"),
    "RecordsQuarantined": ("quarantined", "Count"),
}


class Metrics:
    """A thread of its own: CloudWatch away is said once and holds up nothing."""

    def __init__(self, settings: Settings, statuses: Callable[[], Sequence[FlowStatus]]) -> None:
        brief = dataclasses.replace(settings, connect_seconds=LAST_SECONDS, read_seconds=LAST_SECONDS)
        self._settings, self._statuses = brief, statuses
        self._before: dict[str, FlowStatus] = {}
        self._stopping = threading.Event()
        self._said = False
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stopping.set()
        self._thread.join(LAST_SECONDS)

    def _run(self) -> None:
        client = clients.client("cloudwatch", self._settings)
        while not self._stopping.wait(self._settings.metrics_seconds):
            self._send(client)
        self._send(client)

    def _send(self, client: Any) -> None:
        data = [datum for status in self._statuses() for datum in self._data(status)]
        try:
            client.put_metric_data(Namespace=self._settings.metrics_namespace, MetricData=data)
        except Exception as error:  # noqa: BLE001 (metrics never stand in the way of shipping)
            if not self._said:
                print(f"firehose.agent: no metrics reach CloudWatch: {error}", file=sys.stderr, flush=True)
            self._said = True

    def _data(self, status: FlowStatus) -> list[dict[str, Any]]:
        before = self._before.get(status.flow)
        self._before[status.flow] = status
        dimensions = [{"Name": "Destination", "Value": status.flow.rsplit(":", 1)[0]}]
        rises = {
            name: (getattr(status, counter) - (getattr(before, counter) if before else 0), unit)
            for name, (counter, unit) in COUNTERS.items()
        }
        rises[LAG] = (status.lag_bytes, "Bytes")
        return [
            {"MetricName": name, "Dimensions": dimensions, "Value": float(value), "Unit": unit}
            for name, (value, unit) in rises.items()
        ]
