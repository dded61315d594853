"""Messages, groups and attributes as their callers use them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ipp import (
    Attribute,
    Attributes,
    Collection,
    DateTime,
    Group,
    GroupTag,
    LanguageString,
    Message,
    Operation,
    OutOfBand,
    RemoteProtocolError,
    Status,
    Tag,
)

NOW = DateTime(2026, 11, 21, 20, 39, 4, 0, "+", 0, 0)
SIZE = Collection([Attribute.of("x-dimension", Tag.INTEGER, 21000)])


class TestAttribute:
    def test_of_gives_each_value_the_tag(self) -> None:
        made = Attribute.of("sides-supported", Tag.KEYWORD, "one-sided", "two-sided-long-edge")
        assert made.tags == b"\x44\x44"
        assert (made.tag, made.value) == (Tag.KEYWORD, "one-sided")

    def test_an_out_of_band_value_brings_its_own_tag(self) -> None:
        assert Attribute.of("media", Tag.KEYWORD, OutOfBand.NO_VALUE, "a4").tags == b"\x13\x44"

    def test_it_cannot_be_changed(self) -> None:
        with pytest.raises(AttributeError):
            Attribute.of("copies", Tag.INTEGER, 1).name = "sides"  # type: ignore[misc]  # on purpose

    def test_it_can_be_renamed(self) -> None:
        assert Attribute.of("media", 0x44, "a4").renamed("media-default") == Attribute.of(
            "media-default", 0x44, "a4"
        )

    @pytest.mark.parametrize(
        "other",
        [
            Attribute.of("b", 0x21, 1),
            Attribute.of("a", 0x23, 1),
            Attribute.of("a", 0x21, 2),
            Attribute.of("a", 0x21, 1, 1),
        ],
    )
    def test_equal_are_name_tags_and_values(self, other: Attribute) -> None:
        assert Attribute.of("a", 0x21, 1) == Attribute.of("a", 0x21, 1)
        assert Attribute.of("a", 0x21, 1) != other


class TestAttributes:
    def test_they_keep_their_order_and_what_is_there_twice(self) -> None:
        first, second = Attribute.of("a", 0x21, 1), Attribute.of("a", 0x21, 2)
        group = Group(1, [first, Attribute.of("b", 0x21, 3), second])
        assert group.names() == ["a", "b", "a"]
        assert len(group) == 3
        assert group["a"] is first
        assert "b" in group
        assert group.get("c") is None
        with pytest.raises(KeyError):
            group["c"]

    def test_what_is_added_is_found_even_after_a_look(self) -> None:
        group = Group(1)
        assert "a" not in group
        group.add(Attribute.of("a", 0x21, 1), Attribute.of("b", 0x21, 2))
        assert group.integer("b") == 2

    def test_put_replaces_in_place_or_appends(self) -> None:
        group = Group(1, [Attribute.of("a", 0x21, 1), Attribute.of("b", 0x21, 2)])
        assert group.integer("a") == 1
        group.put(Attribute.of("a", 0x21, 3))
        group.put(Attribute.of("c", 0x21, 4))
        assert group.names() == ["a", "b", "c"]
        assert group.integer("a") == 3

    def test_discard_removes_every_one_of_the_name(self) -> None:
        group = Group(1, [Attribute.of("a", 0x21, 1), Attribute.of("b", 0x21, 2), Attribute.of("a", 0x21, 3)])
        assert "a" in group
        group.discard("a")
        group.discard("never there")
        assert group.names() == ["b"]
        assert "a" not in group

    def test_the_list_given_stays_the_caller_s(self) -> None:
        given = [Attribute.of("a", 0x21, 1)]
        group = Group(1, given)
        group.add(Attribute.of("b", 0x21, 1))
        assert len(given) == 1

    def test_a_group_a_collection_and_plain_attributes_differ(self) -> None:
        assert Group(1) != Group(2)
        assert Group(1) == Group(GroupTag.OPERATION)
        assert Collection() != Group(1)
        assert Attributes() != Collection()
        assert Attributes() == Attributes()

    @pytest.mark.parametrize("made", [Group(1), Collection(), Attributes()])
    def test_what_can_be_changed_cannot_be_hashed(self, made: Attributes) -> None:
        with pytest.raises(TypeError):
            hash(made)

    def test_they_show_what_they_hold(self) -> None:
        attribute = Attribute.of("a", 0x21, 1)
        assert repr(Group(2, [attribute])) == f"Group(JOB, [{attribute!r}])"
        assert repr(Collection([attribute])) == f"Collection([{attribute!r}])"


GROUP = Group(
    1,
    [
        Attribute.of("integer", Tag.INTEGER, 5, 6),
        Attribute.of("enum", Tag.ENUM, 3),
        Attribute.of("boolean", Tag.BOOLEAN, False),
        Attribute.of("keyword", Tag.KEYWORD, "one", "two"),
        Attribute("name", b"\x36\x42", (LanguageString("eins", "de"), "zwei")),
        Attribute.of("collection", Tag.BEG_COLLECTION, SIZE, SIZE),
        Attribute.of("dateTime", Tag.DATE_TIME, NOW),
        Attribute.of("out-of-band", Tag.NO_VALUE, OutOfBand.NO_VALUE),
        Attribute.of("mixed", Tag.KEYWORD, "one", OutOfBand.UNKNOWN),
    ],
)


class TestTypedGetters:
    def test_they_give_values_of_their_kind(self) -> None:
        assert GROUP.integer("integer") == 5
        assert GROUP.integer("enum") == 3
        assert GROUP.integers("integer") == (5, 6)
        assert GROUP.boolean("boolean") is False
        assert GROUP.string("keyword") == "one"
        assert GROUP.strings("keyword") == ("one", "two")
        assert GROUP.strings("name") == ("eins", "zwei")
        assert GROUP.collection("collection") is SIZE
        assert GROUP.collections("collection") == (SIZE, SIZE)
        assert GROUP.date_time("dateTime") == NOW

    @pytest.mark.parametrize("name", ["absent", "out-of-band"])
    def test_what_is_absent_or_out_of_band_is_the_default(self, name: str) -> None:
        assert GROUP.integer(name) is None
        assert GROUP.integer(name, 7) == 7
        assert GROUP.boolean(name) is None
        assert GROUP.boolean(name, True) is True
        assert GROUP.string(name) is None
        assert GROUP.string(name, "none") == "none"
        assert GROUP.collection(name) is None
        assert GROUP.date_time(name) is None
        assert GROUP.integers(name) == GROUP.strings(name) == GROUP.collections(name) == ()

    @pytest.mark.parametrize(
        ("getter", "name"),
        [
            (GROUP.integer, "keyword"),
            (GROUP.integer, "boolean"),
            (GROUP.integers, "boolean"),
            (GROUP.integers, "keyword"),
            (GROUP.boolean, "integer"),
            (GROUP.string, "integer"),
            (GROUP.strings, "integer"),
            (GROUP.strings, "mixed"),
            (GROUP.collection, "keyword"),
            (GROUP.collections, "keyword"),
            (GROUP.date_time, "keyword"),
        ],
    )
    def test_a_value_of_another_kind_is_the_peer_s_mistake(
        self, getter: Callable[[str], object], name: str
    ) -> None:
        with pytest.raises(RemoteProtocolError, match=name) as caught:
            getter(name)
        assert caught.value.status == Status.CLIENT_ERROR_BAD_REQUEST
        assert caught.value.offset is None


class TestMessage:
    def test_its_groups_are_found_by_tag(self) -> None:
        jobs = [Group(2, [Attribute.of("job-id", 0x21, number)]) for number in (1, 2)]
        message = Message(0, 1, [Group(1, [Attribute.of("status-message", 0x41, "ok")]), *jobs, Group(4)])
        assert message.operation_attributes.string("status-message") == "ok"
        assert message.job is jobs[0]
        assert message.jobs == jobs
        assert message.printer is message.groups[3]
        assert message.groups_of(GroupTag.SYSTEM) == []

    def test_a_group_that_is_not_there_is_empty_and_not_added(self) -> None:
        message = Message(0)
        message.job.add(Attribute.of("job-id", 0x21, 1))
        assert message.groups == []
        assert message.job == Group(2)

    def test_its_code_is_an_operation_or_a_status(self) -> None:
        assert Message(0x000A).operation is Operation.GET_JOBS
        assert Message(0x0406).status is Status.CLIENT_ERROR_NOT_FOUND
        assert Message(0x7F00).operation.name == "0x7f00"

    def test_messages_do_not_share_their_groups(self) -> None:
        first = Message(2)
        first.groups.append(Group(1))
        assert Message(2).groups == []
