"""Operations on jobs that exist."""

import asyncio

import pytest

from ipp import Attribute, GroupTag, JobState, Operation, OutOfBand, Status, Tag
from ipp.job import ACTIVE, FINISHED, Event, Job
from ipp.spool import Query
from ipp.vocabulary.enums import DocumentState
from tests.ipp.asking import ANNA, BERT, OPERATOR, URI, Desk, of

PDF = b"%PDF-1.7"
ALL = of("requested-attributes", Tag.KEYWORD, "all")


def number(job_id: int) -> Attribute:
    return of("job-id", Tag.INTEGER, job_id)


async def state_of(desk: Desk, job_id: int) -> JobState:
    job = await desk.spool.get(job_id)
    assert job is not None
    return job.state


async def test_a_job_tells_what_was_asked_of_it_and_how_it_went(desk: Desk) -> None:
    asked = [of("sides", Tag.KEYWORD, "two-sided-short-edge"), of("copies", Tag.INTEGER, 3)]
    await desk.ask(Operation.PRINT_JOB, of("job-name", Tag.NAME, "minutes"), job=asked, document=PDF)
    await desk.finish(1)
    job = (await desk.ask(Operation.GET_JOB_ATTRIBUTES, number(1))).job
    assert job.string("job-name") == "minutes"
    assert job.string("job-originating-user-name") == "anna"
    assert job.string("sides") == "two-sided-short-edge"
    assert job.integer("copies") == 3
    assert job.string("job-uri") == f"{URI}/1"
    assert job.string("job-printer-uri") == URI
    assert job.integer("job-state") == JobState.COMPLETED
    assert job.strings("job-state-reasons") == ("job-completed-successfully",)
    assert job["job-impressions"].value is OutOfBand.NO_VALUE
    assert "output-device-assigned" not in job


async def test_a_job_is_found_by_its_uri_too(desk: Desk) -> None:
    job_id = await desk.park()
    answer = await desk.ask(
        Operation.GET_JOB_ATTRIBUTES, of("job-uri", Tag.URI, f"{URI}/{job_id}"), target=None
    )
    assert answer.job.integer("job-id") == job_id


async def test_what_did_not_happen_yet_has_no_value(desk: Desk) -> None:
    job = (await desk.ask(Operation.GET_JOB_ATTRIBUTES, number(await desk.park()))).job
    assert job["time-at-completed"].value is OutOfBand.NO_VALUE
    assert job["date-time-at-processing"].value is OutOfBand.NO_VALUE
    assert job.integer("time-at-creation") == 1


@pytest.mark.parametrize(
    ("attributes", "target", "status"),
    [
        ([], URI, Status.CLIENT_ERROR_BAD_REQUEST),
        ([number(77)], URI, Status.CLIENT_ERROR_NOT_FOUND),
        ([of("job-uri", Tag.URI, f"{URI}/77")], None, Status.CLIENT_ERROR_NOT_FOUND),
        ([of("job-uri", Tag.URI, URI)], None, Status.CLIENT_ERROR_BAD_REQUEST),
        ([of("job-uri", Tag.URI, f"{URI}/\u00b2")], None, Status.CLIENT_ERROR_NOT_FOUND),
    ],
    ids=["no job", "unknown id", "unknown uri", "a printer's uri", "a digit that is no number"],
)
async def test_a_job_that_is_not_there(
    desk: Desk, attributes: list[Attribute], target: str | None, status: Status
) -> None:
    answer = await desk.ask(Operation.GET_JOB_ATTRIBUTES, *attributes, target=target)
    assert answer.status is status


@pytest.mark.parametrize(
    "operation",
    [
        Operation.GET_JOB_ATTRIBUTES,
        Operation.CANCEL_JOB,
        Operation.HOLD_JOB,
        Operation.RELEASE_JOB,
        Operation.RESTART_JOB,
        Operation.SET_JOB_ATTRIBUTES,
        Operation.PROMOTE_JOB,
        Operation.GET_DOCUMENTS,
        Operation.RESUBMIT_JOB,
        Operation.CLOSE_JOB,
    ],
)
async def test_another_persons_job_is_as_if_it_were_not_there(desk: Desk, operation: Operation) -> None:
    job_id = await desk.park()
    answer = await desk.ask(
        operation, number(job_id), job=[of("copies", Tag.INTEGER, 2)], document=PDF, user=BERT
    )
    assert answer.status is Status.CLIENT_ERROR_NOT_FOUND
    assert await state_of(desk, job_id) is JobState.PENDING_HELD


