"""Commands: what each does to people, queues, printers, jobs and ledger, and what it says when it cannot."""

import pytest

from server.admin import commands as c
from server.admin.desk import CommandError
from server.config import QueueSettings
from server.errors import PullprintError
from tests.server.admin.conftest import BY, Office

LASER = "ipps://laser.example/ipp/print"


async def test_the_daemon_tells_how_it_is(office: Office) -> None:
    await office.park("ada")
    status = await office.desk.carry(c.GetStatus(), BY)
    assert (status.queues, status.jobs) == (1, 1)


async def test_people_come_change_and_go(office: Office) -> None:
    added = await office.desk.carry(c.AddPerson(name="Ada", password="correct horse"), BY)
    assert (added.name, added.role, added.has_password, added.has_path) == ("ada", "user", True, False)
    await office.desk.carry(c.SetRole(name="ada", role="administrator"), BY)
    changed = await office.desk.carry(c.SetPassword(name="ada", password=None), BY)
    assert (changed.role, changed.has_password) == ("administrator", False)
    assert await office.desk.carry(c.ListPeople(), BY) == [changed]
    assert await office.desk.carry(c.RemovePerson(name="ada"), BY) == 0
    assert await office.desk.carry(c.ListPeople(), BY) == []


async def test_who_is_removed_leaves_nothing_for_who_comes_later(office: Office) -> None:
    await office.desk.carry(c.AddPerson(name="ada"), BY)
    canceled, theirs, others = [await office.park(name) for name in ("ada", "ada", "bob")]
    await office.desk.carry(c.CancelJob(job=canceled), BY)
    assert await office.desk.carry(c.RemovePerson(name="ada"), BY) == 1
    assert await office.jobs.get(theirs) is None
    assert await office.jobs.get(canceled) is None
    kinds = [each.kind for each in await office.desk.carry(c.ShowLedger(job=theirs), BY)]
    assert kinds[-2:] == ["job-completed", "job-purged"]
    assert [each.id for each in await office.desk.carry(c.ListJobs(), BY)] == [others]


async def test_a_secret_path_is_told_once_and_by_tls_only(office: Office) -> None:
    await office.desk.carry(c.AddPerson(name="ada"), BY)
    path = await office.desk.carry(c.MakePath(name="ADA"), BY)
    (uri,) = path.uris
    start, _, token = uri.rpartition("/")
    assert start == "ipps://printhost:8631/ipp/print/u"
    found = await office.people.find_by_token(token)
    assert found is not None
    assert found.name == "ada"
    assert (await office.desk.carry(c.ListPeople(), BY))[0].has_path
    assert not (await office.desk.carry(c.RevokePath(name="ada"), BY)).has_path
    assert await office.people.find_by_token(token) is None


async def test_a_secret_path_leads_to_another_queue_by_its_name(office: Office) -> None:
    await office.desk.carry(c.AddPerson(name="ada"), BY)
    await office.fleet.add_queue(QueueSettings(name="second"), BY)
    path = await office.desk.carry(c.MakePath(name="ada", queue="second"), BY)
    assert path.uris[0].endswith("/second")


async def test_a_path_to_a_queue_that_is_not_there_makes_no_token(office: Office) -> None:
    await office.desk.carry(c.AddPerson(name="ada"), BY)
    with pytest.raises(PullprintError, match="there is no queue 'none'"):
        await office.desk.carry(c.MakePath(name="ada", queue="none"), BY)
    assert not (await office.desk.carry(c.ListPeople(), BY))[0].has_path


async def test_a_profile_holds_a_new_secret_path(office: Office) -> None:
    await office.desk.carry(c.AddPerson(name="ada"), BY)
    made = await office.desk.carry(c.MakeProfile(name="ada", host="print.example"), BY)
    name, path, *title, host = made.octets.decode().split()
    assert (name, host, " ".join(title)) == ("ada", "print.example", "Print and collect")
    assert await office.people.find_by_token(path.rpartition("/")[2]) is not None


async def test_queues_come_change_and_go(office: Office) -> None:
    added = await office.desk.carry(c.AddQueue(queue=QueueSettings(name="second", info="Two")), BY)
    assert (added.name, added.kind, added.info, added.state) == ("second", "hold", "Two", "idle")
    assert added.uris == ["ipps://printhost:8631/ipp/print/second", "ipp://printhost:8631/ipp/print/second"]
    changed = await office.desk.carry(c.SetQueue(name="second", authentication="basic", default=True), BY)
    assert (changed.authentication, changed.info, changed.default) == ("basic", "Two", True)
    assert changed.uris[0] == "ipps://printhost:8631/ipp/print"
    await office.desk.carry(c.RemoveQueue(name="hold"), BY)
    assert [queue.name for queue in await office.desk.carry(c.ListQueues(), BY)] == ["second"]
    assert office.serving.refreshed == 3


