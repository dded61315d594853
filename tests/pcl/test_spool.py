import fcntl
import os
import resource
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcl.errors import ClaimError, PclError
from pcl.spool import Handover, Spool, open_handover

SECRET = b"the salaries of everybody "


def read_all(handover: Handover) -> bytes:
    copy = Handover(os.dup(handover.descriptor), handover.octets, handover.key)
    with open_handover(copy) as file:
        return file.read()


@pytest.mark.parametrize("memory_octets", [0, 1, 10, 1000])
@pytest.mark.parametrize("chunk_octets", [1, 9, 100])
def test_what_was_written_is_read_wherever_it_is_kept(
    tmp_path: Path, memory_octets: int, chunk_octets: int
) -> None:
    document = bytes(range(256))
    with Spool(memory_octets=memory_octets, directory=str(tmp_path)) as spool:
        for start in range(0, 256, chunk_octets):
            spool.write(document[start : start + chunk_octets])
        handover = spool.hand_over()
        assert handover.octets == 256
        assert (handover.key is None) == (memory_octets >= 256)
        assert read_all(handover) == document


def test_an_empty_document_is_one_too() -> None:
    for memory_octets in (0, 100):
        with Spool(memory_octets=memory_octets) as spool:
            assert read_all(spool.hand_over()) == b""


def test_memory_is_sealed_when_it_is_handed_over() -> None:
    with Spool() as spool:
        spool.write(SECRET)
        descriptor = spool.hand_over().descriptor
        with pytest.raises(PermissionError):
            os.pwrite(descriptor, b"x", 0)
        with pytest.raises(PermissionError):
            os.ftruncate(descriptor, 0)
        assert fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & fcntl.F_SEAL_SEAL
        with pytest.raises(ClaimError):
            spool.write(b"more")
        assert spool.hand_over().descriptor == descriptor


def test_a_file_on_disk_has_no_name_and_no_clear_octets(tmp_path: Path) -> None:
    with Spool(memory_octets=100, directory=str(tmp_path)) as spool:
        for _ in range(100):
            spool.write(SECRET)
        assert list(tmp_path.iterdir()) == []
        handover = spool.hand_over()
        kept = os.pread(handover.descriptor, 1 << 20, 0)
        assert len(kept) == 100 * len(SECRET)
        assert not any(kept[start : start + 4] in SECRET * 2 for start in range(0, len(kept) - 4, 13))
        assert read_all(handover) == SECRET * 100


def test_two_documents_have_two_keys(tmp_path: Path) -> None:
    with Spool(memory_octets=0) as one, Spool(memory_octets=0) as other:
        one.write(SECRET)
        other.write(SECRET)
        assert one.hand_over().key != other.hand_over().key


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 700)), max_size=12))
def test_an_enciphered_document_is_read_from_anywhere(reads: list[tuple[int, int]]) -> None:
    document = os.urandom(4321)
    with Spool(memory_octets=0) as spool:
        spool.write(document)
        handover = spool.hand_over()
        copy = Handover(os.dup(handover.descriptor), handover.octets, handover.key)
        with open_handover(copy) as file:
            for offset, octets in reads:
                assert file.seek(offset) == offset
                assert file.read(octets) == document[offset : offset + octets]
                assert file.tell() == max(offset, min(offset + octets, 4321))
            assert file.seek(-1, os.SEEK_END) == 4320
            assert file.read() == document[-1:]
            with pytest.raises(OSError):
                file.seek(-9999, os.SEEK_END)


def test_a_document_over_the_limit_is_refused_with_the_limit_as_offset() -> None:
    with Spool(max_octets=10) as spool:
        spool.write(b"0123456789")
        with pytest.raises(PclError) as raised:
            spool.write(b"x")
        assert raised.value.offset == 10


def test_a_disk_that_cannot_keep_it_is_our_own_error(tmp_path: Path) -> None:
    with Spool(memory_octets=0, directory=str(tmp_path / "missing")) as spool, pytest.raises(PclError):
        spool.write(b"x")


def test_a_spool_that_is_dropped_closes_what_it_had() -> None:
    spool = Spool()
    spool.write(b"x")
    descriptor = spool.hand_over().descriptor
    assert os.fstat(descriptor).st_size == 1
    del spool
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_gigabyte_does_not_grow_the_process(tmp_path: Path) -> None:
    chunk = bytes(1 << 20)
    with Spool(directory=str(tmp_path)) as spool:
        spool.write(chunk)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(1023):
            spool.write(chunk)
        grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert spool.octets == 1 << 30
    assert grown_kib < 32 * 1024
