"""The gate: which path leads to which queue, for whom, and what a refresh keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from ipp import Attributes, JobState, Status, decode
from ipp.errors import AuthenticationRequired
from ipp.exchange import Route, User
from ipp.memory import MemorySpool
from ipp.registry import attribute
from ipp.spool import Query
from ipp.vocabulary.enums import Operation
from server.config import Config, Jobs, PrinterSettings, QueueSettings
from server.describe import Describer
from server.errors import StorageFullError
from server.fleet import Fleet
from server.gate import Gate
from server.identity.people import Hasher, People
from server.storage.database import Database
from server.storage.index import Index
from server.storage.keys import LocalKeyFile
from server.storage.people import Role
from tests.ipp.asking import request, stream

BY = "uid:0"
NEAR = {"192.0.2.7"}


@dataclass
class Yard:
    """A gate and what is behind it."""

    gate: Gate
    fleet: Fleet
    people: People
    index: Index


async def print_nothing(*_: object) -> None:
    """Spools are not entered here: nothing is delivered."""


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    async with await Database.open(tmp_path / "pullprint.db") as database:
        index = await Index.open(database, LocalKeyFile.load_or_create(tmp_path / "keys.toml"))
        people = People(index, Hasher())
        fleet = await Fleet.open(index, Config())
        gate = Gate(
            fleet,
            people,
            index,
            make_spool=lambda queue: MemorySpool(print_nothing),
            describe=Describer(UUID(int=7), "lab7", Jobs()),
            trusted=NEAR,
        )
        await gate.refresh()
        yield Yard(gate, fleet, people, index)


async def print_to(route: Route, path: str, *, secure: bool = True, name: str = "bob") -> Status:
    """What a client is told that prints by a route."""
    scheme = "ipps" if secure else "ipp"
    uri = f"{scheme}://lab7.local:8631{path}"
    asked = request(
        Operation.PRINT_JOB,
        attribute("requesting-user-name", name),
        document=stream(b"%PDF-1.7"),
        user=route.user,
        uri=uri,
        target=uri,
        secure=secure,
    )
    return decode((await route.handler.handle(asked)).octets).status


async def told_uris(route: Route, path: str) -> tuple[str, ...]:
    """printer-uri-supported as a client by a route sees it."""
    uri = f"ipps://lab7.local:8631{path}"
    asked = request(Operation.GET_PRINTER_ATTRIBUTES, user=route.user, uri=uri, target=uri, secure=True)
    return decode((await route.handler.handle(asked)).octets).printer.strings("printer-uri-supported")


@pytest.mark.parametrize(
    "path", ["/", "/ipp/print", "/ipp/print/", "/ipp/print/hold", "/ipp/print/17", "/ipp/print/hold/17"]
)
async def test_the_default_queue_is_reached_by_all_its_paths(yard: Yard, path: str) -> None:
    route = await yard.gate.route(path)
    assert route is not None
    assert route.name == "hold"
    assert route.user is None


@pytest.mark.parametrize(
    "path",
    [
        *("", "/ipp", "/ipp/printer", "/ipp/print/none", "/ipp/print/hold/x", "/ipp/print/hold/1/2"),
        *("/ipp/print/u", "/ipp/print/u/", "/ipp/print/u/0123456789abcdefghjkmnpqrs", "/hold"),
        *("/ipp/print/u/x/hold/1/2", "/printers/hold", "/ipp/print/HOLD", "/ipp/print/../hold"),
    ],
)
async def test_other_paths_lead_nowhere(yard: Yard, path: str) -> None:
    assert await yard.gate.route(path) is None


async def test_anybody_near_prints_to_a_queue_without_passwords(yard: Yard) -> None:
    route = await yard.gate.route("/ipp/print")
    assert route is not None
    assert (route.authentication, route.plain) == ("when-asked", "allow")
    assert await print_to(route, "/ipp/print", secure=False) is Status.SUCCESSFUL_OK


async def test_a_name_with_a_password_is_not_merely_claimed(yard: Yard) -> None:
    await yard.people.add("bob", "correct horse", Role.USER, BY)
    route = await yard.gate.route("/ipp/print")
    assert route is not None
    with pytest.raises(AuthenticationRequired):
        await print_to(route, "/ipp/print")


async def test_a_queue_with_passwords_asks_for_them_and_for_tls(yard: Yard) -> None:
    await yard.fleet.change_queue(QueueSettings(name="hold", authentication="basic"), BY)
    await yard.gate.refresh()
    route = await yard.gate.route("/ipp/print")
    assert route is not None
    assert (route.authentication, route.plain) == ("when-asked", "upgrade")
    assert await told_uris(route, "/ipp/print") == ("ipps://lab7.local:8631/ipp/print",)
    with pytest.raises(AuthenticationRequired):
        await print_to(route, "/ipp/print")


async def test_a_secret_path_is_its_person_by_tls_only_and_names_no_other(yard: Yard) -> None:
    await yard.people.add("ada", None, Role.ADMINISTRATOR, BY)
    path = f"/ipp/print/u/{await yard.people.make_token('ada', BY)}"
    route = await yard.gate.route(path)
    assert route is not None
    assert route.user == User("ada", authenticated=True, operator=True)
    assert (route.authentication, route.plain) == ("none", "upgrade")
    assert path.rpartition("/")[2] not in route.name
    assert await told_uris(route, path) == (f"ipps://lab7.local:8631{path}",)
    assert await print_to(route, path, name="somebody else") is Status.SUCCESSFUL_OK
    served = yard.gate.default
    assert served is not None
    (job,) = await served.spool.find(Query(frozenset(JobState)))
    assert job.owner == "ada"
    assert (await yard.gate.route(f"{path}/17")) is not None


async def test_a_secret_path_leads_to_any_queue_and_ends_when_revoked(yard: Yard) -> None:
    await yard.people.add("ada", None, Role.USER, BY)
    await yard.fleet.add_queue(QueueSettings(name="second"), BY)
    await yard.gate.refresh()
    path = f"/ipp/print/u/{await yard.people.make_token('ada', BY)}"
    route = await yard.gate.route(f"{path}/second")
    assert route is not None
    assert route.name == "second by a secret path"
    assert await yard.gate.route(f"{path}/none") is None
    await yard.people.revoke_token("ada", BY)
    assert await yard.gate.route(path) is None


async def test_a_queue_that_did_not_change_keeps_its_printer(yard: Yard) -> None:
    before = yard.gate.get("hold")
    await yard.fleet.add_queue(QueueSettings(name="second"), BY)
    await yard.gate.refresh()
    assert yard.gate.get("hold") is before
    assert [served.settings.name for served in yard.gate] == ["hold", "second"]


async def test_a_queue_taken_away_leads_nowhere(yard: Yard) -> None:
    await yard.fleet.add_queue(QueueSettings(name="second"), BY)
    await yard.gate.refresh()
    await yard.fleet.remove_queue("second", BY)
    await yard.gate.refresh()
    assert await yard.gate.route("/ipp/print/second") is None
    assert await yard.gate.status("second") is None


async def test_what_operators_set_is_told(yard: Yard) -> None:
    from dataclasses import replace

    told = Attributes([attribute("printer-location", "Under the stairs")])
    await yard.index.write(lambda t: t.queues.put(replace(t.queues.get("hold"), attributes=told)))
    await yard.fleet.change_queue(QueueSettings(name="hold", info="Hall"), BY)
    await yard.gate.refresh()
    served = yard.gate.default
    assert served is not None
    assert served.printer.attributes.string("printer-location") == "Under the stairs"


async def test_a_direct_queue_tells_what_its_printer_told(yard: Yard) -> None:
    laser = PrinterSettings(name="laser", uri="ipps://laser.example/")
    await yard.fleet.add_printer(laser, BY, Attributes([attribute("printer-make-and-model", "Laser 9000")]))
    await yard.fleet.add_queue(QueueSettings(name="desk", kind="direct", printer="laser"), BY)
    await yard.gate.refresh()
    served = yard.gate.get("desk")
    assert served is not None
    assert served.printer.attributes.string("printer-make-and-model") == "Laser 9000"
    state = attribute("printer-state-message", "warm")
    await yard.fleet.learn("laser", Attributes([*await yard.fleet.told("laser"), state]), BY)
    await yard.gate.refresh()
    assert yard.gate.get("desk") is served  # what it promises did not change
    await yard.fleet.learn("laser", Attributes([attribute("printer-make-and-model", "Laser 9001")]), BY)
    await yard.gate.refresh()
    served = yard.gate.get("desk")
    assert served is not None
    assert served.printer.attributes.string("printer-make-and-model") == "Laser 9001"


async def test_who_waits_hears_of_a_change(yard: Yard) -> None:
    import asyncio

    waiting = asyncio.ensure_future(yard.gate.wait_change(yard.gate.revision))
    await asyncio.sleep(0)
    assert not waiting.done()
    await yard.gate.refresh()
    await asyncio.wait_for(waiting, 5)
    await asyncio.wait_for(yard.gate.wait_change(yard.gate.revision - 1), 5)


async def test_a_full_disk_is_told_as_such_and_not_as_a_defect(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def full(*_: object) -> None:
        raise StorageFullError("the disk is full")

    monkeypatch.setattr(MemorySpool, "create", full)
    route = await yard.gate.route("/ipp/print")
    assert route is not None
    assert await print_to(route, "/ipp/print") is Status.SERVER_ERROR_TEMPORARY_ERROR
    assert "the disk is full" in caplog.text
    assert "Traceback" not in caplog.text
