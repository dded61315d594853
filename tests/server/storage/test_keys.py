"""The key file: made once, private, rotated without touching what is stored."""

from __future__ import annotations

import os
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.errors import KeyFileError, SealBrokenError, UnknownKeyError
from server.storage.keys import KeyWrapper, LocalKeyFile, frame_wrapped, split_wrapped

DATA_KEY = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "tenant.keys"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_the_first_run_makes_a_private_file_and_the_next_run_uses_it(path: Path) -> None:
    first = LocalKeyFile.load_or_create(path, now=lambda: datetime(2026, 11, 21, tzinfo=UTC))
    assert (mode_of(path), mode_of(path.parent)) == (0o600, 0o700)
    assert 'created = "2026-11-21T00:00:00+00:00"' in Path.read_text(path)
    wrapped = await first.wrap(DATA_KEY, b"document/1")
    second: KeyWrapper = LocalKeyFile.load_or_create(path)
    assert second.key_id == first.key_id
    assert await second.unwrap(wrapped, b"document/1") == DATA_KEY
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_many_first_runs_at_once_agree_on_one_key(path: Path) -> None:
    path.parent.mkdir()
    ids: list[str] = []
    barrier = threading.Barrier(8)

    def run() -> None:
        barrier.wait()
        ids.append(LocalKeyFile.load_or_create(path).key_id)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o666])
def test_a_file_open_to_others_is_refused_with_what_to_do(path: Path, mode: int) -> None:
    LocalKeyFile.load_or_create(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=f"chmod 600 {path}"):
        LocalKeyFile.load(path)


def test_a_read_only_file_behind_a_link_is_taken(path: Path, tmp_path: Path) -> None:
    held = LocalKeyFile.load_or_create(path)
    path.chmod(0o400)
    link = tmp_path / "link.keys"
    link.symlink_to(path)
    assert LocalKeyFile.load(link).key_id == held.key_id


def test_a_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(KeyFileError, match="cannot be made"):
        LocalKeyFile.load_or_create(tmp_path / "data" / "tenant.keys")


def test_a_missing_file_and_a_folder_are_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="is missing: put back"):
        LocalKeyFile.load(path)
    with pytest.raises(KeyFileError, match="cannot be read"):
        LocalKeyFile.load(tmp_path)


GOOD = 'id = "a"\ncreated = "x"\nkey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="\n'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not toml",
        "[[key]]\n",
        "[[key]]\n" + GOOD.replace("AAEC", "A*EC"),
        "[[key]]\n" + GOOD.replace("AAEC", ""),
        "[[key]]\n" + GOOD + "extra = 1\n",
        "[[key]]\n" + GOOD.replace('"a"', '""'),
        "[[key]]\n" + GOOD.replace('"a"', '"schlüssel"'),
        "[[key]]\n" + GOOD.replace('"a"', '"' + "a" * 256 + '"'),
        2 * ("[[key]]\n" + GOOD),
        "[[key]]\n" + GOOD + "#" * 1024 * 1024,
        "[[key]]\n" + GOOD + "\udcff",
    ],
)
def test_a_malformed_file_is_refused_without_showing_what_is_in_it(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_bytes(text.encode(errors="surrogateescape"))
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="malformed") as caught:
        LocalKeyFile.load(path)
    assert "AAECAwQF" not in str(caught.value)


def test_the_form_of_the_file_is_the_documented_one(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("# a comment\n[[key]]\n" + GOOD)
    path.chmod(0o600)
    assert LocalKeyFile.load(path).key_ids == ("a",)


async def test_after_a_rotation_the_new_key_wraps_and_the_old_one_unwraps(path: Path) -> None:
    keys = LocalKeyFile.load_or_create(path)
    before, old_id = await keys.wrap(DATA_KEY, b"c"), keys.key_id
    new_id = keys.rotate()
    assert keys.key_ids == (old_id, new_id)
    assert mode_of(path) == 0o600
    after = await keys.wrap(DATA_KEY, b"c")
    assert (split_wrapped(before)[0], split_wrapped(after)[0]) == (old_id, new_id)
    for reader in (keys, LocalKeyFile.load(path)):
        assert await reader.unwrap(before, b"c") == await reader.unwrap(after, b"c") == DATA_KEY


def test_two_that_rotate_at_the_same_moment_both_keep_their_key(path: Path) -> None:
    first = LocalKeyFile.load_or_create(path)
    path.write_text(path.read_text() + "# the key of the Zürich office\n")
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.append(LocalKeyFile.load(path).rotate())) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first.reload()
    assert len(first.key_ids) == 7
    assert set(made) <= set(first.key_ids)
    assert "Zürich" in path.read_text()


async def test_a_reader_of_the_old_file_learns_the_new_key_by_reloading(path: Path) -> None:
    reader, writer = LocalKeyFile.load_or_create(path), LocalKeyFile.load(path)
    writer.rotate()
    wrapped = await writer.wrap(DATA_KEY, b"c")
    with pytest.raises(UnknownKeyError, match=writer.key_id):
        await reader.unwrap(wrapped, b"c")
    reader.reload()
    assert await reader.unwrap(wrapped, b"c") == DATA_KEY


async def test_a_reload_of_a_bad_file_leaves_the_keys_as_they_were(path: Path) -> None:
    keys = LocalKeyFile.load_or_create(path)
    wrapped = await keys.wrap(DATA_KEY, b"c")
    Path.write_text(path, "")
    with pytest.raises(KeyFileError):
        keys.reload()
    assert await keys.unwrap(wrapped, b"c") == DATA_KEY


async def test_a_wrapped_key_is_bound_to_its_context_and_every_octet_of_it_counts(path: Path) -> None:
    keys = LocalKeyFile.load_or_create(path)
    wrapped = await keys.wrap(DATA_KEY, b"document/1")
    assert DATA_KEY not in wrapped
    with pytest.raises(SealBrokenError, match="stored key of document/2 does not unwrap"):
        await keys.unwrap(wrapped, b"document/2")
    for place in range(len(wrapped)):
        altered = bytearray(wrapped)
        altered[place] ^= 1
        with pytest.raises((SealBrokenError, UnknownKeyError)):
            await keys.unwrap(bytes(altered), b"document/1")
        with pytest.raises((SealBrokenError, UnknownKeyError)):
            await keys.unwrap(wrapped[:place], b"document/1")


async def test_another_key_file_is_told_by_its_key_id(path: Path, tmp_path: Path) -> None:
    wrapped = await LocalKeyFile.load_or_create(path).wrap(DATA_KEY, b"c")
    with pytest.raises(UnknownKeyError, match="put back the one"):
        await LocalKeyFile.load_or_create(tmp_path / "other.keys").unwrap(wrapped, b"c")


async def test_only_whole_keys_are_wrapped(path: Path) -> None:
    with pytest.raises(ValueError, match="32 octets, not 5"):
        await LocalKeyFile.load_or_create(path).wrap(b"short", b"c")
    with pytest.raises(ValueError, match="1 to 255"):
        frame_wrapped("", b"")


def test_a_file_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LocalKeyFile.load_or_create(path)
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)
    else:
        mine = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: mine + 1)  # only root can give a file away
    with pytest.raises(KeyFileError, match="chown"):
        LocalKeyFile.load(path)
