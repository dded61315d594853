"""An index on a real database with a real key file, and jobs to put into it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from ipp import Attribute, Attributes, JobState, LanguageString, Tag
from ipp.job import Document, Job
from server.storage.database import Database
from server.storage.index import Index
from server.storage.keys import LocalKeyFile

NOW = datetime(2026, 11, 21, 20, 15, 1, 123456, tzinfo=UTC)


def make_job(number: int = 1, **changes: object) -> Job:
    """A parked job with one document."""
    fields: dict[str, object] = {
        "id": 0,
        "uuid": UUID(int=number),
        "printer": "park",
        "owner": "ada",
        "name": LanguageString("Gehälter", "de"),
        "created": NOW,
        "state": JobState.PENDING_HELD,
        "reasons": frozenset({"job-release-wait", "job-incoming"}),
        "attributes": Attributes(
            [
                Attribute.of("copies", Tag.INTEGER, 2),
                Attribute.of("sides", Tag.KEYWORD, "two-sided-long-edge"),
            ]
        ),
        "documents": (Document(1, "a.pdf", "application/pdf", 12345, NOW, impressions=3),),
    }
    return Job(**(fields | changes))  # type: ignore[arg-type]  # each name above is a field of that type


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data folder."""
    return tmp_path / "data"


@pytest.fixture
def keys(folder: Path) -> LocalKeyFile:
    """The key file."""
    return LocalKeyFile.load_or_create(folder / "tenant.keys")


@pytest.fixture
async def database(folder: Path) -> AsyncIterator[Database]:
    """The database."""
    async with await Database.open(folder / "pullprint.db") as database:
        yield database


@pytest.fixture
async def index(database: Database, keys: LocalKeyFile) -> Index:
    """The index of the default tenant."""
    return await Index.open(database, keys)
