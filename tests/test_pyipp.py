"""pyipp, the client of a well-known home automation system, reads our queue as it reads a real printer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyipp import IPP

from tests.peers.daemon import Daemon, start_daemon

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with start_daemon() as daemon:
        yield daemon


@pytest.mark.parametrize("tls", [False, True])
async def test_pyipp_reads_a_queue(daemon: Daemon, tls: bool) -> None:
    async with IPP(
        "localhost", port=daemon.port, base_path="/ipp/print/hold", tls=tls, verify_ssl=False
    ) as client:
        printer = await client.printer()
    assert printer.info.name
    assert printer.state.printer_state == "idle"
    assert "/ipp/print/hold" in printer.info.printer_uri_supported[0]
