"""A printer to ask; and event loops: a module that sets `EVERY_LOOP = True` runs on asyncio and uvloop."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from ipp.tls import OwnIdentity
from ipp.trust import Authorities, authorities_context
from tests.ipp.asking import Desk, make_desk
from tests.ipp.wire import RecordingHandler


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    module = item.getparent(pytest.Module)
    loops: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if module is not None and getattr(module.obj, "EVERY_LOOP", False):
        loops["uvloop"] = uvloop.new_event_loop
    return loops


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A printer that prints what it is given."""
    made = make_desk()
    async with made.spool:
        yield made


@pytest.fixture
def handler() -> RecordingHandler:
    """What answers IPP requests, and remembers them."""
    return RecordingHandler()


@pytest.fixture
def identity(tmp_path: Path) -> OwnIdentity:
    """A certificate for localhost."""
    return OwnIdentity(tmp_path / "identity.pem", [])


@pytest.fixture
def authorities(identity: OwnIdentity, tmp_path: Path) -> Authorities:
    """Trust in that certificate."""
    pem = (tmp_path / "identity.pem").read_text()
    (tmp_path / "trusted.pem").write_text(pem[pem.index("-----BEGIN CERTIFICATE") :])
    return Authorities(tmp_path / "trusted.pem")


@pytest.fixture
def trust(authorities: Authorities) -> ssl.SSLContext:
    """A context of a client that trusts it."""
    return authorities_context(authorities)
