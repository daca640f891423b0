"""The nouns: each is to be had from ``inspector.facts``, and its types can be read by what encodes it."""

import ast
import typing
from importlib import import_module
from pathlib import Path

import pytest

from inspector import facts

MODULES = sorted(path for path in Path(facts.__file__).parent.glob("*.py") if path.stem != "__init__")


def defined(module: Path) -> set[str]:
    """Return the names that a module defines."""
    names = set()
    for statement in ast.parse(module.read_text()).body:
        if isinstance(statement, ast.ClassDef):
            names.add(statement.name)
        elif isinstance(statement, ast.Assign):
            names |= {target.id for target in statement.targets if isinstance(target, ast.Name)}
    return names


def test_the_package_has_every_name_of_its_modules_and_no_other() -> None:
    assert set().union(*map(defined, MODULES)) == {*facts.__all__}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_a_name_is_the_one_of_its_module_and_its_types_are_known_there(module: Path) -> None:
    home = import_module(f"inspector.facts.{module.stem}")
    for name in defined(module):
        assert getattr(facts, name) is getattr(home, name)
        if isinstance(getattr(home, name), type):
            typing.get_type_hints(getattr(home, name))


def test_what_is_no_noun_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Fact'"):
        _ = facts.Fact
