"""A printer to ask; and event loops: a module that sets `EVERY_LOOP = True` runs on asyncio and uvloop."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from tests.ipp.asking import Desk, make_desk


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
