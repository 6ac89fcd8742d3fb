"""What ingest counts: in, out and refused at each stage, for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

messages = Counter("ingest_messages", "Messages received from the broker")
message_bytes = Counter("ingest_message_bytes", "Their payloads, bytes")
frames = Counter("ingest_frames", "Frames stored")
duplicates = Counter("ingest_duplicate_frames", "Frames that had been stored before")
rejected_signals = Counter("ingest_rejected_signals", "Signals refused within stored frames")
unknown_signals = Counter("ingest_unknown_signals", "Signals kept that the catalogue doesn't know")
quarantined = Counter("ingest_quarantined", "Messages and frames put into quarantine", ["code"])
receipts = Counter("ingest_receipts", "Receipts sent to gateways")
retries = Counter("ingest_database_retries", "Times the database had a bad moment")
connections = Counter("ingest_connections", "Connections accepted by the broker")
waiting = Gauge("ingest_waiting_messages", "Messages received and not committed yet")
waiting_bytes = Gauge("ingest_waiting_bytes", "What those weigh, bytes")
connected = Gauge("ingest_connected", "1 while the broker is connected")
batch_seconds = Histogram(
    "ingest_batch_seconds",
    "Time to decode and store a batch",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
batch_frames = Histogram(
    "ingest_batch_frames",
    "Frames in a batch",
    buckets=(1, 10, 50, 100, 500, 1000, 2000, 5000, 10000),
)
lag_seconds = Histogram(
    "ingest_lag_seconds",
    "From arrival to commit, the oldest message of each batch",
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300),
)
