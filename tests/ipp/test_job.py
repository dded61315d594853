"""The table of a job's states, every pair of it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from ipp import JobState, RemoteProtocolError, Status
from ipp.job import ACTIVE, FINISHED, HOLD_REASONS, TRANSITIONS, Document, Event, Job, advance
from ipp.vocabulary.enums import DocumentState

CREATED = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = CREATED + timedelta(seconds=9)


def job_in(state: JobState, *reasons: str) -> Job:
    document = Document(1, "a", "application/pdf", 7, CREATED)
    return Job(
        id=5,
        uuid=UUID(int=5),
        printer="hall",
        owner="anna",
        name="minutes",
        created=CREATED,
        state=state,
        reasons=frozenset(reasons),
        documents=(document,),
    )


@pytest.mark.parametrize("state", [*JobState])
@pytest.mark.parametrize("event", [*Event])
def test_an_event_leads_where_the_table_says_or_is_not_possible(state: JobState, event: Event) -> None:
    job = job_in(state, "job-incoming")
    target = TRANSITIONS.get((state, event))
    if target is None:
        with pytest.raises(RemoteProtocolError) as raised:
            advance(job, event, LATER)
        overtaken = (event, state) == (Event.RECEIVED, JobState.CANCELED)
        refused = Status.SERVER_ERROR_JOB_CANCELED if overtaken else Status.CLIENT_ERROR_NOT_POSSIBLE
        assert raised.value.status is refused
    else:
        after = advance(job, event, LATER)
        assert (after.state, after.version) == (target, job.version + 1)


@pytest.mark.parametrize("state", sorted(FINISHED))
def test_nothing_happens_to_a_finished_job_but_a_restart(state: JobState) -> None:
    assert [event for (start, event) in TRANSITIONS if start is state] == [Event.RESTARTED]


@pytest.mark.parametrize("state", sorted(ACTIVE))
def test_every_active_job_can_be_canceled_and_aborted(state: JobState) -> None:
    assert advance(job_in(state), Event.CANCELED, LATER).state is JobState.CANCELED
    assert advance(job_in(state), Event.ABORTED, LATER).state is JobState.ABORTED


def test_a_closed_job_takes_no_more_documents() -> None:
    with pytest.raises(RemoteProtocolError):
        advance(job_in(JobState.PENDING), Event.RECEIVED, LATER)


def test_closing_a_job_ends_job_incoming_and_leaves_it_parked() -> None:
    job = advance(job_in(JobState.PENDING_HELD, "job-incoming", "job-release-wait"), Event.CLOSED, LATER)
    assert (job.state, job.reasons) == (JobState.PENDING_HELD, {"job-release-wait"})


def test_release_drops_every_reason_to_wait() -> None:
    job = advance(job_in(JobState.PENDING_HELD, *HOLD_REASONS), Event.RELEASED, LATER)
    assert (job.state, job.reasons) == (JobState.PENDING, frozenset())


def test_a_job_that_came_out_says_so_with_its_documents_and_times() -> None:
    started = advance(job_in(JobState.PENDING), Event.STARTED, LATER)
    done = advance(started, Event.COMPLETED, LATER + timedelta(seconds=1), message="2 sheets")
    assert (started.processing, started.reasons) == (LATER, {"job-printing"})
    assert (done.completed, done.reasons, done.message) == (
        LATER + timedelta(seconds=1),
        {"job-completed-successfully"},
        "2 sheets",
    )
    assert done.documents[0].state is DocumentState.COMPLETED


def test_a_canceled_job_keeps_no_reason_but_why() -> None:
    job = advance(
        job_in(JobState.PENDING_HELD, "job-release-wait"), Event.CANCELED, LATER, add=["job-canceled-by-user"]
    )
    assert job.reasons == {"job-canceled-by-user"}
    assert job.documents[0].state is DocumentState.CANCELED


def test_a_restarted_job_is_as_if_it_had_not_printed() -> None:
    done = advance(advance(job_in(JobState.PENDING), Event.STARTED, LATER), Event.COMPLETED, LATER)
    again = advance(done, Event.RESTARTED, LATER)
    assert (again.state, again.processing, again.completed, again.reasons) == (
        JobState.PENDING,
        None,
        None,
        frozenset(),
    )
    assert again.documents[0].state is DocumentState.PENDING


def test_the_original_is_not_changed() -> None:
    job = job_in(JobState.PENDING)
    advance(job, Event.HELD, LATER)
    assert (job.state, job.version) == (JobState.PENDING, 0)
