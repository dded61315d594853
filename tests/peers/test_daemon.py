"""The search for what the daemon must not write finds it wherever it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.peers import daemon
from tests.peers.daemon import Leak, find_leaks


def test_a_canary_is_found_in_every_file_whatever_its_encoding(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/a").write_bytes(b"..." + "Canary".encode("utf-16-le"))
    (tmp_path / "b").write_bytes(b"Canary")
    (tmp_path / "clean").write_bytes(b"canary")
    assert find_leaks(tmp_path, ["Canary"]) == [
        Leak(tmp_path / "b", 0, "Canary"),
        Leak(tmp_path / "deep/a", 3, "Canary"),
    ]


def test_a_canary_in_a_name_is_found(tmp_path: Path) -> None:
    (tmp_path / "x-Canary.pdf").touch()
    assert find_leaks(tmp_path, ["Canary"]) == [Leak(tmp_path / "x-Canary.pdf", -1, "Canary")]


@pytest.mark.parametrize("offset", range(20))
def test_a_canary_across_two_reads_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offset: int
) -> None:
    monkeypatch.setattr(daemon, "SEARCH_CHUNK_OCTETS", 4)
    (tmp_path / "a").write_bytes(b"." * offset + b"\x00Canary\xff" + b"." * 9)
    assert find_leaks(tmp_path, [b"Canary\xff"]) == [Leak(tmp_path / "a", offset + 1, repr(b"Canary\xff"))]