async def test_an_operator_may_cancel_anybodys_job_and_it_says_so(desk: Desk) -> None:
    job_id = await desk.park()
    assert (await desk.ask(Operation.CANCEL_JOB, number(job_id), user=OPERATOR)).status.successful
    job = await desk.spool.get(job_id)
    assert job is not None
    assert job.reasons == {"job-canceled-by-operator"}


async def test_a_finished_job_cannot_be_canceled(desk: Desk) -> None:
    job_id = await desk.park()
    assert (await desk.ask(Operation.CANCEL_JOB, number(job_id))).status is Status.SUCCESSFUL_OK
    assert (await desk.ask(Operation.CANCEL_JOB, number(job_id))).status is Status.CLIENT_ERROR_NOT_POSSIBLE


async def test_a_held_job_prints_when_it_is_released(desk: Desk) -> None:
    job_id = await desk.park()
    assert (await desk.ask(Operation.RELEASE_JOB, number(job_id))).status is Status.SUCCESSFUL_OK
    assert (await desk.finish(job_id)).state is JobState.COMPLETED
    assert (await desk.ask(Operation.RELEASE_JOB, number(job_id))).status is Status.CLIENT_ERROR_NOT_POSSIBLE


@pytest.mark.parametrize(
    ("secure", "encryption", "octets"),
    [(False, "none", 4), (True, "md5", 4), (True, "none", 9), (True, "none", 0)],
)
async def test_a_password_that_cannot_be_kept_secret_is_not_looked_at(
    desk: Desk, secure: bool, encryption: str, octets: int
) -> None:
    desk.printer.set_attributes(
        [
            of("job-password-supported", Tag.INTEGER, 8),
            of("job-password-encryption-supported", Tag.KEYWORD, "none"),
        ]
    )
    job_id = await desk.park()
    given = [
        of("job-password", Tag.OCTET_STRING, b"1" * octets),
        of("job-password-encryption", Tag.KEYWORD, encryption),
    ]
    answer = await desk.ask(Operation.RELEASE_JOB, number(job_id), *given, secure=secure)
    assert answer.status is Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED
    answer = await desk.ask(Operation.GET_JOB_ATTRIBUTES, number(job_id))
    assert answer.job.integer("job-state") == JobState.PENDING_HELD


async def test_a_waiting_job_can_be_held_and_restarted_after_it_printed(desk: Desk) -> None:
    await desk.ask(Operation.PAUSE_PRINTER)
    await desk.ask(Operation.PRINT_JOB, document=PDF)
    await desk.ask(Operation.HOLD_JOB, number(1))
    await desk.ask(Operation.RESUME_PRINTER)
    assert await state_of(desk, 1) is JobState.PENDING_HELD
    await desk.ask(Operation.RELEASE_JOB, number(1))
    await desk.finish(1)
    assert (await desk.ask(Operation.RESTART_JOB, number(1))).status is Status.SUCCESSFUL_OK
    await desk.finish(1)
    assert desk.printed.documents == [(1, PDF), (1, PDF)]


async def test_a_hold_that_is_not_supported_is_named_and_held_for_ever(desk: Desk) -> None:
    await desk.ask(Operation.PAUSE_PRINTER)
    await desk.ask(Operation.PRINT_JOB, document=PDF)
    answer = await desk.ask(Operation.HOLD_JOB, number(1), of("job-hold-until", Tag.KEYWORD, "full-moon"))
    assert answer.group(GroupTag.UNSUPPORTED).string("job-hold-until") == "full-moon"
    job = await desk.spool.get(1)
    assert job is not None
    assert job.attributes.string("job-hold-until") == "indefinite"


