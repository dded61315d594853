"""Operations on jobs that exist (RFC 8011 4.3, RFC 3380, RFC 3998, PWG 5100.7)."""

from __future__ import annotations

import asyncio
from typing import Final

from ..enums import Status, Tag
from ..errors import RemoteProtocolError
from ..exchange import Response
from ..job import ACTIVE, FINISHED, Event, Job
from ..message import Attribute, Attributes
from ..printer import Call, Handler
from ..registry import attribute
from ..spool import Query
from ..ticket import check_count, check_value, is_allowed_out_of_band, is_supported, supports
from ..values import OutOfBand
from ..vocabulary.enums import JobState, Operation
from .describe import GET_JOBS_DEFAULT, describe_job, job_id_of, requested_attributes

# which-jobs keyword -> job states (RFC 8011 4.2.6.1, PWG 5100.7, 5100.11).
WHICH_JOBS: Final[dict[str, frozenset[JobState]]] = {
    "completed": FINISHED,
    "not-completed": ACTIVE,
    "all": ACTIVE | FINISHED,
    "aborted": frozenset({JobState.ABORTED}),
    "canceled": frozenset({JobState.CANCELED}),
    "pending": frozenset({JobState.PENDING}),
    "pending-held": frozenset({JobState.PENDING_HELD}),
    "processing": frozenset({JobState.PROCESSING}),
    "processing-stopped": frozenset({JobState.PROCESSING_STOPPED}),
    "proof-print": frozenset(),
}
# No answer tells of more jobs; a client goes on with first-index.
JOBS_TOLD_MAX: Final = 5000
# More jobs than this are told in a thread.
_TOLD_AT_ONCE: Final = 100
# What Set-Job-Attributes may change, besides the Job Template attributes the printer supports.
SETTABLE: Final = frozenset({"job-name", "job-priority", "job-hold-until"})


async def own_job(call: Call, job_id: int | None = None) -> Job:
    """The job a request is about, if the user may do this to it.

    Raises `RemoteProtocolError`: client-error-not-found also for a job that is somebody else's, so that
    nobody learns which there are.
    """
    job = await call.spool.get(job_id_of(call) if job_id is None else job_id)
    if job is None or not call.may(job):
        raise RemoteProtocolError("no such job", status=Status.CLIENT_ERROR_NOT_FOUND)
    return job


async def get_job_attributes(call: Call) -> Response:
    """RFC 8011 4.3.4."""
    job = await own_job(call)
    requested = requested_attributes(call.asked, frozenset({"all"}))
    return call.reply(groups=[describe_job(call, job, requested)])


async def get_jobs(call: Call) -> Response:
    """RFC 8011 4.2.6 with job-ids and first-index of PWG 5100.7; a user sees their own, an operator all."""
    asked = call.asked
    which = asked.string("which-jobs")
    ids = asked.integers("job-ids")
    limit, first_index = asked.integer("limit"), asked.integer("first-index", 1)
    if which is not None and which not in WHICH_JOBS:
        call.unsupported.append(asked["which-jobs"])
        raise RemoteProtocolError(which, status=Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED)
    if ids and which is not None:
        raise RemoteProtocolError("job-ids, which-jobs", status=Status.CLIENT_ERROR_CONFLICTING_ATTRIBUTES)
    if limit is not None and limit < 1:
        raise RemoteProtocolError("a limit below 1")
    mine = asked.boolean("my-jobs", default=False) or not call.user.operator
    which = which or ("all" if ids else "not-completed")
    jobs = await call.spool.find(
        Query(
            states=WHICH_JOBS[which],
            owner=call.user.name if mine else None,
            ids=frozenset(ids) if ids else None,
            first_index=first_index,
            limit=min(limit or JOBS_TOLD_MAX, JOBS_TOLD_MAX),
            newest_first=which in ("completed", "aborted", "canceled"),
        )
    )
    requested = requested_attributes(asked, GET_JOBS_DEFAULT)

    def tell() -> Response:
        return call.reply(groups=[describe_job(call, job, requested) for job in jobs])

    # Ten thousand jobs take a second: nobody else is to wait for it.
    return await asyncio.to_thread(tell) if len(jobs) > _TOLD_AT_ONCE else tell()


async def _happen(call: Call, event: Event) -> Response:
    job = await own_job(call)
    message = call.asked.string("message", "")
    await call.spool.change(job.id, event, call.user, message=str(message))
    return call.reply()


async def cancel_job(call: Call) -> Response:
    """RFC 8011 4.3.3."""
    return await _happen(call, Event.CANCELED)


