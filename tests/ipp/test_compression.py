import gzip
import random
import zlib
from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipp.compression import ENCODINGS, Encoding, InflateLimits, Inflater, compress, inflate
from ipp.enums import Status
from ipp.errors import LocalProtocolError, RemoteProtocolError

DOCUMENT = random.Random(1).randbytes(3000) + b"white" * 20_000


def bare(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


STREAMS: list[tuple[Encoding, bytes]] = [
    ("gzip", gzip.compress(DOCUMENT)),
    ("deflate", zlib.compress(DOCUMENT)),
    ("deflate", bare(DOCUMENT)),
]


def run(encoding: Encoding, pieces: Iterable[bytes], limits: InflateLimits | None = None) -> bytes:
    inflater = Inflater(encoding, limits or InflateLimits())
    out = b"".join(given for piece in pieces for given in inflater.feed(piece))
    inflater.finish()
    return out


async def chunks_of(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@pytest.mark.parametrize(("encoding", "stream"), STREAMS, ids=["gzip", "zlib", "bare"])
class TestAStream:
    def test_comes_out_whole_and_octet_by_octet(self, encoding: Encoding, stream: bytes) -> None:
        assert run(encoding, [stream]) == DOCUMENT
        assert run(encoding, (stream[at : at + 1] for at in range(len(stream)))) == DOCUMENT

    def test_comes_out_when_cut_in_two_anywhere(self, encoding: Encoding, stream: bytes) -> None:
        for cut in range(0, len(stream), 7):
            assert run(encoding, [stream[:cut], stream[cut:]]) == DOCUMENT

    def test_is_refused_when_it_ends_early(self, encoding: Encoding, stream: bytes) -> None:
        for length in [1, 2, 3, 11, len(stream) // 2, len(stream) - 1]:
            with pytest.raises(RemoteProtocolError, match="cut short") as caught:
                run(encoding, [stream[:length]])
            assert caught.value.status == Status.CLIENT_ERROR_COMPRESSION_ERROR

    def test_is_refused_when_garbage_follows_it(self, encoding: Encoding, stream: bytes) -> None:
        for pieces in ([stream + b"x"], [stream, b"x"]):
            with pytest.raises(RemoteProtocolError) as caught:
                run(encoding, pieces)
            assert caught.value.status == Status.CLIENT_ERROR_COMPRESSION_ERROR

    def test_never_comes_out_in_pieces_above_256_kib(self, encoding: Encoding, stream: bytes) -> None:
        bomb = gzip.compress(bytes(3_000_000)) if encoding == "gzip" else zlib.compress(bytes(3_000_000))
        pieces = list(Inflater(encoding).feed(bomb))
        assert sum(map(len, pieces)) == 3_000_000
        assert max(map(len, pieces)) <= 1 << 18


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_octets_at_all_are_an_empty_document(encoding: Encoding) -> None:
    assert run(encoding, []) == run(encoding, [b"", b""]) == b""


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_is_not_compressed_is_refused(encoding: Encoding) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        run(encoding, [b"%PDF-1.7 plain text"])
    assert caught.value.status == Status.CLIENT_ERROR_COMPRESSION_ERROR


def test_a_gzip_of_several_members_is_one_document() -> None:
    assert run("gzip", [gzip.compress(b"one ") + gzip.compress(b"") + gzip.compress(b"two")]) == b"one two"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_bomb_is_refused_by_its_ratio_soon_after_the_free_octets(encoding: Encoding) -> None:
    zeros = bytes(64 << 20)
    bomb = gzip.compress(zeros) if encoding == "gzip" else zlib.compress(zeros)
    inflater = Inflater(encoding, InflateLimits(free_octets=1 << 20, ratio=100))
    out = 0
    with pytest.raises(RemoteProtocolError, match="100 times") as caught:  # noqa: PT012  # what came out first counts
        for at in range(0, len(bomb), 1000):
            for piece in inflater.feed(bomb[at : at + 1000]):
                out += len(piece)
    assert caught.value.status == Status.CLIENT_ERROR_REQUEST_ENTITY_TOO_LARGE
    assert out <= (1 << 20) + (1 << 18)


def test_the_total_is_bounded_whatever_the_ratio() -> None:
    noise = random.Random(2).randbytes(10_000)
    assert run("gzip", [gzip.compress(noise)], InflateLimits(octets=10_000)) == noise
    with pytest.raises(RemoteProtocolError, match="more than 9999 octets"):
        run("gzip", [gzip.compress(noise)], InflateLimits(octets=9_999))


def test_an_encoding_nobody_knows_is_our_own_mistake() -> None:
    with pytest.raises(LocalProtocolError, match="gzip, deflate"):
        Inflater("brotli")  # type: ignore[arg-type]  # the mistake


@given(st.lists(st.binary(max_size=400), max_size=8), st.sampled_from(ENCODINGS))
async def test_what_is_compressed_comes_back(pieces: list[bytes], encoding: Encoding) -> None:
    restored = [piece async for piece in inflate(compress(chunks_of(*pieces), encoding), encoding)]
    assert b"".join(restored) == b"".join(pieces)
    assert all(restored)


async def test_our_streams_are_read_by_others() -> None:
    big = DOCUMENT * 10
    assert gzip.decompress(b"".join([p async for p in compress(chunks_of(big, DOCUMENT), "gzip")])) == (
        big + DOCUMENT
    )
    assert zlib.decompress(b"".join([p async for p in compress(chunks_of(big), "deflate")])) == big
