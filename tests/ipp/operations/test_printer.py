"""Operations on the printer itself."""

import pytest

from ipp import GroupTag, Operation, OutOfBand, PrinterState, Status, Tag
from ipp.everywhere import missing
from tests.ipp.asking import Desk, make_desk, of

GET = Operation.GET_PRINTER_ATTRIBUTES


async def test_the_answer_is_that_of_an_ipp_everywhere_printer() -> None:
    desk = make_desk(icons=("/icon.png",))
    everything = await desk.ask(GET, of("requested-attributes", Tag.KEYWORD, "all", "media-col-database"))
    assert missing(everything.printer) == []


async def test_a_paused_printer_keeps_jobs_until_it_is_resumed(desk: Desk) -> None:
    await desk.ask(Operation.PAUSE_PRINTER)
    await desk.ask(Operation.PRINT_JOB, document=b"x")
    told = (await desk.ask(GET)).printer
    assert told.integer("printer-state") == PrinterState.STOPPED
    assert told.strings("printer-state-reasons") == ("paused",)
    assert told.integer("queued-job-count") == 1
    assert desk.printed.documents == []
    await desk.ask(Operation.RESUME_PRINTER)
    await desk.finish(1)
    assert (await desk.ask(GET)).printer.strings("printer-state-reasons") == ("none",)


async def test_new_jobs_are_held_until_they_are_let_go(desk: Desk) -> None:
    await desk.ask(Operation.HOLD_NEW_JOBS)
    await desk.ask(Operation.PRINT_JOB, document=b"x")
    job = await desk.spool.get(1)
    assert job is not None
    assert "job-held-for-release" in job.reasons
    await desk.ask(Operation.RELEASE_HELD_NEW_JOBS)
    await desk.finish(1)


@pytest.mark.parametrize(
    ("operation", "accepting"),
    [
        (Operation.DISABLE_PRINTER, False),
        (Operation.ENABLE_PRINTER, True),
        (Operation.SHUTDOWN_PRINTER, False),
        (Operation.STARTUP_PRINTER, True),
        (Operation.RESTART_PRINTER, True),
    ],
)
async def test_whether_it_accepts_jobs(desk: Desk, operation: Operation, accepting: bool) -> None:
    assert (await desk.ask(operation)).status is Status.SUCCESSFUL_OK
    assert (await desk.ask(GET)).printer.boolean("printer-is-accepting-jobs") is accepting


async def test_what_an_operator_sets_is_shown(desk: Desk) -> None:
    changes = [of("printer-info", Tag.TEXT, "by the lift"), of("printer-geo-location", Tag.URI, "geo:47,8")]
    answer = await desk.ask(Operation.SET_PRINTER_ATTRIBUTES, groups=[_printer(*changes)])
    assert answer.status is Status.SUCCESSFUL_OK
    assert (await desk.ask(GET)).printer.string("printer-info") == "by the lift"


async def test_all_is_set_or_nothing(desk: Desk) -> None:
    changes = [of("printer-info", Tag.TEXT, "new"), of("printer-name", Tag.NAME, "not this")]
    answer = await desk.ask(Operation.SET_PRINTER_ATTRIBUTES, groups=[_printer(*changes)])
    assert answer.status is Status.CLIENT_ERROR_ATTRIBUTES_NOT_SETTABLE
    assert answer.group(GroupTag.UNSUPPORTED)["printer-name"].value is OutOfBand.NOT_SETTABLE
    assert (await desk.ask(GET)).printer.string("printer-info") != "new"


async def test_settable_attributes_are_told(desk: Desk) -> None:
    answer = await desk.ask(Operation.GET_PRINTER_SUPPORTED_VALUES)
    settable = (await desk.ask(GET)).printer.strings("printer-settable-attributes-supported")
    assert sorted(answer.printer.names()) == sorted(settable)
    assert all(each.value is OutOfBand.ADMIN_DEFINE for each in answer.printer)


async def test_identify_names_the_actions_it_has_not(desk: Desk) -> None:
    answer = await desk.ask(
        Operation.IDENTIFY_PRINTER, of("identify-actions", Tag.KEYWORD, "display", "flash")
    )
    assert answer.status is Status.SUCCESSFUL_OK_IGNORED_OR_SUBSTITUTED_ATTRIBUTES
    assert answer.group(GroupTag.UNSUPPORTED).strings("identify-actions") == ("flash",)


def _printer(*changes: object):  # type: ignore[no-untyped-def]
    from ipp import Group

    return Group(GroupTag.PRINTER, changes)  # type: ignore[arg-type]
