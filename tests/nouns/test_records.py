"""A record is a frozen dataclass to all that takes dataclasses, as the standard library's own is."""

import copy
import dataclasses
import pickle
from dataclasses import field
from typing import Any

import msgspec
import pytest

from inspector import records


def classes() -> list[Any]:
    """Return the same class made by the standard library and by ours."""
    made = []
    for decorate in (dataclasses.dataclass, records.dataclass):

        class Thing:
            """A thing."""

            name: str
            size: int = 0
            parts: dict[str, int] = field(default_factory=dict)
            aside: dict[str, int] = field(default_factory=dict, compare=False, repr=False)

        made.append(decorate(frozen=True, slots=True, kw_only=True)(Thing))
    return made


@records.dataclass(frozen=True, slots=True)
class Pair:
    """Has a place in a module, as pickle wants it."""

    left: str
    right: tuple[int, ...] = ()

    def _values(self) -> str:
        """Return what is its own: no name that a record has besides may stand in the way of one."""
        return self.left


def test_both_are_printed_compared_and_replaced_alike() -> None:
    for thing in classes():
        one = thing(name="a", parts={"x": 1})
        assert repr(one).endswith("Thing(name='a', size=0, parts={'x': 1})")
        assert one == thing(name="a", size=0, parts={"x": 1}) != dataclasses.replace(one, size=1)
        assert one != ("a", 0, {"x": 1})
        assert thing(name="a").parts is not thing(name="a").parts
        assert not hasattr(one, "__dict__")


def test_both_refuse_what_a_frozen_class_refuses() -> None:
    for thing in classes():
        one = thing(name="a")
        with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'size'"):
            one.size = 1
        with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'size'"):
            del one.size
        with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'name'"):
            thing()
        with pytest.raises(TypeError, match="unhashable type: 'dict'"):
            hash(one)
        with pytest.raises(TypeError, match="positional argument"):
            thing("a")


def test_both_leave_out_what_is_not_to_be_compared_or_shown() -> None:
    for thing in classes():
        one = thing(name="a", aside={"x": 1})
        assert one == thing(name="a")
        assert "aside" not in repr(one)


def test_what_is_not_compared_has_no_part_in_the_hash() -> None:
    @records.dataclass(frozen=True, slots=True)
    class Key:
        key: str
        of: dict[str, int] = field(compare=False)

    assert {Key("a", {}): 1}[Key("a", {"x": 1})] == 1


def test_methods_of_the_class_stay() -> None:
    assert Pair("a")._values() == "a"


def test_equal_ones_have_one_hash() -> None:
    assert len({Pair("a", (1,)), Pair(left="a", right=(1,)), Pair("a")}) == 2


def test_copies_and_what_msgspec_read_are_the_same() -> None:
    one = Pair("a", (1, 2))
    assert copy.copy(one) == copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == one
    assert msgspec.json.decode(msgspec.json.encode(one), type=Pair) == one


def test_what_may_change_is_no_record() -> None:
    with pytest.raises(TypeError, match="frozen"):
        records.dataclass(frozen=False, slots=True)(Pair)
