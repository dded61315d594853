"""The command line: against a desk behind a real socket, in text and JSON, with its exit codes."""

import asyncio
import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from server import daemon
from server.cli import EXIT_NOT_RUNNING, EXIT_UNSOUND, main
from server.config import Config
from server.storage.database import Database
from tests.server.admin.conftest import Office, office, served

__all__ = ["office", "served"]

PASSWORD = "correct horse"


async def run(folder: Path, *words: str, stdin: str = "") -> Result:
    """One command on a data folder."""
    arguments = [*words, "--data", str(folder)]
    return await asyncio.to_thread(CliRunner().invoke, main, arguments, input=stdin)


async def good(office: Office, *words: str, stdin: str = "") -> str:
    result = await run(office.folder, *words, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.stdout


async def test_without_a_daemon_it_says_how_to_start_one(tmp_path: Path) -> None:
    result = await run(tmp_path, "jobs", "list")
    assert result.exit_code == EXIT_NOT_RUNNING
    assert result.stdout == ""
    assert "`pullprint serve` starts one" in result.stderr


async def test_a_broken_configuration_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text("[listen]\nprot = 1")
    result = await run(tmp_path, "jobs", "list", "--config", str(file))
    assert result.exit_code == 1
    assert f"{file}: $.listen.prot: no such key; did you mean 'port'?" in result.stderr


async def test_the_data_folder_of_the_configuration_is_used(served: Office, tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text(f'data = "{served.folder}"')
    result = await asyncio.to_thread(CliRunner().invoke, main, ["users", "list", "--config", str(file)])
    assert result.exit_code == 0


async def test_a_password_is_read_from_standard_input_and_never_shown(served: Office) -> None:
    shown = await good(served, "users", "add", "Ada", stdin=f"{PASSWORD}\n")
    assert "ada" in shown
    assert PASSWORD not in shown
    person = await served.people.find("ada")
    assert person is not None
    assert person.password is not None


async def test_no_password_at_all_is_refused_unless_wanted(served: Office) -> None:
    result = await run(served.folder, "users", "add", "ada")
    assert result.exit_code == 1
    assert "--no-password" in result.stderr
    await good(served, "users", "add", "ada", "--no-password")


async def test_a_password_that_is_too_short_is_refused_with_the_reason(served: Office) -> None:
    result = await run(served.folder, "users", "add", "ada", stdin="short\n")
    assert result.exit_code == 1
    assert result.stderr == "pullprint: a password has at least 8 characters\n"


async def test_people_in_json(served: Office) -> None:
    await good(served, "users", "add", "ada", "--role", "administrator", stdin=PASSWORD)
    (person,) = json.loads(await good(served, "users", "list", "--json"))
    assert (person["name"], person["role"], person["has_password"]) == ("ada", "administrator", True)
    assert not {"password", "path_digest"} & set(person)


async def test_people_are_changed_and_removed(served: Office) -> None:
    assert "Nobody is known yet" in await good(served, "users", "list")
    await good(served, "users", "add", "ada", "--no-password")
    assert "operator" in await good(served, "users", "role", "ada", "operator")
    await good(served, "users", "password", "ada", stdin=PASSWORD)
    assert "yes" in await good(served, "users", "list")
    await good(served, "users", "password", "ada", "--none")
    assert "ada is removed; parked documents canceled: 0." in await good(served, "users", "remove", "ada")


async def test_a_link_is_made_and_revoked(served: Office) -> None:
    await good(served, "users", "add", "ada", "--no-password")
    assert "ipps://printhost:8631/ipp/print/u/" in await good(served, "users", "link", "ada")
    assert len(json.loads(await good(served, "users", "link", "ada", "--json"))["uris"]) == 1
    await good(served, "users", "link", "ada", "--revoke")
    person = await served.people.get("ada")
    assert not person.has_path


async def test_queues_are_added_changed_and_removed(served: Office) -> None:
    assert "hold *" in await good(served, "queues", "list")
    await good(served, "queues", "add", "second", "--authentication", "basic", "--info", "Two")
    await good(served, "queues", "set", "second", "--default")
    assert "second *" in await good(served, "queues", "list")
    await good(served, "queues", "remove", "hold")
    (queue,) = json.loads(await good(served, "queues", "list", "--json"))
    assert (queue["name"], queue["authentication"], queue["default"]) == ("second", "basic", True)


async def test_what_the_daemon_refuses_is_told_in_its_words(served: Office) -> None:
    result = await run(served.folder, "queues", "remove", "hold")
    assert result.exit_code == 1
    assert result.stderr == "pullprint: queue 'hold' is the default: make another one the default first\n"


async def test_printers_are_added_listed_probed_and_removed(served: Office) -> None:
    uri = "ipps://laser.example/ipp/print"
    assert "Laser 9000" in await good(served, "printers", "add", uri, "--name", "laser")
    assert "two-sided, pdf" in await good(served, "printers", "list")
    assert "Laser 9000" in await good(served, "printers", "probe", "laser")
    assert "Laser 9000" in await good(served, "printers", "trust", "laser", "--certificate", "ab" * 32)
    (told,) = json.loads(await good(served, "printers", "list", "--json"))
    assert told["certificate"] == "ab" * 32
    await good(served, "printers", "add", "file:/tmp/out", "--no-probe", "--location", "Hall")
    await good(served, "printers", "remove", "laser")
    assert "Hall" in await good(served, "printers", "list")


async def test_jobs_are_listed_released_and_canceled(served: Office) -> None:
    first, second = await served.park("ada", "Übersicht"), await served.park("bob")
    await good(served, "printers", "add", "file:/tmp/out", "--name", "out")
    assert "Übersicht" in await good(served, "jobs", "list", "--owner", "ada")
    assert "job-release-wait" in await good(served, "jobs", "show", str(first))
    assert "out" in await good(served, "release", str(first), "--to", "out")
    assert "canceled" in await good(served, "cancel", str(second))
    assert "bob" in await good(served, "jobs", "list", "--which", "finished")


async def test_a_job_with_a_pin_is_released_with_it_only(served: Office) -> None:
    await good(served, "printers", "add", "file:/tmp/out", "--name", "out", "--no-probe")
    number = str(await served.park("ada", password=b"4711"))
    for words, stdin in ((), ""), (("--pin",), "0815\n"):
        result = await run(served.folder, "release", number, "--to", "out", *words, stdin=stdin)
        assert result.exit_code == 1
        assert f"job {number} has a PIN (`--pin` asks for it)" in result.stderr
        assert "0815" not in result.output
    result = await run(served.folder, "release", number, "--to", "out", "--pin")
    assert (result.exit_code, result.stderr) == (
        1,
        "pullprint: no PIN: type one, or give it on standard input\n",
    )
    shown = await good(served, "release", number, "--to", "out", "--pin", stdin="4711\n")
    assert "pending" in shown
    assert "4711" not in shown


async def test_the_ledger_is_shown_and_verified(served: Office) -> None:
    await served.park("ada")
    assert "job-created" in await good(served, "ledger", "show")
    verdict = json.loads(await good(served, "ledger", "verify", "--json"))
    assert "none changed" in await good(served, "ledger", "verify", "--head", verdict["head"])


async def test_a_ledger_that_was_changed_has_its_own_exit_code(served: Office) -> None:
    result = await run(served.folder, "ledger", "verify", "--head", "1:" + "0" * 64)
    assert result.exit_code == EXIT_UNSOUND
    assert "not what was written" in result.stdout


async def test_a_profile_is_a_file_that_others_cannot_read(served: Office, tmp_path: Path) -> None:
    await good(served, "users", "add", "ada", "--no-password")
    file = tmp_path / "ada.mobileconfig"
    for _ in range(2):
        shown = await good(served, "profile", "ada", "--host", "print.example", "--output", str(file))
        assert "prints as ada" in shown
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.read_bytes().endswith(b" print.example")
        file.chmod(0o644)  # and is made anew in its place


async def test_a_profile_lies_in_this_folder_whatever_its_person_is_called(
    served: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    for name in ("../ada", "corp/ada", f"{tmp_path}/ada"):
        await good(served, "users", "add", name, "--no-password")
        await good(served, "profile", name)
    assert len(list(here.iterdir())) == 3
    assert not (tmp_path / "ada.mobileconfig").exists()


async def test_a_profile_that_cannot_be_written_says_so(served: Office, tmp_path: Path) -> None:
    await good(served, "users", "add", "ada", "--no-password")
    result = await run(served.folder, "profile", "ada", "--output", str(tmp_path / "none" / "x"))
    assert result.exit_code == 1
    assert "name another file by --output" in result.stderr


async def test_the_daemon_tells_how_it_is(served: Office) -> None:
    assert "listens at *:8631" in await good(served, "status")


def test_serve_takes_the_command_line_before_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    served: list[Config] = []
    monkeypatch.setattr(daemon, "run", served.append)
    file = tmp_path / "p.toml"
    file.write_text('name = "Library"\n[listen]\nport = 1\n[log]\nlevel = "error"')
    words = ["serve", "--config", str(file), "--data", str(tmp_path), "--port", "0", "--log-level", "debug"]
    assert CliRunner().invoke(main, words).exit_code == 0
    (config,) = served
    assert (config.name, config.listen.port, config.log.level) == ("Library", 0, "debug")
    assert config.folder == tmp_path


def test_a_daemon_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(config: Config) -> None:
        raise daemon.StartError("port 631 cannot be listened at: choose another by --port")

    monkeypatch.setattr(daemon, "run", refuse)
    result = CliRunner().invoke(main, ["serve", "--data", str(tmp_path)])
    assert result.exit_code == 1
    assert result.stderr == "pullprint: port 631 cannot be listened at: choose another by --port\n"


@pytest.mark.parametrize(
    "words", [["--help"], ["serve", "--help"], ["users", "add", "--help"], ["--version"]]
)
def test_help_is_given(words: list[str]) -> None:
    assert CliRunner().invoke(main, words).exit_code == 0


@pytest.mark.parametrize(
    "words", [["jobs", "show", "x"], ["release", "1"], ["queues", "add", "a", "--kind", "x"]]
)
def test_wrong_usage_is_exit_code_2(words: list[str]) -> None:
    assert CliRunner().invoke(main, words).exit_code == 2


def test_a_database_is_not_opened_by_a_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Database, "open", None)
    assert CliRunner().invoke(main, ["users", "list", "--data", str(tmp_path)]).exit_code == EXIT_NOT_RUNNING
    assert not list(tmp_path.iterdir())
