"""A folder as a printer: whole files or none, under names that nobody chose, once also across a crash."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from server.delivery.folder import FolderTransport
from server.delivery.transport import Device, NotDeliveredError
from server.errors import SealBrokenError
from tests.server.delivery.conftest import PDF, Load, Octets


@pytest.fixture
def printer(tmp_path: Path) -> FolderTransport:
    """A printer whose folder has a space in its name."""
    (tmp_path / "tray 1").mkdir()
    return FolderTransport(Device("tray", (tmp_path / "tray 1").as_uri()))


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "tray 1").iterdir())


async def test_each_document_becomes_a_private_file(
    printer: FolderTransport, tmp_path: Path, load: Load
) -> None:
    shipment, told = load(PDF, b"", name="../../etc/passwd")
    await printer.deliver(shipment)
    first, second = files(tmp_path)
    assert (first.read_bytes(), second.read_bytes()) == (PDF, b"")
    assert first.stat().st_mode & 0o777 == 0o600
    assert first.name.startswith("job-7-1-")
    assert first.suffix == ".pdf"
    assert told.notes == ["whole"]


@pytest.mark.parametrize(
    ("document_format", "suffix"),
    [("image/PWG-Raster", ".pwg"), ("application/octet-stream", ".prn"), ("../x/../../y", ".prn")],
)
async def test_the_extension_follows_the_format_and_nothing_else(
    printer: FolderTransport, tmp_path: Path, load: Load, document_format: str, suffix: str
) -> None:
    await printer.deliver(load(PDF, document_format=document_format)[0])
    (file,) = files(tmp_path)
    assert file.suffix == suffix


async def test_printing_again_overwrites_nothing(
    printer: FolderTransport, tmp_path: Path, load: Load
) -> None:
    await printer.deliver(load(b"once", number=1)[0])
    await printer.deliver(load(b"twice", number=2)[0])
    assert sorted(file.read_bytes() for file in files(tmp_path)) == [b"once", b"twice"]


@pytest.mark.parametrize("link", [True, False], ids=["a link", "a file"])
async def test_nothing_is_written_into_what_somebody_else_put_there(
    printer: FolderTransport, tmp_path: Path, load: Load, link: bool
) -> None:
    shipment, _ = load(PDF)
    target = tmp_path / "target"
    target.write_bytes(b"kept")
    planted = printer._hidden(shipment, shipment.cargo[0])
    if link:
        planted.symlink_to(target)
    else:
        planted.hardlink_to(target)
    with pytest.raises(NotDeliveredError):
        await printer.deliver(shipment)
    assert target.read_bytes() == b"kept"


async def test_a_document_that_breaks_off_leaves_nothing_to_be_seen(
    printer: FolderTransport, tmp_path: Path, load: Load
) -> None:
    shipment, told = load(PDF, Octets(PDF, broken=(1, SealBrokenError("segment 1 was altered"))))
    with pytest.raises(SealBrokenError):
        await printer.deliver(shipment)
    assert told.notes == []
    with pytest.raises(NotDeliveredError):
        await printer.cancel(shipment)
    assert files(tmp_path) == []


async def test_an_attempt_that_was_cut_short_is_removed(
    printer: FolderTransport, tmp_path: Path, load: Load
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0)

    shipment, _ = load(PDF, endless())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(printer.deliver(shipment), 0.05)
    assert all(file.name.startswith(".") for file in files(tmp_path))
    with pytest.raises(NotDeliveredError) as caught:
        await printer.settle(shipment)
    assert caught.value.again
    assert files(tmp_path) == []


async def test_a_whole_attempt_is_carried_to_its_end_however_far_it_came(
    printer: FolderTransport, tmp_path: Path, load: Load
) -> None:
    class CrashError(Exception):
        """The process ends."""

    async def crash(_: str) -> None:
        raise CrashError

    shipment, _ = load(b"one", b"two")
    with pytest.raises(CrashError):
        await printer.deliver(replace(shipment, note=crash))
    assert all(file.name.startswith(".") for file in files(tmp_path))
    again = replace(shipment, remote_job="whole")
    await printer.settle(again)
    assert [file.read_bytes() for file in files(tmp_path)] == [b"one", b"two"]
    files(tmp_path)[0].unlink()  # somebody fetched it
    await printer.settle(again)
    assert [file.read_bytes() for file in files(tmp_path)] == [b"two"]


async def test_a_folder_that_is_not_there_is_told(tmp_path: Path, load: Load) -> None:
    printer = FolderTransport(Device("tray", (tmp_path / "gone").as_uri()))
    with pytest.raises(NotDeliveredError, match="The folder of tray cannot be used") as caught:
        await printer.deliver(load(PDF)[0])
    assert caught.value.again
    with pytest.raises(NotDeliveredError, match="not there"):
        await printer.probe()