async def ids(desk: Desk, *attributes: Attribute, user: object = ANNA) -> list[int | None]:
    answer = await desk.ask(Operation.GET_JOBS, *attributes, user=user)
    assert answer.status is Status.SUCCESSFUL_OK, answer.status
    return [group.integer("job-id") for group in answer.jobs]


async def test_get_jobs_gives_ones_own_and_only_what_was_asked(desk: Desk) -> None:
    first, second, third = await desk.park(), await desk.park(), await desk.park(user=BERT)
    assert await ids(desk) == [first, second]
    assert await ids(desk, user=BERT) == [third]
    assert await ids(desk, user=OPERATOR) == [first, second, third]
    assert await ids(desk, of("my-jobs", Tag.BOOLEAN, True), user=OPERATOR) == []
    answer = await desk.ask(Operation.GET_JOBS)
    assert answer.jobs[0].names() == ["job-id", "job-uri"]
    answer = await desk.ask(Operation.GET_JOBS, of("requested-attributes", Tag.KEYWORD, "job-name"))
    assert answer.jobs[0].names() == ["job-name"]


async def test_get_jobs_by_state_newest_finished_first(desk: Desk) -> None:
    first, second = await desk.park(), await desk.park()
    for job_id in (first, second):
        desk.clock.pass_(1)
        await desk.ask(Operation.CANCEL_JOB, number(job_id))
    third = await desk.park()
    which = {
        "completed": [second, first],
        "canceled": [second, first],
        "aborted": [],
        "not-completed": [third],
        "pending-held": [third],
        "pending": [],
        "processing": [],
        "processing-stopped": [],
        "proof-print": [],
        "all": [third, first, second],
    }
    for keyword, expected in which.items():
        assert await ids(desk, of("which-jobs", Tag.KEYWORD, keyword)) == expected, keyword
    assert set(which) == set(desk.printer.attributes.strings("which-jobs-supported"))


async def test_get_jobs_in_pages(desk: Desk) -> None:
    jobs = [await desk.park() for _ in range(5)]
    pages = [
        await ids(desk, of("limit", Tag.INTEGER, 2), of("first-index", Tag.INTEGER, start))
        for start in (1, 3, 5, 7)
    ]
    assert pages == [jobs[:2], jobs[2:4], jobs[4:], []]


async def test_others_are_answered_while_a_long_list_is_told(desk: Desk) -> None:
    for _ in range(400):
        await desk.park()
    everything = of("requested-attributes", Tag.KEYWORD, "all")
    listing = asyncio.create_task(desk.ask(Operation.GET_JOBS, everything))
    turns = 0
    while not listing.done():
        await asyncio.sleep(0)
        turns += 1
    assert len(listing.result().groups_of(GroupTag.JOB)) == 400
    assert turns > 20


