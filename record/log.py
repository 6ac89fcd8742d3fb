"""Log events are constant phrases with fields. Phone numbers are masked before they get here."""

import json
import logging
import sys
from datetime import UTC, datetime

_PLAIN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def mask(phone: str) -> str:
    """A phone number with all but its country's start and last two digits hidden.

    Examples
    --------
    >>> mask("+15005550006")
    '+15•••••••06'
    """
    return phone[:3] + "•" * max(len(phone) - 5, 0) + phone[-2:]


class _Fields(logging.Formatter):
    def __init__(self, as_json: bool) -> None:
        super().__init__()
        self.as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        fields = {k: v for k, v in vars(record).items() if k not in _PLAIN}
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        if self.as_json:
            doc = {"at": at, "level": record.levelname, "log": record.name}
            doc |= {"event": record.getMessage()} | {k: str(v) for k, v in fields.items()}
            if record.exc_info:
                doc["trace"] = self.formatException(record.exc_info)
            return json.dumps(doc, ensure_ascii=False)
        line = f"{at} {record.levelname:7} {record.name}: {record.getMessage()}"
        line += "".join(f" {k}={v}" for k, v in fields.items())
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def setup(log_format: str = "text") -> None:
    """Send all log events to standard error, as text for people or JSON for machines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Fields(log_format == "json"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
