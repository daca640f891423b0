"""Where settings come from, which of them a directory may set, and that nothing in a file is a traceback."""

import json
import os
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.cli import inspector as group
from inspector.errors import UsageError
from inspector.policy import KEYS, load_configuration
from policy.running import run, sample_facts, write


@pytest.fixture
def facts(tmp_path: Path) -> str:
    return write(tmp_path / "facts.json", sample_facts())


def settings(directory: Path, *flags: str, **variables: str) -> dict[str, tuple[object, str]]:
    done = run(directory, *flags, "config", "show", "--format", "json", **variables)
    assert done.returncode == 0, done.stderr
    return {s["key"]: (s["value"], s["from"]) for s in json.loads(done.stdout)["settings"]}


def test_flags_then_variables_then_the_directory_then_the_user(tmp_path: Path, facts: str) -> None:
    home = tmp_path / "home"
    (home / "inspector").mkdir(parents=True)
    own = home / "inspector" / "config.toml"
    xdg = {"XDG_CONFIG_HOME": str(home)}
    judge = ("judge", facts, "-q", "-e", "docker-network-ubuntu")

    own.write_text("exit-code = 10\ncache-dir = 'kept'\n")
    assert settings(tmp_path, **xdg)["exit-code"] == (10, f"{own}:1")
    assert settings(tmp_path, **xdg)["cache-dir"] == (str(own.parent / "kept"), f"{own}:2")
    assert run(tmp_path, *judge, **xdg).returncode == 10

    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n[tool.inspector]\nexit-code = 11\n")
    assert settings(tmp_path, **xdg)["exit-code"] == (11, "pyproject.toml:4")
    assert run(tmp_path, *judge, **xdg).returncode == 11

    (tmp_path / ".inspector.toml").write_text("# how this project is held\n'exit-code' = 12\n")
    assert settings(tmp_path, **xdg)["exit-code"] == (12, ".inspector.toml:2")
    assert run(tmp_path, *judge, **xdg).returncode == 12

    xdg["INSPECTOR_EXIT_CODE"] = "13"
    assert settings(tmp_path, **xdg)["exit-code"] == (13, "INSPECTOR_EXIT_CODE")
    assert run(tmp_path, *judge, **xdg).returncode == 13
    assert run(tmp_path, *judge, "--exit-code", "14", **xdg).returncode == 14

    del xdg["INSPECTOR_EXIT_CODE"]
    assert run(tmp_path, "--no-config", *judge, **xdg).returncode == 1
    assert run(tmp_path, *judge, INSPECTOR_NO_CONFIG="1", **xdg).returncode == 1
    (tmp_path / "ci.toml").write_text("exit-code = 15\ncache-dir = '/var/cache/x'\n")
    assert run(tmp_path, "--config", "ci.toml", *judge, **xdg).returncode == 15
    assert run(tmp_path, *judge, INSPECTOR_CONFIG="ci.toml", **xdg).returncode == 15
    assert run(tmp_path, "--config", "absent.toml", *judge).returncode == 2


def test_the_text_says_value_and_place(tmp_path: Path) -> None:
    (tmp_path / ".inspector.toml").write_text('environment = [\n  "kubernetes",\n]\n')
    lines = run(tmp_path, "config", "show").stdout.splitlines()
    assert any(line.split() == ["environment", "kubernetes", ".inspector.toml:1"] for line in lines)
    assert any(line.split() == ["fail-on", "crash", "default"] for line in lines)
    assert "read .inspector.toml" in lines


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("failon = 'never'", ".inspector.toml:1: unknown key 'failon'; did you mean 'fail-on'?"),
        ("allow_incomplete = true", "did you mean 'allow-incomplete'?"),
        ("\nfail-on = 'sometimes'", ".inspector.toml:2: fail-on is 'sometimes'; allowed: crash, wrong, latent, unknown, never"),
        ("exit-code = 300", ".inspector.toml:1: exit-code is '300'; allowed: a whole number from 0 to 125"),
        ("exit-code = true", "exit-code is 'True'"),
        ("timeout = nan", "timeout is 'nan'; allowed: a number from 0.1"),
        ("quiet = 'yes'", "quiet is 'yes'; allowed: true or false"),
        ("format = 'yaml'", ".inspector.toml:1: format: 'yaml' is not one of"),
        ("env = ['GODEBUG']", ".inspector.toml:1: env is"),
        ("environment = ['kubernets']", ".inspector.toml:1: environment: no environment 'kubernets'"),
        ("call = ['sing']", ".inspector.toml:1: call: 'sing' is not one of"),
        ("a = ", ".inspector.toml:1: not TOML"),
        ("\x1b]0;title\x07 = 1", "not TOML"),
        ("x = " + "[" * 100_000, ".inspector.toml: nested too deeply"),
        ("x = " + "1" * 5000, ".inspector.toml"),
        ("# " + "x" * 1_100_000, "larger than"),
        # What a directory may not set: where to write, whom to trust, how to reach a registry, what lies outside of it.
        ("output = '/etc/passwd'", "unknown key 'output'"),
        ("cache-dir = 'here'", "cache-dir is not taken from a file in the working directory"),
        ("insecure = true", "insecure is not taken"),
        ("ca-cert = 'mine.pem'", "ca-cert is not taken"),
        ("resolv-conf = '/etc/shadow'", "resolv-conf leads out of the directory"),
        ("nsswitch = '../secret'", "nsswitch leads out of the directory"),
        ("waivers = 'link/waivers.toml'", "waivers leads out of the directory"),
        ("baseline = 'loop'", "baseline leads out of the directory"),
        ("environment = ['container:db']", "allowed: names of presets"),
        ("environment = ['host']", "allowed: names of presets"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, facts: str, text: str, told: str) -> None:
    (tmp_path / ".inspector.toml").write_text(text)
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / "loop").symlink_to("loop")
    done = run(tmp_path, "judge", facts)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1 and "\x1b" not in done.stderr and done.stdout == ""
    assert run(tmp_path, "judge", "--help").returncode == 0, "help works whatever the files hold"
    assert run(tmp_path, "resolve", "--table").returncode == 0


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path, facts: str) -> None:
    os.mkfifo(tmp_path / ".inspector.toml")
    done = run(tmp_path, "judge", facts)
    assert (done.returncode, done.stderr) == (2, "inspector: .inspector.toml is not a regular file\n")