async def test_the_default_cannot_be_unmade_only_moved(office: Office) -> None:
    with pytest.raises(CommandError, match="make another one it"):
        await office.desk.carry(c.SetQueue(name="hold", default=False), BY)


async def test_a_setting_that_makes_no_sense_names_the_key(office: Office) -> None:
    with pytest.raises(CommandError, match=r"^printer: a direct queue delivers to one printer"):
        await office.desk.carry(c.SetQueue(name="hold", kind="direct"), BY)


async def test_a_printer_is_asked_what_it_is(office: Office) -> None:
    added = await office.desk.carry(c.AddPrinter(uri=LASER), BY)
    assert (added.name, added.make_and_model, added.state) == ("laser-2nd-floor", "Laser 9000", "idle")
    assert (added.color, added.two_sided) == (False, True)
    assert added.info == "Laser by thewindow"
    assert await office.desk.carry(c.ListPrinters(), BY) == [added]
    await office.desk.carry(c.RemovePrinter(name="laser-2nd-floor"), BY)
    assert await office.desk.carry(c.ListPrinters(), BY) == []


async def test_a_printer_that_does_not_answer_is_not_added_unless_wanted(office: Office) -> None:
    uri = "ipp://off.example/ipp/print"
    with pytest.raises(PullprintError, match="does not answer"):
        await office.desk.carry(c.AddPrinter(uri=uri), BY)
    added = await office.desk.carry(c.AddPrinter(uri=uri, probe=False), BY)
    assert added.name == "off-example"


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("socket://10.0.0.7", "printer-10-0-0-7"),
        ("file:/var/spool/Out", "out"),
        ("socket://[fe80::1]:9100", "fe80-1"),
        ("socket://u", "printer-u"),
    ],
)
async def test_a_printer_that_cannot_be_asked_is_called_by_its_address(
    office: Office, uri: str, name: str
) -> None:
    assert (await office.desk.carry(c.AddPrinter(uri=uri), BY)).name == name


@pytest.mark.parametrize("uri", ["ipp://[::1/", "http://laser.example/", "ipp://me:sesame@laser.example/"])
async def test_what_is_no_printers_uri_is_not_asked(office: Office, uri: str) -> None:
    for command in (c.AddPrinter(uri=uri), c.ProbePrinter(printer=uri)):
        with pytest.raises(CommandError, match=r"^uri: ") as caught:
            await office.desk.carry(command, BY)
        assert "sesame" not in str(caught.value)


async def test_a_second_printer_of_the_same_name_gets_another(office: Office) -> None:
    await office.desk.carry(c.AddPrinter(uri=LASER), BY)
    assert (await office.desk.carry(c.AddPrinter(uri=LASER), BY)).name == "laser-2nd-floor-2"


async def test_a_printer_is_probed_by_name_or_uri(office: Office) -> None:
    found = await office.desk.carry(c.ProbePrinter(printer=LASER), BY)
    assert found.make_and_model == "Laser 9000"
    assert await office.desk.carry(c.ListPrinters(), BY) == []
    await office.desk.carry(c.AddPrinter(uri=LASER, name="l", probe=False), BY)
    assert (await office.desk.carry(c.ProbePrinter(printer="l"), BY)).make_and_model == "Laser 9000"
    assert (await office.desk.carry(c.ListPrinters(), BY))[0].make_and_model == "Laser 9000"


async def test_a_printer_s_new_certificate_is_taken_on_command(office: Office) -> None:
    await office.desk.carry(c.AddPrinter(uri=LASER, name="laser"), BY)
    await office.index.write(lambda t: t.printers.pin("laser", "ab" * 32))
    (listed,) = await office.desk.carry(c.ListPrinters(), BY)
    assert listed.certificate == "ab" * 32
    colons = ":".join(["CD"] * 32)
    held = await office.desk.carry(c.TrustPrinter(name="laser", certificate=colons), BY)
    assert held.certificate == "cd" * 32
    assert (await office.desk.carry(c.TrustPrinter(name="laser"), BY)).certificate == ""
    told = await office.ledger.events(kinds=["printer-certificate-changed"])
    assert [each.event.payload["certificate"] for each in told] == ["cd" * 32, ""]
    assert {each.event.actor for each in told} == {BY}


async def test_what_is_no_fingerprint_is_not_trusted_nor_is_who_is_not_there(office: Office) -> None:
    await office.desk.carry(c.AddPrinter(uri=LASER, name="laser"), BY)
    with pytest.raises(PullprintError, match="64 hexadecimal digits"):
        await office.desk.carry(c.TrustPrinter(name="laser", certificate="abcd"), BY)
    with pytest.raises(PullprintError, match="there is no printer 'none'"):
        await office.desk.carry(c.TrustPrinter(name="none"), BY)
    assert await office.ledger.events(kinds=["printer-certificate-changed"]) == []