@pytest.mark.parametrize("limit", [(), (of("limit", Tag.INTEGER, 2**31 - 1),)], ids=["none", "a large one"])
async def test_an_answer_tells_of_so_many_jobs_and_no_more(
    desk: Desk, limit: tuple[Attribute, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipp.operations.job.JOBS_TOLD_MAX", 3)
    jobs = [await desk.park() for _ in range(5)]
    told = (await desk.ask(Operation.GET_JOBS, *limit)).groups_of(GroupTag.JOB)
    rest = await desk.ask(Operation.GET_JOBS, of("first-index", Tag.INTEGER, 4), *limit)
    told += rest.groups_of(GroupTag.JOB)
    assert [job.integer("job-id") for job in told] == jobs


async def test_get_jobs_by_ids(desk: Desk) -> None:
    jobs = [await desk.park() for _ in range(3)]
    assert await ids(desk, of("job-ids", Tag.INTEGER, jobs[2], jobs[0], 99)) == [jobs[0], jobs[2]]
    both = (of("job-ids", Tag.INTEGER, 1), of("which-jobs", Tag.KEYWORD, "all"))
    answer = await desk.ask(Operation.GET_JOBS, *both)
    assert answer.status is Status.CLIENT_ERROR_CONFLICTING_ATTRIBUTES


async def test_which_jobs_that_is_not_supported_is_named(desk: Desk) -> None:
    answer = await desk.ask(Operation.GET_JOBS, of("which-jobs", Tag.KEYWORD, "lost"))
    assert answer.status is Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED
    assert answer.group(GroupTag.UNSUPPORTED).string("which-jobs") == "lost"


async def test_set_job_attributes_changes_a_waiting_job(desk: Desk) -> None:
    job_id = await desk.park()
    changes = [
        of("copies", Tag.INTEGER, 7),
        of("job-name", Tag.NAME, "better"),
        of("job-priority", Tag.INTEGER, 9),
    ]
    assert (await desk.ask(Operation.SET_JOB_ATTRIBUTES, number(job_id), job=changes)).status.successful
    job = (await desk.ask(Operation.GET_JOB_ATTRIBUTES, number(job_id))).job
    assert (job.integer("copies"), job.string("job-name"), job.integer("job-priority")) == (7, "better", 9)
    gone = [of("copies", Tag.DELETE_ATTRIBUTE, OutOfBand.DELETE_ATTRIBUTE)]
    await desk.ask(Operation.SET_JOB_ATTRIBUTES, number(job_id), job=gone)
    assert "copies" not in (await desk.ask(Operation.GET_JOB_ATTRIBUTES, number(job_id))).job


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (of("job-id", Tag.INTEGER, 9), Status.CLIENT_ERROR_ATTRIBUTES_NOT_SETTABLE),
        (of("job-originating-user-name", Tag.NAME, "b"), Status.CLIENT_ERROR_ATTRIBUTES_NOT_SETTABLE),
        (of("copies", Tag.INTEGER, 5000), Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED),
        (of("copies", Tag.INTEGER, 0), Status.CLIENT_ERROR_BAD_REQUEST),
        (of("copies", Tag.INTEGER, 1, 2), Status.CLIENT_ERROR_BAD_REQUEST),
        (of("job-name", Tag.NAME, "one", "two"), Status.CLIENT_ERROR_BAD_REQUEST),
    ],
)
async def test_all_changes_are_made_or_none(desk: Desk, change: Attribute, status: Status) -> None:
    job_id = await desk.park()
    changes = [of("sides", Tag.KEYWORD, "two-sided-long-edge"), change]
    answer = await desk.ask(Operation.SET_JOB_ATTRIBUTES, number(job_id), job=changes)
    assert answer.status is status
    assert "sides" not in (await desk.ask(Operation.GET_JOB_ATTRIBUTES, number(job_id))).job


async def test_cancel_my_jobs_leaves_those_of_others(desk: Desk) -> None:
    mine, theirs = await desk.park(), await desk.park(user=BERT)
    assert (await desk.ask(Operation.CANCEL_MY_JOBS)).status is Status.SUCCESSFUL_OK
    assert (await state_of(desk, mine), await state_of(desk, theirs)) == (
        JobState.CANCELED,
        JobState.PENDING_HELD,
    )


async def test_cancel_several_is_all_or_nothing(desk: Desk) -> None:
    mine, theirs = await desk.park(), await desk.park(user=BERT)
    answer = await desk.ask(Operation.CANCEL_MY_JOBS, of("job-ids", Tag.INTEGER, mine, theirs))
    assert answer.status is Status.CLIENT_ERROR_NOT_FOUND
    assert answer.group(GroupTag.UNSUPPORTED).integers("job-ids") == (theirs,)
    assert await state_of(desk, mine) is JobState.PENDING_HELD
    assert (await desk.ask(Operation.CANCEL_MY_JOBS, of("job-ids", Tag.INTEGER, mine))).status.successful


async def test_purge_forgets_everything(desk: Desk) -> None:
    await desk.park()
    await desk.park(user=BERT)
    assert (await desk.ask(Operation.PURGE_JOBS, user=OPERATOR)).status is Status.SUCCESSFUL_OK
    assert await desk.spool.find(Query(ACTIVE | FINISHED)) == []


async def test_a_promoted_job_prints_before_the_others(desk: Desk) -> None:
    await desk.ask(Operation.PAUSE_PRINTER)
    for _ in range(3):
        await desk.ask(Operation.PRINT_JOB, document=PDF)
    await desk.ask(Operation.PROMOTE_JOB, number(3))
    await desk.ask(Operation.SCHEDULE_JOB_AFTER, number(1), of("predecessor-job-id", Tag.INTEGER, 2))
    await desk.ask(Operation.RESUME_PRINTER)
    await desk.finish(1)
    assert [job_id for job_id, _ in desk.printed.documents] == [3, 2, 1]