async def hold_job(call: Call) -> Response:
    """RFC 8011 4.3.5. Where job-hold-until is no-hold, the same as Release-Job."""
    until = call.asked.get("job-hold-until")
    if until is not None and not supports("job-hold-until", until.value, call.printer.attributes):
        call.unsupported.append(until)
        until = None
    job = await own_job(call)
    if job.state not in (JobState.PENDING, JobState.PENDING_HELD):
        raise RemoteProtocolError("it does not wait", status=Status.CLIENT_ERROR_NOT_POSSIBLE)
    await call.spool.amend(job.id, [until or attribute("job-hold-until", "indefinite")], call.user)
    return call.reply()


def is_kept_secret(call: Call, password: bytes) -> bool:
    """Whether a job-password came so that it can be kept secret, and is one that this printer takes."""
    printer = call.printer.attributes
    return (
        call.request.secure
        and call.asked.string("job-password-encryption", "none")
        in printer.strings("job-password-encryption-supported")
        and 0 < len(password) <= printer.integer("job-password-supported", 0)
    )


async def release_job(call: Call) -> Response:
    """RFC 8011 4.3.6. A job that waits for its job-password (PWG 5100.11) is given it here, over TLS, by the
    operation attributes with which it was made: the standards have no other operation for it."""
    job = await own_job(call)
    given = call.asked.get("job-password")
    password = given.value if given is not None and isinstance(given.value, bytes) else None
    if password is not None and not is_kept_secret(call, password):
        raise RemoteProtocolError(
            "a job-password is given over TLS, in one of job-password-encryption-supported",
            status=Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED,
        )
    message = str(call.asked.string("message", ""))
    peer = call.request.peer
    await call.spool.release(job.id, call.user, password=password, peer=peer, message=message)
    return call.reply()


async def restart_job(call: Call) -> Response:
    """RFC 8011 4.3.7: print a finished job again, if its documents are still there; held where asked."""
    response = await _happen(call, Event.RESTARTED)
    if call.asked.string("job-hold-until", "no-hold") != "no-hold":
        return await hold_job(call)
    return response


async def set_job_attributes(call: Call) -> Response:
    """RFC 3380 4.2: all of the changes, or none."""
    job = await own_job(call)
    changes = list(call.message.job)
    if not changes:
        raise RemoteProtocolError("no job attributes to set")
    if job.state not in (JobState.PENDING, JobState.PENDING_HELD):
        raise RemoteProtocolError("it does not wait", status=Status.CLIENT_ERROR_NOT_POSSIBLE)
    printer = call.printer.attributes
    for each in changes:
        check_value(each)
        check_count(each)
        if each.name not in SETTABLE and not is_supported(each.name, printer):
            call.unsupported.append(Attribute.of(each.name, Tag.NOT_SETTABLE, OutOfBand.NOT_SETTABLE))
    if call.unsupported:
        raise RemoteProtocolError("not settable", status=Status.CLIENT_ERROR_ATTRIBUTES_NOT_SETTABLE)
    for each in changes:
        if each.value is OutOfBand.DELETE_ATTRIBUTE:
            continue
        if each.name == "job-name" and is_allowed_out_of_band(each):
            continue
        if not all(supports(each.name, value, printer) for value in each.values):
            call.unsupported.append(each)
    if call.unsupported:
        raise RemoteProtocolError(
            "values not supported", status=Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED
        )
    await call.spool.amend(job.id, changes, call.user)
    return call.reply()


async def cancel_jobs(call: Call) -> Response:
    """PWG 5100.7 4.2: several jobs, or all that are not finished."""
    call.demand()
    return await _cancel_several(call, owner=None)


async def cancel_my_jobs(call: Call) -> Response:
    """PWG 5100.7 4.3: several of one's own jobs, or all of them."""
    return await _cancel_several(call, owner=call.user.name)


