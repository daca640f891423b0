"""``dataclass`` for frozen classes with slots, made in a fraction of the time; type checkers take it for the usual one.

``dataclasses.dataclass`` writes and compiles the text of seven methods for every frozen class (CPython 3.11 and 3.12,
``dataclasses._create_fn``), a millisecond or more; a scan needs a hundred such classes before it can begin. Here only
``__init__`` is written for the class, the other methods are the same for all. What comes out is a dataclass to
``fields``, ``replace``, ``copy`` and msgspec.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Never

_UNSET = object()


def _frozen(*, frozen: bool, slots: bool, kw_only: bool = False) -> Callable[[Any], Any]:
    """Make a frozen dataclass with slots of the class that is decorated.

    Raises:
        TypeError: if it is not to be both, for which there is ``dataclasses.dataclass``.
    """
    if not (frozen and slots):
        raise TypeError("a record is frozen and has slots")

    def make(cls: Any) -> Any:
        made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)(cls)
        fields = dataclasses.fields(made)
        methods = {
            "__record_values__": attrgetter(*(field.name for field in fields if field.compare)),
            "__init__": _initialiser(fields, kw_only=kw_only),
            "__setattr__": _refuse_to_set,
            "__delattr__": _refuse_to_delete,
            "__setstate__": _restore,
            "__eq__": _is_equal,
            "__hash__": _hash_of,
            "__repr__": _text_of,
        }
        for name, method in methods.items():
            setattr(made, name, method)
        return made

    return make


if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = _frozen


def _initialiser(fields: tuple[dataclasses.Field[Any], ...], *, kw_only: bool) -> Callable[..., None]:
    """Return ``__init__``, as ``dataclasses`` writes it for a frozen class."""
    known: dict[str, Any] = {"_set": object.__setattr__, "_unset": _UNSET}
    parameters, lines = ["self", *(["*"] if kw_only else [])], []
    for field in fields:
        name = value = field.name
        if field.default_factory is not dataclasses.MISSING:
            known[f"_new_{name}"] = field.default_factory
            parameters.append(f"{name}=_unset")
            value = f"_new_{name}() if {name} is _unset else {name}"
        elif field.default is not dataclasses.MISSING:
            known[f"_default_{name}"] = field.default
            parameters.append(f"{name}=_default_{name}")
        else:
            parameters.append(name)
        lines.append(f" _set(self, '{name}', {value})\n")
    exec(f"def __init__({', '.join(parameters)}):\n{''.join(lines)}", known)  # noqa: S102 - the names are our classes' own
    made: Callable[..., None] = known["__init__"]
    return made


def _refuse_to_set(_self: Any, name: str, _value: object) -> Never:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_self: Any, name: str) -> Never:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _restore(self: Any, state: tuple[None, dict[str, Any]]) -> None:
    """Take the state that ``object.__getstate__`` gives of slots."""
    for name, value in state[1].items():
        object.__setattr__(self, name, value)


def _is_equal(self: Any, other: Any) -> bool:
    return (
        self.__record_values__(self) == self.__record_values__(other)
        if other.__class__ is self.__class__
        else NotImplemented
    )


def _hash_of(self: Any) -> int:
    return hash(self.__record_values__(self))


def _text_of(self: Any) -> str:
    shown = (f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr)
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


__all__ = ["dataclass"]
