"""Logging: the standard library's, through a queue, so that no request waits for a terminal or a disk.

What is logged holds no secret and no title at any level, and no name of a person up to info. Rooms keep to
that by what they log: job numbers, queue names, keywords, addresses of peers.
"""

from __future__ import annotations

import copy
import logging
import queue
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from typing import Final, TextIO, cast

import msgspec

from server.config import Log

_QUEUED_MAX: Final = 10_000
_TRACEBACKS: Final = logging.Formatter()
# What others log at info is for whoever works on them.
_QUIET: Final = {"aiohttp": logging.WARNING, "asyncio": logging.WARNING, "zeroconf": logging.WARNING}


class _Bounded(QueueHandler):
    """Drops what does not fit the queue: a log that nobody reads must not fill memory."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """The record as text, so that nothing it speaks of can change while it waits."""
        record = copy.copy(record)
        record.msg, record.args = record.getMessage(), None
        if record.exc_info:
            record.exc_text, record.exc_info = _TRACEBACKS.formatException(record.exc_info), None
        return record

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is the base class's
        if not isinstance(sys.exception(), queue.Full):
            super().handleError(record)


class _Listener(QueueListener):
    """Ends also where the queue is full at the end."""

    def enqueue_sentinel(self) -> None:
        """Tell the thread to end, once it has room for being told."""
        cast("queue.Queue[logging.LogRecord | None]", self.queue).put(None)


class TextFormatter(logging.Formatter):
    """A line for people: time, level, room, text; a traceback follows on its own."""

    def __init__(self) -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%S%z")

    def format(self, record: logging.LogRecord) -> str:
        told = _one_line(
            f"{self.formatTime(record, self.datefmt)} {record.levelname:7} {record.name}: {record.msg}"
        )
        return f"{told}\n{record.exc_text}" if record.exc_text else told


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "room": record.name,
            "text": record.getMessage(),
        }
        if record.exc_text:
            told["exception"] = record.exc_text
        return msgspec.json.encode(told).decode()


def _one_line(text: str) -> str:
    """Text in which a peer cannot begin a line of its own."""
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


@contextmanager
def logging_to(stream: TextIO, settings: Log) -> Iterator[None]:
    """Log to a stream for the length of a block."""
    output = logging.StreamHandler(stream)
    output.setFormatter(JsonFormatter() if settings.format == "json" else TextFormatter())
    waiting: queue.Queue[logging.LogRecord] = queue.Queue(_QUEUED_MAX)
    listener = _Listener(waiting, output)
    handler = _Bounded(waiting)
    root = logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in _QUIET}
    before = root.level
    root.addHandler(handler)
    root.setLevel(settings.level.upper())
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(max(level, root.level))
    listener.start()
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        listener.stop()