async def test_jobs_are_listed_and_shown(office: Office) -> None:
    job_id = await office.park("ada", "Übersicht")
    await office.park("bob")
    (listed,) = await office.desk.carry(c.ListJobs(owner="ada"), BY)
    assert (listed.id, listed.title, listed.state) == (job_id, "Übersicht", "pending-held")
    shown = await office.desk.carry(c.ShowJob(job=job_id), BY)
    assert shown.asked == {"copies": "2"}
    assert [(each.format, each.octets) for each in shown.documents] == [("application/pdf", 8)]
    assert "job-release-wait" in shown.reasons
    assert await office.desk.carry(c.ListJobs(which="finished"), BY) == []
    assert len(await office.desk.carry(c.ListJobs(limit=1), BY)) == 1
    with pytest.raises(PullprintError, match="no queue 'none'"):
        await office.desk.carry(c.ListJobs(queue="none"), BY)
    with pytest.raises(CommandError, match="1 to 10000"):
        await office.desk.carry(c.ListJobs(limit=0), BY)


async def test_a_parked_job_is_released_to_a_printer(office: Office) -> None:
    job_id = await office.park("ada")
    await office.desk.carry(c.AddPrinter(uri=LASER, name="laser"), BY)
    released = await office.desk.carry(c.ReleaseJob(job=job_id, printer="laser"), BY)
    assert (released.state, released.printer) == ("pending", "laser")


async def test_a_job_is_released_only_to_a_printer_that_is_there(office: Office) -> None:
    job_id = await office.park("ada")
    with pytest.raises(PullprintError, match="there is no printer 'none'"):
        await office.desk.carry(c.ReleaseJob(job=job_id, printer="none"), BY)


async def test_a_canceled_job_cannot_be_canceled_or_released_again(office: Office) -> None:
    job_id = await office.park("ada")
    await office.desk.carry(c.AddPrinter(uri=LASER, name="laser"), BY)
    canceled = await office.desk.carry(c.CancelJob(job=job_id), BY)
    assert canceled.state == "canceled"
    assert "job-canceled-by-operator" in canceled.reasons
    with pytest.raises(CommandError, match=f"job {job_id} cannot be canceled: it is canceled"):
        await office.desk.carry(c.CancelJob(job=job_id), BY)
    with pytest.raises(CommandError, match="cannot be released"):
        await office.desk.carry(c.ReleaseJob(job=job_id, printer="laser"), BY)


@pytest.mark.parametrize(
    "command", [c.ShowJob(job=99), c.CancelJob(job=99), c.ShowJob(job=-(2**99)), c.CancelJob(job=2**99)]
)
async def test_a_job_that_is_not_there_is_said_to_be_missing(office: Office, command: c.Command) -> None:
    with pytest.raises(CommandError, match="there is no job"):
        await office.desk.carry(command, BY)


async def test_the_ledger_is_shown_and_verified(office: Office) -> None:
    job_id = await office.park("ada", "Secret title")
    events = await office.desk.carry(c.ShowLedger(job=job_id), BY)
    assert events[0].kind == "job-created"
    assert "Secret title" not in repr(events)
    (newest,) = await office.desk.carry(c.ShowLedger(limit=1), BY)
    assert newest.seq == office.ledger.head
    first, second = await office.desk.carry(c.ShowLedger(after=0, limit=2), BY)
    assert (first.seq, second.seq) == (1, 2)
    verdict = await office.desk.carry(c.VerifyLedger(), BY)
    assert verdict.sound
    assert not verdict.faults
    again = await office.desk.carry(c.VerifyLedger(head=verdict.head), BY)
    assert again == verdict


async def test_a_number_that_no_event_has_finds_none(office: Office) -> None:
    for command in (c.ShowLedger(after=2**99), c.ShowLedger(job=2**99), c.ShowLedger(job=-(2**99))):
        assert await office.desk.carry(command, BY) == []


@pytest.mark.parametrize("head", ["x", "1:2", "1:" + "g" * 64])
async def test_a_head_that_nobody_noted_is_refused(office: Office, head: str) -> None:
    with pytest.raises(CommandError, match="64 hexadecimal digits"):
        await office.desk.carry(c.VerifyLedger(head=head), BY)


async def test_a_head_of_another_ledger_is_a_fault(office: Office) -> None:
    verdict = await office.desk.carry(c.VerifyLedger(head="1:" + "0" * 64), BY)
    assert not verdict.sound
    assert verdict.faults[0].seq == 1


async def test_commands_are_on_record_with_who_gave_them(office: Office) -> None:
    await office.desk.carry(c.AddPerson(name="ada"), "uid:54321")
    events = await office.desk.carry(c.ShowLedger(), BY)
    assert ("person-added", "uid:54321") in [(event.kind, event.actor) for event in events]
