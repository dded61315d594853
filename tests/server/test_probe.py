"""Asking printers what they are, and what can go wrong with that."""

import socket
from pathlib import Path

import pytest

from server import probe as module
from server.probe import ProbeError, probe


async def test_a_folder_that_is_there_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    assert not len(await probe(f"file:{tmp_path}/a%20b"))


async def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="make it first"):
        await probe(f"file:{tmp_path}/none")


async def test_a_raw_port_cannot_say_what_it_is() -> None:
    assert not len(await probe("socket://192.0.2.1:9100"))


async def test_a_printer_that_is_off_is_told() -> None:
    with pytest.raises(ProbeError, match=r"^ipp://127\.0\.0\.1:9/ipp/print cannot be asked what it is"):
        await probe("ipp://127.0.0.1:9/ipp/print")


async def test_a_printer_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIME_OUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(ProbeError, match="is it switched on"):
            await probe(f"ipp://127.0.0.1:{port}/ipp/print")