async def test_what_is_not_printing_cannot_be_suspended_or_resumed(desk: Desk) -> None:
    job_id = await desk.park()
    for operation in (Operation.SUSPEND_CURRENT_JOB, Operation.CANCEL_CURRENT_JOB, Operation.RESUME_JOB):
        assert (await desk.ask(operation, number(job_id))).status is Status.CLIENT_ERROR_NOT_POSSIBLE


@pytest.mark.parametrize("operation", [Operation.CANCEL_CURRENT_JOB, Operation.SUSPEND_CURRENT_JOB])
async def test_nobody_learns_whether_another_persons_job_prints(desk: Desk, operation: Operation) -> None:
    await desk.ask(Operation.PAUSE_PRINTER)
    await desk.ask(Operation.PRINT_JOB, document=b"x")
    await desk.spool.change(1, Event.STARTED, ANNA)
    for named in ((number(1),), (number(2),), ()):
        answer = await desk.ask(operation, *named, user=BERT)
        assert answer.status is Status.CLIENT_ERROR_NOT_POSSIBLE
    assert (await desk.ask(operation, number(1))).status is Status.SUCCESSFUL_OK


async def test_a_job_does_not_print_after_itself_and_keeps_its_place(desk: Desk) -> None:
    first, second = await desk.park(), await desk.park()
    answer = await desk.ask(
        Operation.SCHEDULE_JOB_AFTER, number(first), of("predecessor-job-id", Tag.INTEGER, first)
    )
    assert answer.status is Status.CLIENT_ERROR_NOT_POSSIBLE
    assert [job.id for job in await desk.spool.find(Query(ACTIVE))] == [first, second]


async def test_canceling_all_jobs_goes_on_where_one_of_them_ends_at_that_moment(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [await desk.park() for _ in range(3)]
    find = desk.spool.find

    async def find_then_end(query: Query) -> list[Job]:
        found = await find(query)
        await desk.spool.change(jobs[0], Event.ABORTED, ANNA)
        await desk.spool.forget([jobs[1]], ANNA)
        return found

    monkeypatch.setattr(desk.spool, "find", find_then_end)
    assert (await desk.ask(Operation.CANCEL_MY_JOBS)).status is Status.SUCCESSFUL_OK
    assert await state_of(desk, jobs[2]) is JobState.CANCELED


async def test_jobs_of_others_are_purged_by_an_operator_only(desk: Desk) -> None:
    job_id = await desk.park()
    assert (await desk.ask(Operation.PURGE_JOBS, user=BERT)).status is Status.CLIENT_ERROR_NOT_AUTHORIZED
    assert await state_of(desk, job_id) is JobState.PENDING_HELD
    assert (await desk.ask(Operation.PURGE_JOBS, user=OPERATOR)).status is Status.SUCCESSFUL_OK
    assert await desk.spool.get(job_id) is None


async def test_a_resubmitted_document_has_not_been_printed_yet(desk: Desk) -> None:
    await desk.ask(Operation.PRINT_JOB, document=PDF)
    await desk.finish(1)
    held = [of("job-hold-until", Tag.KEYWORD, "indefinite")]
    assert (await desk.ask(Operation.RESUBMIT_JOB, number(1), job=held)).job.integer("job-id") == 2
    (document,) = (await desk.ask(Operation.GET_DOCUMENTS, number(2), ALL)).groups_of(GroupTag.DOCUMENT)
    assert document.integer("document-state") == DocumentState.PENDING


async def test_a_job_is_not_called_by_what_is_no_name(desk: Desk) -> None:
    job_id = await desk.park("minutes")
    change = of("job-name", Tag.NO_VALUE, OutOfBand.NO_VALUE)
    answer = await desk.ask(Operation.SET_JOB_ATTRIBUTES, number(job_id), job=[change])
    assert answer.status is Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED
