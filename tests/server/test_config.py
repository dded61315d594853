"""The configuration: what may be written, what an error says, where things are without a file."""

import ipaddress
import re
import tomllib
from pathlib import Path

import pytest

from server.config import (
    Config,
    ConfigError,
    PrinterSettings,
    QueueSettings,
    check_name,
    check_printer,
    data_folder,
    load,
    parse,
    places,
    resolve,
)


def test_an_empty_file_is_the_defaults() -> None:
    assert parse("") == Config()


def test_the_defaults_pass_their_own_checks() -> None:
    config = parse("")
    assert config.listen.port == 8631
    assert config.listen.addresses == ("*",)
    assert all(network.is_private or network.is_link_local for network in config.trusted_networks)
    assert ipaddress.ip_address("8.8.8.8") not in config.trusted_networks[0]


def test_a_whole_file_is_read() -> None:
    config = parse(
        """
        name = "Library"
        [listen]
        addresses = ["192.168.7.1"]
        port = 631
        names = ["print.example.org"]
        [tls]
        certificate = "/etc/tls/print.pem"
        [log]
        format = "json"
        [identity]
        trusted_networks = ["192.168.7.0/24"]
        [[printers]]
        name = "corridor"
        uri = "ipps://10.0.0.7/ipp/print"
        [[queues]]
        name = "follow"
        authentication = "basic"
        release = "job-password"
        default = true
        [[queues]]
        name = "corridor"
        kind = "direct"
        printer = "corridor"
        """
    )
    assert config.queues[0].path == "/ipp/print/follow"
    assert config.queues[1] == QueueSettings(name="corridor", kind="direct", printer="corridor")
    assert config.printers == (PrinterSettings(name="corridor", uri="ipps://10.0.0.7/ipp/print"),)
    assert config.trusted_networks == (ipaddress.ip_network("192.168.7.0/24"),)


@pytest.mark.parametrize(
    ("text", "path", "said"),
    [
        ("x =", "$", "TOML"),
        ("[listen]\nprot = 1", "$.listen.prot", "did you mean 'port'"),
        ("zzz = 1", "$.zzz", "there are data, name"),
        ('[listen]\nport = "x"', "$.listen.port", "write a whole number here, not a text"),
        ("[listen]\nport = 65536", "$.listen.port", "0 (any) to 65535"),
        ("[listen]\naddresses = []", "$.listen.addresses", "give addresses"),
        ('[tls]\nkey = "k.pem"', "$.tls.key", "give `certificate` too"),
        ('[log]\nlevel = "loud"', "$.log.level", "debug, error, info, warning"),
        ("[identity]\nrealm = '\"'", "$.identity.realm", "no quote"),
        ('[identity]\ntrusted_networks = ["10.0.0.1/8"]', "$.identity.trusted_networks[0]", "host bits"),
        ('[discovery]\ninterfaces = ["eth0"]', "$.discovery.interfaces[0]", "no address"),
        ("[jobs]\nexpire_after_s = 0", "$.jobs.expire_after_s", "above 0"),
        ("[jobs]\nexpire_after_s = 2147483648", "$.jobs.expire_after_s", "at most 2147483647 seconds"),
        ("[jobs]\nforget_after_s = 1000000000000", "$.jobs.forget_after_s", "at most"),
        ("[jobs]\nincoming_time_out_s = 1e10", "$.jobs.incoming_time_out_s", "a whole number"),
        ("[jobs]\nincoming_time_out_s = 3000000000", "$.jobs.incoming_time_out_s", "at most"),
        ('[listen]\nnames = ["a", ""]', "$.listen.names[1]", "no host name"),
        ('[listen]\nnames = ["a b"]', "$.listen.names[0]", "no host name"),
        ('[listen]\nnames = ["http://a/"]', "$.listen.names[0]", "no host name"),
        ('[listen]\nnames = ["[::1]"]', "$.listen.names[0]", "no host name"),
        ('[listen]\nnames = ["a\\u0000"]', "$.listen.names[0]", "no host name"),
        ('name = "a\\u001b"', "$.name", "control character"),
        ('data = "\\u0000"', "$.data", "NUL"),
        (f"x = {'[' * 5000}", "$", "not a configuration file"),
        ("queues = 3", "$.queues", "write a list here, not a whole number"),
        ('[[queues]]\nkind = "hold"', "$.queues[0].name", "missing"),
        (
            '[[queues]]\nname = "a"\n[[queues]]\nname = "b"\nkind = "parked"',
            "$.queues[1].kind",
            "direct, hold",
        ),
        ('[[queues]]\nname = "a"\n[[queues]]\nname = "a"', "$.queues[1].name", "there already"),
        ('[[queues]]\nname = "a"\nkind = "direct"', "$.queues[0].printer", "name it"),
        (
            '[[queues]]\nname = "a"\ndefault = true\n[[queues]]\nname = "b"\ndefault = true',
            "$.queues[1].default",
            "only one",
        ),
        ('[[printers]]\nname = "a"\nuri = "ipp://me:pw@host/"', "$.printers[0].uri", "leave it out"),
    ],
)
def test_an_error_says_where_and_what_to_do(text: str, path: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert caught.value.path == path
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)


def test_a_machine_is_called_by_any_name_or_address() -> None:
    names = ("print", "print.example.org.", "drucker.bücher.example", "10.0.0.1", "fe80::1", "a_b")
    assert parse(f"[listen]\nnames = {list(names)}").listen.names == names


def test_a_password_in_a_uri_is_not_repeated_in_the_error() -> None:
    with pytest.raises(ConfigError) as caught:
        parse('[[printers]]\nname = "a"\nuri = "ipp://me:sesame@host/"')
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "u", "12", "Hold", "a b", "-a", "a-", "a/b", "x" * 64, "ä", "a\n"])
def test_a_name_that_cannot_stand_in_a_path_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot name a queue"):
        check_name(name, "$.name", "queue")


@pytest.mark.parametrize("name", ["a", "hold", "2nd-floor", "x" * 63])
def test_a_name_that_can_stand_in_a_path_is_taken(name: str) -> None:
    check_name(name, "$.name", "queue")


@pytest.mark.parametrize(
    "uri", ["ipps://p.example/ipp/print", "ipp://10.0.0.1:8631/", "socket://[fe80::1]:9100", "file:/var/out"]
)
def test_a_printer_is_reached_by_any_uri_we_speak(uri: str) -> None:
    check_printer(PrinterSettings(name="p", uri=uri))


@pytest.mark.parametrize(
    "uri", ["", "p.example", "http://p.example/", "ipp://", "ipp://[::1/", "ipp://h:0/", "file:"]
)
def test_a_printer_with_a_uri_that_leads_nowhere_is_refused(uri: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_printer(PrinterSettings(name="p", uri=uri))
    assert caught.value.path == "$.uri"


def test_a_text_that_no_printer_attribute_holds_is_refused() -> None:
    with pytest.raises(ConfigError, match="127 octets"):
        check_printer(PrinterSettings(name="p", uri="file:/x", info="ä" * 64))
    with pytest.raises(ConfigError, match="control character"):
        check_printer(PrinterSettings(name="p", uri="file:/x", location="a\x1b[2J"))


def test_without_a_file_nothing_needs_to_be_there(tmp_path: Path) -> None:
    assert load(None, {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}) == Config()


def test_the_users_own_file_is_found(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path)}
    place = places(environment)[0]
    place.parent.mkdir(parents=True)
    place.write_text('name = "Mine"')
    assert load(None, environment).name == "Mine"


def test_an_error_in_a_file_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "pullprint.toml"
    file.write_text("[listen]\nport = -1")
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    assert str(caught.value).startswith(f"{file}: $.listen.port: ")


@pytest.mark.parametrize("octets", [b"\xff", b"#" * (1024 * 1024 + 1)])
def test_a_file_that_is_no_configuration_is_refused(tmp_path: Path, octets: bytes) -> None:
    file = tmp_path / "pullprint.toml"
    file.write_bytes(octets)
    with pytest.raises(ConfigError, match=r"pullprint\.toml"):
        load(file, {})


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.toml", {})


def test_data_lies_where_the_system_says() -> None:
    assert data_folder({"HOME": "/home/ada"}) == Path("/home/ada/.local/share/pullprint")
    assert data_folder({"HOME": "/home/ada", "XDG_DATA_HOME": "/d"}) == Path("/d/pullprint")
    assert data_folder({"STATE_DIRECTORY": "/var/lib/pullprint:/x"}) == Path("/var/lib/pullprint")


def test_what_is_said_on_the_command_line_comes_first(tmp_path: Path) -> None:
    config = Config(data="/from/file")
    assert resolve(config, {}).folder == Path("/from/file")
    assert resolve(config, {}, data=tmp_path).folder == tmp_path
    assert resolve(Config(), {"HOME": "/home/ada"}).folder == Path("/home/ada/.local/share/pullprint")


def test_the_example_says_every_default_and_its_comments_are_true() -> None:
    text = (Path(__file__).parents[2] / "examples" / "pullprint.toml").read_text()
    assert parse(text) == Config()
    assert set(tomllib.loads(text)) == set(Config.__struct_fields__) - {"queues", "printers"}
    for name, section in tomllib.loads(text).items():
        if isinstance(section, dict):
            assert set(section) == set(type(getattr(Config(), name)).__struct_fields__)
    commented = "\n".join(line[2:] for line in text.splitlines() if re.match(r"# (\[\[|\w+ = )", line))
    made = parse(commented)
    assert made.printers[0].uri == "ipps://192.0.2.7/ipp/print"
    assert made.queues == (QueueSettings(name="park", default=True),)
