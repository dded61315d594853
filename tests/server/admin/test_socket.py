"""The admin socket: who is answered, what is no command, and a client that finds nobody."""

import asyncio
import os
import socket
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.admin import commands as c
from server.admin import socket as admin_socket
from server.admin.socket import SOCKET_NAME, AdminServer, NotRunningError, RefusedError, request
from server.errors import PullprintError


async def carry(command: c.Command, by: str) -> Any:
    """Says who asked; refuses or fails where the name of a queue says so."""
    if isinstance(command, c.RemoveQueue):
        if command.name == "refuse":
            raise PullprintError("not this one: choose another")
        if command.name == "fail":
            raise ZeroDivisionError("a secret of ours")
        return None
    return c.PathView(name=by, uris=["ä" * 1_000_000])


async def ask(folder: Path, command: c.Command) -> Any:
    return await asyncio.to_thread(request, folder, command)


@pytest.fixture
async def server(tmp_path: Path) -> Any:
    made = AdminServer(tmp_path, carry)
    await made.start()
    yield made
    await made.stop()


async def raw(folder: Path, octets: bytes) -> c.Outcome:
    reader, writer = await asyncio.open_unix_connection(str(folder / SOCKET_NAME))
    writer.write(octets)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return msgspec.json.decode(answer, type=c.Outcome)


async def test_a_command_is_answered_with_its_value(server: AdminServer, tmp_path: Path) -> None:
    answer = await ask(tmp_path, c.MakePath(name="ada"))
    assert answer == c.PathView(name=f"uid:{os.geteuid()}", uris=["ä" * 1_000_000])


async def test_a_command_without_a_value_is_answered_too(server: AdminServer, tmp_path: Path) -> None:
    assert await ask(tmp_path, c.RemoveQueue(name="hold")) is None


async def test_a_refusal_comes_in_the_daemons_words(server: AdminServer, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"^not this one: choose another$"):
        await ask(tmp_path, c.RemoveQueue(name="refuse"))


async def test_a_defect_is_told_in_the_log_only(
    server: AdminServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RefusedError, match="its log says more") as caught:
        await ask(tmp_path, c.RemoveQueue(name="fail"))
    assert "secret" not in str(caught.value)
    assert "a secret of ours" in caplog.text


async def test_the_socket_is_its_users_alone(server: AdminServer, tmp_path: Path) -> None:
    mode = os.stat(tmp_path / SOCKET_NAME).st_mode  # noqa: PTH116 - one look at a local file
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


async def test_another_user_is_refused(
    server: AdminServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_socket, "_peer_uid", lambda connection: 54321)
    with pytest.raises(RefusedError, match="only root and the daemon's own user"):
        await ask(tmp_path, c.RemoveQueue(name="hold"))


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\n",
        b"{}\n",
        b"[]\n",
        b"\xff\n",
        b'{"command": "users.explode"}\n',
        b'{"command": "users.remove"}\n',
        b'{"command": "users.remove", "name": "ada", "more": 1}\n',
        b'{"command": "users.remove", "name": 3}\n',
        b"x" * 100_000,
    ],
)
async def test_what_is_no_command_is_said_to_be_none(
    server: AdminServer, tmp_path: Path, octets: bytes
) -> None:
    outcome = await raw(tmp_path, octets)
    assert outcome.error
    assert outcome.kind == "refused"


async def test_who_connects_and_says_nothing_is_let_go(
    server: AdminServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_socket, "REQUEST_TIME_OUT_S", 0.05)
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / SOCKET_NAME))
    assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize("octets", [b"", b'{"command": "users.link", "name": "ada"}\n'])
async def test_who_neither_asks_nor_reads_does_not_keep_the_daemon_from_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, octets: bytes
) -> None:
    monkeypatch.setattr(admin_socket, "STOP_GRACE_S", 0.05)
    made = AdminServer(tmp_path, carry)
    await made.start()
    _, writer = await asyncio.open_unix_connection(str(tmp_path / SOCKET_NAME), limit=1)
    writer.write(octets)
    await asyncio.sleep(0.05)
    await made.stop()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    writer.close()
    assert others == set()


async def test_who_reads_no_answer_is_let_go(
    server: AdminServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_socket, "ANSWER_TIME_OUT_S", 0.05)
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / SOCKET_NAME), limit=1)
    writer.write(b'{"command": "users.link", "name": "ada"}\n')
    await asyncio.sleep(0.2)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(2_000_000)
    writer.close()


async def test_what_an_earlier_daemon_left_is_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / SOCKET_NAME))
    left.close()
    made = AdminServer(tmp_path, carry)
    await made.start()
    assert await ask(tmp_path, c.RemoveQueue(name="hold")) is None
    await made.stop()
    assert SOCKET_NAME not in os.listdir(tmp_path)  # noqa: PTH208 - names are wanted


async def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*(["x" * 50] * 4))
    folder.mkdir(parents=True)
    made = AdminServer(folder, carry)
    await made.start()
    assert await ask(folder, c.RemoveQueue(name="hold")) is None
    await made.stop()


def test_nobody_there_is_said_with_what_to_do(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(NotRunningError, match="`pullprint serve` starts one"):
            request(folder, c.ListQueues())


def test_a_dead_daemons_socket_is_nobody_too(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / SOCKET_NAME))
    left.close()
    with pytest.raises(NotRunningError):
        request(tmp_path, c.ListQueues())


async def test_a_daemon_that_breaks_off_is_said_to_have(tmp_path: Path) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b'{"value":')
        writer.close()

    async with await asyncio.start_unix_server(hang_up, tmp_path / SOCKET_NAME):
        with pytest.raises(RefusedError, match="broke off"):
            await ask(tmp_path, c.ListQueues())


def test_every_command_says_what_it_is_answered_with() -> None:
    for kind in msgspec.inspect.type_info(c.AnyCommand).types:  # type: ignore[attr-defined]  # a union's
        assert kind.cls is c.RemoveQueue or kind.cls is c.RemovePrinter or kind.cls.answer is not None
