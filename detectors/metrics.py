"""What the detectors count, for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

FRAMES = Counter("detectors_frames", "Frames judged")
LATE = Counter("detectors_frames_late", "Frames not judged: the vehicle was judged beyond them")
UNKNOWN = Counter("detectors_frames_unknown", "Frames not judged: their vehicle was deleted")
UNREADABLE = Counter("detectors_batches_unreadable", "Batches of the hand-off log not understood")
FINDINGS = Counter("detectors_findings", "Findings committed", ["detector", "kind"])
SET_ASIDE = Counter("detectors_set_aside", "Detectors that failed on a vehicle", ["detector"])
REPLAYED = Counter("detectors_vehicles_replayed", "Histories judged again by a new version")
LOST = Counter("detectors_restarts", "Times all states were thrown away and read again")
SHARDS_HELD = Gauge("detectors_shards", "Shards held")
VEHICLES = Gauge("detectors_vehicles", "Vehicles in memory")
LAG = Gauge("detectors_lag_seconds", "Age of the oldest batch read last, since it was stored")
CHECKPOINT = Histogram("detectors_checkpoint_seconds", "Time for one checkpoint")