async def _cancel_several(call: Call, owner: str | None) -> Response:
    """All of the named jobs or none; those that cannot be canceled are named."""
    asked = call.asked.integers("job-ids")
    if asked:
        jobs = await call.spool.find(Query(ACTIVE | FINISHED, owner=owner, ids=frozenset(asked)))
        by_id = {job.id: job for job in jobs if call.may(job)}
        lost = [job_id for job_id in asked if job_id not in by_id]
        done = [job_id for job_id, job in by_id.items() if job.finished]
        if lost or done:
            call.unsupported.append(attribute("job-ids", *(lost or done)))
            status = Status.CLIENT_ERROR_NOT_FOUND if lost else Status.CLIENT_ERROR_NOT_POSSIBLE
            raise RemoteProtocolError("jobs that cannot be canceled", status=status)
        chosen = list(by_id.values())
    else:
        chosen = [job for job in await call.spool.find(Query(ACTIVE, owner=owner)) if call.may(job)]
    message = str(call.asked.string("message", ""))
    # At once, so that a spool that commits can commit them together.
    outcomes = await asyncio.gather(
        *(call.spool.change(job.id, Event.CANCELED, call.user, message=message) for job in chosen),
        return_exceptions=True,
    )
    for job, outcome in zip(chosen, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            # One that ended since it was looked up needs no canceling any more.
            now = await call.spool.get(job.id)
            if not isinstance(outcome, RemoteProtocolError) or (now is not None and not now.finished):
                raise outcome
    if call.asked.boolean("purge-jobs", default=False):
        await call.spool.forget([job.id for job in chosen], call.user)
    return call.reply()


async def purge_jobs(call: Call) -> Response:
    """RFC 8011 4.2.9: cancel what is not finished and forget everything; only who may do so to every job."""
    call.demand()
    jobs = await call.spool.find(Query(ACTIVE | FINISHED))
    for job in jobs:
        call.demand(job)
    await call.spool.forget([job.id for job in jobs], call.user)
    return call.reply()


async def _current(call: Call) -> Job:
    """The job that is printing; where job-id is given, it has to be that one (RFC 3998 4.2).

    Somebody else's is as if it were not printing: nobody learns whether it does.
    """
    jobs = await call.spool.find(Query(frozenset({JobState.PROCESSING, JobState.PROCESSING_STOPPED})))
    named = call.asked.integer("job-id")
    for job in jobs:
        if named in (None, job.id) and call.may(job):
            return job
    raise RemoteProtocolError("it is not printing", status=Status.CLIENT_ERROR_NOT_POSSIBLE)


async def cancel_current_job(call: Call) -> Response:
    """RFC 3998 4.2."""
    await call.spool.change((await _current(call)).id, Event.CANCELED, call.user)
    return call.reply()


async def suspend_current_job(call: Call) -> Response:
    """RFC 3998 4.3.1: it stops, and the next one prints."""
    await call.spool.change((await _current(call)).id, Event.STOPPED, call.user)
    return call.reply()


async def resume_job(call: Call) -> Response:
    """RFC 3998 4.3.2."""
    job = await own_job(call)
    if job.state is not JobState.PROCESSING_STOPPED:
        raise RemoteProtocolError("it is not suspended", status=Status.CLIENT_ERROR_NOT_POSSIBLE)
    await call.spool.change(job.id, Event.RELEASED, call.user)
    return call.reply()


async def promote_job(call: Call) -> Response:
    """RFC 3998 4.4.1: print it before all others."""
    job = await own_job(call)
    await call.spool.schedule(job.id, None, call.user)
    return call.reply()


async def schedule_job_after(call: Call) -> Response:
    """RFC 3998 4.4.2: print it next after another one; without predecessor-job-id, first."""
    job = await own_job(call)
    predecessor = call.asked.integer("predecessor-job-id")
    if predecessor == job.id:
        raise RemoteProtocolError("after itself", status=Status.CLIENT_ERROR_NOT_POSSIBLE)
    await call.spool.schedule(job.id, predecessor, call.user)
    return call.reply()


def own_attributes() -> Attributes:
    """What these operations add to the printer's attributes."""
    return Attributes(
        [
            attribute("which-jobs-supported", *WHICH_JOBS),
            attribute("job-ids-supported", True),
        ]
    )


HANDLERS: Final[dict[Operation, Handler]] = {
    Operation.CANCEL_JOB: cancel_job,
    Operation.GET_JOB_ATTRIBUTES: get_job_attributes,
    Operation.GET_JOBS: get_jobs,
    Operation.HOLD_JOB: hold_job,
    Operation.RELEASE_JOB: release_job,
    Operation.RESTART_JOB: restart_job,
    Operation.SET_JOB_ATTRIBUTES: set_job_attributes,
    Operation.CANCEL_JOBS: cancel_jobs,
    Operation.CANCEL_MY_JOBS: cancel_my_jobs,
    Operation.PURGE_JOBS: purge_jobs,
    Operation.CANCEL_CURRENT_JOB: cancel_current_job,
    Operation.SUSPEND_CURRENT_JOB: suspend_current_job,
    Operation.RESUME_JOB: resume_job,
    Operation.PROMOTE_JOB: promote_job,
    Operation.SCHEDULE_JOB_AFTER: schedule_job_after,
}
