"""People in a real index, with a clock that the test moves."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.identity.people import Hasher, People
from server.storage.database import Database
from server.storage.index import Index
from server.storage.keys import LocalKeyFile
from server.storage.ledger import Ledger


@dataclass(slots=True)
class Clock:
    """Says the same time until it is moved."""

    at: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.at

    def seconds(self) -> float:
        return self.at.timestamp()

    def pass_s(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with await Database.open(tmp_path / "pullprint.db") as opened:
        yield opened


@pytest.fixture
async def index(database: Database, tmp_path: Path) -> Index:
    return await Index.open(database, LocalKeyFile.load_or_create(tmp_path / "keys.toml"))


@pytest.fixture
async def ledger(database: Database) -> Ledger:
    return await Ledger.open(database)


@pytest.fixture
def hasher() -> Hasher:
    return Hasher()


@pytest.fixture
def people(index: Index, hasher: Hasher, clock: Clock) -> People:
    return People(index, hasher, clock=clock)
