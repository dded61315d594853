"""Where this machine is reached: names it answers to, and the URIs it gives people."""

from server.config import Listen
from server.place import Place


def test_a_machine_is_reached_by_its_local_name() -> None:
    place = Place(Listen(), "lab7")
    assert place.host == "lab7.local"
    assert place.title == "lab7"
    assert place.hosts == {"lab7.local", "lab7", "localhost"}


def test_a_configured_name_comes_first() -> None:
    place = Place(Listen(names=("Print.Example.org",)), "lab7.example.org", name="Library")
    assert place.host == "Print.Example.org"
    assert place.title == "Library"
    assert {"print.example.org", "lab7.example.org", "lab7", "lab7.local"} <= place.hosts


def test_a_machine_that_listens_at_one_address_is_reached_there() -> None:
    assert Place(Listen(addresses=("192.0.2.7",)), "lab7").host == "192.0.2.7"
    assert Place(Listen(addresses=("*", "::1")), "lab7").host == "lab7.local"


def test_a_machine_without_a_name_is_reached_from_itself() -> None:
    assert Place(Listen(), "localhost").host == "localhost"
    assert Place(Listen(), "").host == "localhost"


def test_people_are_given_tls_first_and_secrets_by_tls_only() -> None:
    place = Place(Listen(port=631), "lab7")
    assert place.uris("/ipp/print") == ["ipps://lab7.local:631/ipp/print", "ipp://lab7.local:631/ipp/print"]
    assert place.uris("/x", secret=True) == ["ipps://lab7.local:631/x"]
    assert Place(Listen(plain=False), "lab7").uris("/x") == ["ipps://lab7.local:8631/x"]
    assert place.page() == "http://lab7.local:631/"
    assert Place(Listen(plain=False), "lab7").page() == "https://lab7.local:8631/"


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert Place(Listen(addresses=("2001:db8::7",)), "lab7").uris("/x")[0] == "ipps://[2001:db8::7]:8631/x"


def test_a_name_that_the_network_gave_is_let_in_and_used() -> None:
    place = Place(Listen(), "lab7")
    place.meet("lab7-2.local")
    assert place.host == "lab7-2.local"
    assert "lab7-2.local" in place.hosts
    named = Place(Listen(names=("print.example.org",)), "lab7")
    named.meet("lab7-2.local")
    assert named.host == "print.example.org"
