import pytest

from ipp import RemoteProtocolError, Status, encode
from ipp.decoder import Limits
from ipp.exchange import Request, User, read_message
from tests.ipp.wire import chunks_of, request_message

MESSAGE = encode(request_message())
DOCUMENT = b"%PDF \x03 document"


async def test_a_message_cut_anywhere_leaves_exactly_its_document() -> None:
    octets = MESSAGE + DOCUMENT
    for cut in range(1, len(octets)):
        message, document = await read_message(chunks_of(octets[:cut], octets[cut:]))
        assert message == request_message()
        assert b"".join([chunk async for chunk in document]) == DOCUMENT


async def test_a_message_octet_by_octet_leaves_its_document_without_empty_chunks() -> None:
    octets = MESSAGE + DOCUMENT
    message, document = await read_message(chunks_of(*(octets[at : at + 1] for at in range(len(octets)))))
    assert message == request_message()
    chunks = [chunk async for chunk in document]
    assert b"".join(chunks) == DOCUMENT
    assert all(chunks)


async def test_a_message_alone_has_an_empty_document() -> None:
    _, document = await read_message(chunks_of(MESSAGE))
    assert [chunk async for chunk in document] == []


async def test_a_message_cut_short_is_refused_with_its_length() -> None:
    for length in range(len(MESSAGE)):
        with pytest.raises(RemoteProtocolError) as caught:
            await read_message(chunks_of(MESSAGE[:length]))
        assert caught.value.offset == length


async def test_a_message_beyond_the_limits_is_too_large() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        await read_message(chunks_of(MESSAGE), Limits(octets=20))
    assert caught.value.status == Status.CLIENT_ERROR_REQUEST_ENTITY_TOO_LARGE


def test_a_request_does_not_show_its_uri_which_may_be_secret() -> None:
    request = Request(request_message(), "ipp://h/u/secret-path", chunks_of(), User("a", True), True, "::1")
    assert "secret-path" not in repr(request)
