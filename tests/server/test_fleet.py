"""Queues and printers: the file's, those of commands, and how they get along."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ipp import Attributes
from ipp.registry import attribute
from server.config import Config, ConfigError, PrinterSettings, QueueSettings, parse
from server.fleet import Fleet, FleetError
from server.storage.database import Database
from server.storage.index import Index
from server.storage.keys import LocalKeyFile
from server.storage.ledger import Ledger

BY = "uid:0"
LASER = PrinterSettings(name="laser", uri="ipps://laser.example/ipp/print")
DESK = QueueSettings(name="desk", kind="direct", printer="laser")
FILE = """
[[printers]]
name = "laser"
uri = "ipps://laser.example/ipp/print"
[[queues]]
name = "desk"
kind = "direct"
printer = "laser"
default = true
"""


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with await Database.open(tmp_path / "pullprint.db") as opened:
        yield opened


@pytest.fixture
async def index(database: Database, tmp_path: Path) -> Index:
    return await Index.open(database, LocalKeyFile.load_or_create(tmp_path / "keys.toml"))


@pytest.fixture
async def fleet(index: Index) -> Fleet:
    return await Fleet.open(index, Config())


async def test_somebody_can_print_with_no_set_up(fleet: Fleet) -> None:
    assert list(fleet.queues) == ["hold"]
    assert fleet.default is not None
    assert fleet.default.name == "hold"
    assert fleet.default.kind == "hold"
    assert not fleet.printers


async def test_a_second_start_changes_nothing(fleet: Fleet, index: Index, database: Database) -> None:
    ledger = await Ledger.open(database)
    before = ledger.head
    again = await Fleet.open(index, Config())
    assert again.queues == fleet.queues
    assert ledger.head == before


async def test_what_a_command_made_is_there_after_a_restart(fleet: Fleet, index: Index) -> None:
    await fleet.add_printer(LASER, BY)
    await fleet.add_queue(DESK, BY)
    again = await Fleet.open(index, Config())
    assert again.queues["desk"] == DESK
    assert again.printers["laser"] == LASER


async def test_every_setting_of_a_queue_is_kept(fleet: Fleet, index: Index) -> None:
    queue = QueueSettings(
        name="all",
        kind="hold",
        authentication="basic",
        release="job-password",
        info="Überall",
        location="Hall",
        default=True,
    )
    await fleet.add_queue(queue, BY)
    assert (await Fleet.open(index, Config())).queues["all"] == queue


async def test_only_one_queue_is_the_default(fleet: Fleet) -> None:
    await fleet.add_queue(QueueSettings(name="second", default=True), BY)
    assert fleet.default is not None
    assert fleet.default.name == "second"
    assert [queue.name for queue in fleet.queues.values() if queue.default] == ["second"]


async def test_the_default_stays_one_when_it_is_changed(fleet: Fleet) -> None:
    await fleet.change_queue(QueueSettings(name="hold", authentication="basic"), BY)
    assert fleet.default == QueueSettings(name="hold", authentication="basic", default=True)


async def test_the_default_is_not_removed(fleet: Fleet) -> None:
    with pytest.raises(FleetError, match="make another one the default"):
        await fleet.remove_queue("hold", BY)


async def test_a_queue_is_removed(fleet: Fleet, index: Index) -> None:
    await fleet.add_queue(QueueSettings(name="second"), BY)
    await fleet.remove_queue("second", BY)
    assert "second" not in (await Fleet.open(index, Config())).queues


async def test_what_operators_set_on_a_queue_outlives_its_settings(fleet: Fleet, index: Index) -> None:
    from dataclasses import replace

    told = Attributes([attribute("printer-message-from-operator", "Paper comes at ten")])
    await index.write(lambda t: t.queues.put(replace(t.queues.get("hold"), paused=True, attributes=told)))
    await fleet.change_queue(QueueSettings(name="hold", info="Hall"), BY)
    row = await index.read(lambda t: t.queues.get("hold"))
    assert row.paused
    assert row.attributes == told


async def test_a_queue_delivers_to_a_printer_that_is_there(fleet: Fleet) -> None:
    with pytest.raises(FleetError, match="there is no printer 'laser'"):
        await fleet.add_queue(DESK, BY)


async def test_a_printer_that_a_queue_delivers_to_is_not_removed(fleet: Fleet) -> None:
    await fleet.add_printer(LASER, BY)
    await fleet.add_queue(DESK, BY)
    with pytest.raises(FleetError, match="queue 'desk' delivers to printer 'laser'"):
        await fleet.remove_printer("laser", BY)
    await fleet.remove_queue("desk", BY)
    await fleet.remove_printer("laser", BY)
    assert not fleet.printers


@pytest.mark.parametrize("queue", [QueueSettings(name="U"), QueueSettings(name="a", kind="direct")])
async def test_settings_that_make_no_sense_are_refused(fleet: Fleet, queue: QueueSettings) -> None:
    with pytest.raises(ConfigError):
        await fleet.add_queue(queue, BY)


async def test_a_name_is_used_once(fleet: Fleet) -> None:
    await fleet.add_printer(LASER, BY)
    with pytest.raises(FleetError, match="already"):
        await fleet.add_printer(LASER, BY)
    with pytest.raises(FleetError, match="already"):
        await fleet.add_queue(QueueSettings(name="hold"), BY)


async def test_what_is_not_there_is_said_to_be_missing(fleet: Fleet) -> None:
    for change in (
        fleet.change_queue(QueueSettings(name="none"), BY),
        fleet.remove_queue("none", BY),
        fleet.remove_printer("none", BY),
        fleet.learn("none", Attributes(), BY),
        fleet.told("none"),
    ):
        with pytest.raises(FleetError, match="there is no"):
            await change


async def test_what_a_printer_told_is_kept(fleet: Fleet, index: Index) -> None:
    told = Attributes([attribute("printer-make-and-model", "Laser 9000")])
    await fleet.add_printer(LASER, BY, told)
    assert await fleet.told("laser") == told
    await fleet.learn("laser", Attributes(), BY)
    assert not len(await (await Fleet.open(index, Config())).told("laser"))


async def test_the_file_comes_first_and_commands_leave_it_alone(fleet: Fleet, index: Index) -> None:
    with_file = await Fleet.open(index, parse(FILE))
    assert with_file.default is not None
    assert with_file.default.name == "desk"
    assert with_file.is_from_file(with_file.queues["desk"])
    assert not with_file.is_from_file(with_file.queues["hold"])
    for change in (
        with_file.change_queue(QueueSettings(name="desk"), BY),
        with_file.remove_queue("desk", BY),
        with_file.remove_printer("laser", BY),
        with_file.add_queue(QueueSettings(name="other", default=True), BY),
    ):
        with pytest.raises(FleetError, match="configuration file"):
            await change


async def test_what_is_taken_out_of_the_file_is_gone_and_what_commands_made_stays(
    fleet: Fleet, index: Index
) -> None:
    with_file = await Fleet.open(index, parse(FILE))
    await with_file.add_printer(PrinterSettings(name="tray", uri="file:/tmp/tray"), BY)
    await with_file.learn("laser", Attributes(), BY)
    without = await Fleet.open(index, Config())
    assert list(without.queues) == ["hold"]
    assert list(without.printers) == ["tray"]


async def test_a_printer_that_a_queue_delivers_to_is_missed_when_the_file_drops_it(
    fleet: Fleet, index: Index
) -> None:
    with_file = await Fleet.open(index, parse(FILE))
    await with_file.add_queue(QueueSettings(name="mine", kind="direct", printer="laser"), BY)
    await index.write(lambda t: t.printers.pin("laser", "ab" * 32))
    with pytest.raises(FleetError, match="'mine' delivers to printer 'laser', which is not there"):
        await Fleet.open(index, Config())
    # A start that fails changes nothing: with the file put right, all is as it was.
    assert (await (await Fleet.open(index, parse(FILE))).row("laser")).certificate == "ab" * 32


async def test_a_file_that_is_the_only_source_makes_no_queue_of_its_own(index: Index) -> None:
    assert list((await Fleet.open(index, parse(FILE))).queues) == ["desk"]


async def test_a_queue_of_the_file_without_its_printer_stops_the_start(index: Index) -> None:
    with pytest.raises(FleetError, match="'desk' delivers to printer 'laser', which is not there"):
        await Fleet.open(index, parse('[[queues]]\nname = "desk"\nkind = "direct"\nprinter = "laser"'))


async def test_a_printer_that_moved_is_asked_anew(index: Index) -> None:
    fleet = await Fleet.open(index, parse(FILE))
    await fleet.learn("laser", Attributes([attribute("printer-info", "x")]), BY)
    moved = await Fleet.open(index, parse(FILE.replace("laser.example", "other.example")))
    assert not len(await moved.told("laser"))


async def test_changes_are_on_record(fleet: Fleet, database: Database) -> None:
    ledger = await Ledger.open(database)
    await fleet.add_printer(LASER, BY)
    await fleet.add_queue(DESK, BY)
    await fleet.remove_queue("desk", BY)
    told = [(each.event.kind, each.event.subject, each.event.actor) for each in await ledger.events()]
    assert told == [
        ("configuration-read", "", "configuration"),
        ("printer-added", "laser", BY),
        ("queue-added", "desk", BY),
        ("queue-removed", "desk", BY),
    ]
