"""Logging: one line for one thing, in text or JSON, and nothing lost but what nobody could read."""

import io
import json
import logging

from server.config import Log
from server.logs import logging_to

LOG = logging.getLogger("server.test")


def logged(settings: Log, level: int, text: str, *arguments: object, error: bool = False) -> str:
    stream = io.StringIO()
    with logging_to(stream, settings):
        if error:
            try:
                raise ZeroDivisionError("by nothing")
            except ZeroDivisionError:
                LOG.exception(text, *arguments)
        else:
            LOG.log(level, text, *arguments)
    return stream.getvalue()


def test_a_line_tells_when_how_bad_where_and_what() -> None:
    line = logged(Log(), logging.WARNING, "job %d stopped", 7)
    assert line.endswith(" WARNING server.test: job 7 stopped\n")
    assert line.startswith("20")


def test_what_is_below_the_level_is_not_logged() -> None:
    assert logged(Log(level="warning"), logging.INFO, "quiet") == ""
    assert "loud" in logged(Log(level="debug"), logging.DEBUG, "loud")


def test_a_peer_cannot_begin_a_line_of_its_own() -> None:
    assert logged(Log(), logging.INFO, "agent %s", "a\nb\x1b[2J").count("\n") == 1
    assert "a\\x0ab\\x1b[2J" in logged(Log(), logging.INFO, "agent %s", "a\nb\x1b[2J")


def test_a_defect_is_told_with_its_traceback() -> None:
    text = logged(Log(), logging.ERROR, "job %d failed", 7, error=True)
    assert "job 7 failed" in text
    assert "ZeroDivisionError: by nothing" in text
    assert text.count("Traceback") == 1


def test_json_is_one_object_a_line() -> None:
    (line,) = logged(Log(format="json"), logging.ERROR, "job %d\nfailed", 7, error=True).splitlines()
    told = json.loads(line)
    assert (told["level"], told["room"], told["text"]) == ("error", "server.test", "job 7\nfailed")
    assert "ZeroDivisionError" in told["exception"]


def test_afterwards_logging_is_as_it_was() -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers), logging.getLogger("zeroconf").level)
    logged(Log(level="debug"), logging.INFO, "x")
    assert (root.level, list(root.handlers), logging.getLogger("zeroconf").level) == before


def test_a_log_that_nobody_reads_fills_no_memory_and_stops_nobody() -> None:
    stream = io.StringIO()
    with logging_to(stream, Log()):
        for number in range(30_000):
            LOG.info("line %d", number)
    assert stream.getvalue().startswith("20")
