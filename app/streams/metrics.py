"""Metrics of the stream."""

from prometheus_client import Gauge

STREAMS = Gauge("vms_event_streams", "Streams of events that are open", multiprocess_mode="livesum")
