"""A printer to ask, for the tests of the library."""

from collections.abc import AsyncIterator

import pytest

from tests.ipp.asking import Desk, make_desk


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A printer that prints what it is given."""
    made = make_desk()
    async with made.spool:
        yield made
