"""Answers for a terminal: columns in line, nothing that commands it, words where there is nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.admin import commands as c
from server.tables import (
    clean,
    show_age,
    show_events,
    show_job,
    show_jobs,
    show_octets,
    show_people,
    show_printers,
    show_queues,
    show_table,
    show_verdict,
    width_of,
)

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def job(title: str = "Letter", **changes: object) -> c.JobView:
    values: dict[str, object] = {
        "id": 7,
        "uuid": "u",
        "queue": "hold",
        "owner": "ada",
        "title": title,
        "state": "pending-held",
        "reasons": ["job-release-wait"],
        "message": "",
        "created": NOW,
        "completed": None,
        "octets": 1234,
        "impressions": None,
        "printer": None,
    }
    return c.JobView(**(values | changes))  # type: ignore[arg-type]  # as the table above


def test_columns_stand_in_line_however_wide_their_letters_are() -> None:
    table = show_table(("A", "B"), [("日本", "x"), ("e\u0301", "y"), ("abc", "z")])
    assert {
        width_of(line[: line.rindex(last)]) for line, last in zip(table.split("\n"), "Bxyz", strict=True)
    } == {6}


def test_a_long_title_is_cut() -> None:
    row = show_jobs([job("x" * 300)]).split("\n")[1]
    assert "x" * 59 + "…" in row
    assert "x" * 60 not in row


@given(st.text())
def test_nothing_commands_the_terminal(title: str) -> None:
    shown = show_jobs([job(title)]) + show_job(job(title))
    assert all(character.isprintable() or character == "\n" for character in shown)
    assert len(show_jobs([job(title)]).split("\n")) == 2


def test_an_escape_sequence_is_shown_harmless() -> None:
    assert clean("a\x1b[2Jb") == "a\N{REPLACEMENT CHARACTER}[2Jb"


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1234, "1.2 kB"),
        (56789, "57 kB"),
        (10**9, "1.0 GB"),
        (10**15, "1000.0 TB"),
    ],
)
def test_a_size_is_said_as_people_say_it(octets: int, shown: str) -> None:
    assert show_octets(octets) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5, "just now"), (59, "just now"), (60, "1 min ago"), (7200, "2 h ago"), (200000, "2 d ago")],
)
def test_an_age_is_said_as_people_say_it(seconds: float, shown: str) -> None:
    assert show_age(NOW - timedelta(seconds=seconds), NOW) == shown


def test_where_there_is_nothing_the_first_step_is_told() -> None:
    assert "users add" in show_people([])
    assert "printers add" in show_printers([])
    assert show_jobs([]) == "No jobs."
    assert show_events([]) == "No events."


def test_the_default_queue_is_marked() -> None:
    queue = c.QueueView(
        name="hold",
        kind="hold",
        printer="",
        authentication="none",
        release="owner-authorized",
        info="",
        location="",
        default=True,
        from_file=False,
        state="idle",
        accepting=False,
        jobs=3,
        uris=["ipps://h/ipp/print"],
    )
    row = show_queues([queue]).split("\n")[1]
    assert row.startswith("hold *")
    assert "idle, takes no jobs" in row


def test_a_printers_abilities_are_listed() -> None:
    printer = c.PrinterView(
        name="laser",
        uri="ipps://l/",
        info="",
        location="",
        from_file=False,
        formats=["application/octet-stream", "application/pdf", "image/urf"],
        color=True,
        two_sided=True,
    )
    assert "color, two-sided, pdf, urf" in show_printers([printer])


def test_a_ledger_that_was_changed_says_where() -> None:
    verdict = c.VerdictView(
        sound=False, events=2, head="2:00", faults=[c.FaultView(seq=1, what="was changed")]
    )
    assert show_verdict(verdict).endswith("row 1: was changed")
    assert show_verdict(c.VerdictView(sound=True, events=2, head="2:00", faults=[])).endswith("2:00")