def test_paths_below_the_directory_are_taken_from_it(tmp_path: Path, facts: str) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "resolv.conf").write_text("options edns0\n")
    (tmp_path / ".inspector.toml").write_text("resolv-conf = 'etc/resolv.conf'\n")
    assert run(tmp_path, "judge", facts).returncode == 1


def test_a_mistyped_variable_is_told_and_others_are_left_alone(tmp_path: Path, facts: str) -> None:
    strange = {"INSPECTOR_SERVICE_HOST": "10.0.0.1", "INSPECTOR_PORT": "tcp://10.0.0.1:80", "INSPECTOR_X": "1"}
    done = run(tmp_path, "judge", facts, "-q", INSPECTOR_FAILON="never", **strange)
    assert done.returncode == 1
    assert done.stderr == "inspector: the variable INSPECTOR_FAILON means nothing; did you mean INSPECTOR_FAIL_ON?\n"
    bad = run(tmp_path, "judge", facts, INSPECTOR_EXIT_CODE="many")
    assert (bad.returncode, bad.stderr.startswith("inspector: INSPECTOR_EXIT_CODE: exit-code is 'many'")) == (2, True)
    assert run(tmp_path, "judge", facts, INSPECTOR_ALLOW_INCOMPLETE="on", INSPECTOR_EXIT_CODE="9").returncode == 9


def test_every_key_is_a_flag_and_none_writes() -> None:
    context = click.Context(group)
    flags: dict[str, list[click.Parameter]] = {}
    for name in ("scan", "judge", "compose", "k8s", "facts"):
        command = group.get_command(context, name)
        assert command is not None
        for parameter in command.params:
            for option in parameter.opts:
                flags.setdefault(option, []).append(parameter)
    assert {f"--{key}" for key in KEYS} <= set(flags)
    assert not {"output", "write", "batch", "no-waivers"} & set(KEYS)


VALUES = st.recursive(
    st.one_of(
        st.booleans().map(lambda value: str(value).lower()),
        st.integers().map(str),
        st.floats().map(lambda value: repr(value).replace("e+", "e")),
        st.text(max_size=20).map(lambda value: json.dumps(value, ensure_ascii=True)),
        st.sampled_from(["1979-05-27", "07:32:00", "'crash'", "'/'", "'..'", '"a\\u0000b"']),
    ),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
    max_leaves=4,
)
LINES = st.tuples(st.one_of(st.sampled_from(sorted(KEYS)), st.text(max_size=8)), VALUES).map(" = ".join)
FILES = st.one_of(
    st.binary(max_size=200),
    st.lists(st.one_of(LINES, st.text(max_size=20)), max_size=5).map(lambda ls: "\n".join(ls).encode("utf-8", "replace")),
    st.lists(LINES, max_size=4).map(lambda ls: ("[tool.inspector]\n" + "\n".join(ls)).encode("utf-8", "replace")),
)  # fmt: skip


@given(FILES, st.sampled_from([".inspector.toml", "pyproject.toml", "inspector/config.toml"]))
def test_no_file_is_more_than_a_line_of_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str
) -> None:
    directory = tmp_path_factory.getbasetemp() / "configuration"
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    try:
        found = load_configuration(directory, {"XDG_CONFIG_HOME": str(directory)})
    except UsageError as error:
        assert "\n" not in str(error) and path.name in str(error)
    else:
        assert set(found.settings) <= set(KEYS)
        if "inspector/" not in name:
            assert not any(KEYS[key].own for key in found.settings)
            paths = [s.value for s in found.settings.values() if KEYS[s.key].kind == "path"]
            assert all(Path(p).resolve().is_relative_to(directory.resolve()) for p in paths)
    finally:
        path.unlink()


@given(st.dictionaries(st.sampled_from(sorted(KEYS)), st.text(max_size=12).filter(lambda t: "\0" not in t)))
def test_no_variable_is_more_than_a_line_of_error(values: dict[str, str]) -> None:
    try:
        load_configuration(Path(), {KEYS[key].variable: value for key, value in values.items()}, files=False)
    except UsageError as error:
        assert "\n" not in str(error) and "INSPECTOR_" in str(error)
