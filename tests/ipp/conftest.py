"""Event loops: a module that sets `EVERY_LOOP = True` is run on asyncio's and on uvloop."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]] | None:
    module = item.getparent(pytest.Module)
    if module is None or not getattr(module.obj, "EVERY_LOOP", False):
        return None
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
