"""What commands tell of what the daemon has."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from ipp import Attribute, Attributes, Collection, JobState, OutOfBand, Range, Tag
from ipp.job import Job
from ipp.registry import attribute
from server.admin.views import describe_attribute, view_job, view_printer, view_queue
from server.config import PrinterSettings, QueueSettings

LASER = PrinterSettings(name="laser", uri="ipps://laser.example/")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (attribute("copies", 2), "2"),
        (attribute("sides-supported", "one-sided", "two-sided-long-edge"), "one-sided, two-sided-long-edge"),
        (attribute("page-ranges", Range(1, 3), Range(7, 9)), "1-3, 7-9"),
        (attribute("color-supported", True), "yes"),
        (attribute("color-supported", False), "no"),
        (Attribute.of("job-account-id", Tag.NO_VALUE, OutOfBand.NO_VALUE), "no-value"),
        (Attribute.of("x", Tag.OCTET_STRING, b"secret"), "6 octets"),
        (Attribute.of("media-col", Tag.BEG_COLLECTION, Collection([attribute("copies", 1)])), "{copies}"),
    ],
)
def test_values_are_told_as_people_read_them(given: Attribute, words: str) -> None:
    assert describe_attribute(given) == words


def test_a_printer_that_said_nothing_is_told_by_what_is_configured() -> None:
    view = view_printer(LASER, Attributes(), from_file=True)
    assert (view.name, view.state, view.formats, view.color, view.two_sided) == ("laser", "", [], None, None)


@pytest.mark.parametrize(
    "told",
    [
        Attribute.of("printer-state", Tag.KEYWORD, "idle"),
        Attribute.of("printer-state", Tag.ENUM, 99),
        Attribute.of("color-supported", Tag.INTEGER, 1),
    ],
)
def test_a_printer_that_said_nonsense_is_told_all_the_same(told: Attribute) -> None:
    assert view_printer(LASER, Attributes([told]), from_file=False).state == ""


def test_a_queue_that_is_not_served_takes_nothing() -> None:
    view = view_queue(QueueSettings(name="hold"), None, [], from_file=False)
    assert (view.state, view.accepting, view.jobs) == ("unknown", False, 0)


def test_a_list_of_jobs_leaves_out_what_one_job_shows() -> None:
    job = Job(
        *(1, UUID(int=1), "hold", "ada", "Letter", datetime(2026, 1, 1, tzinfo=UTC)),
        state=JobState.PROCESSING_STOPPED,
        attributes=Attributes([attribute("copies", 2)]),
    )
    assert (view_job(job).state, view_job(job).asked) == ("processing-stopped", {})
    assert view_job(job, whole=True).asked == {"copies": "2"}
