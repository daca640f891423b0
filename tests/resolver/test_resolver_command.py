"""``inspector resolve`` as its users run it."""

import json
from pathlib import Path
from typing import Any

import click
import pytest
from parts import inspector

from inspector.cli.delivery import write
from inspector.cli.json_lines import answer_lines


def resolve(*arguments: str, **settings: Any) -> str:
    done = inspector("resolve", *arguments, **settings)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.53\noptions ndots:0 edns0 trust-ad\n")
    (tmp_path / "nsswitch.conf").write_text("hosts: files mdns4 [NOTFOUND=return] dns\n")
    return f"--resolv-conf={tmp_path}/resolv.conf", f"--nsswitch={tmp_path}/nsswitch.conf"


def test_person_is_told_decision_reasons_and_flips(files: tuple[str, str], tmp_path: Path) -> None:
    text = resolve("--go", "1.15", *files, "--name", "peer0.example.com").replace(str(tmp_path), "")
    assert text == (
        "Go 1.15, host(peer0.example.com): the C library's resolver (cgo), order cgo\n"
        "\n"
        "  because Go 1.15 does not know option 'edns0'; Go 1.20 and later know it  [net/dnsconfig_unix.go]\n"
        "    /resolv.conf:2: options ndots:0 edns0 trust-ad\n"
        f"    {' ' * len(str(tmp_path))}                                ^^^^^\n"
        "    read so until Go 1.20\n"
        "\n"
        "  because Go 1.15 does not know option 'trust-ad'; Go 1.20 and later know it  [net/dnsconfig_unix.go]\n"
        "    /resolv.conf:2: options ndots:0 edns0 trust-ad\n"
        f"    {' ' * len(str(tmp_path))}                                      ^^^^^^^^\n"
        "    read so until Go 1.20\n"
        "\n"
        "  the other resolver would be taken after any of these:\n"
        "    - set GODEBUG=netdns=go (makes no difference from Go 1.20 on)\n"
        "    - take 'edns0' (resolv.conf:2), 'trust-ad' (resolv.conf:2) out (makes no difference from Go 1.20 on)\n"
        "    - rebuild with Go 1.20 or later, which knows every option of resolv.conf\n"
        "    - build with CGO_ENABLED=0 or -tags netgo\n"
        "\n"
        "  while it runs:\n"
        "    - Go 1.15 reads resolv.conf once: a change counts for new processes only  [net/conf.go]\n"
    )


def test_hostile_line_is_escaped_and_the_caret_stands_under_the_word(tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text("options \x1b[31m 日本 \u202eevil\n")
    text = resolve("--go", "1.27", "--resolv-conf", str(tmp_path / "resolv.conf"))
    assert "\x1b" not in text and "\u202e" not in text
    lines = text.splitlines()
    shown = [(line, lines[number + 1]) for number, line in enumerate(lines) if ":1: options" in line]
    assert len(shown) == 3
    line, carets = shown[2]
    # Two of the characters before it are two columns wide.
    assert carets.index("^") == line.index("\\u202eevil") + 2
    assert len(carets.strip()) == len("\\u202eevil")


def test_long_line_is_cut_around_the_word(tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text(f"options {'rotate ' * 3000}frob\n")
    text = resolve("--go", "1.27", "--resolv-conf", str(tmp_path / "resolv.conf"))
    line, carets = (text.splitlines()[number] for number in (3, 4))
    assert max(map(len, text.splitlines())) < 500
    assert line[carets.index("^") : carets.index("^") + 4] == "frob"


def test_colours_as_wanted(files: tuple[str, str]) -> None:
    import os

    coloured = resolve("--go", "1.15", *files, env={**os.environ, "FORCE_COLOR": "1"})
    assert "\x1b[1mGo 1.15" in coloured and "\x1b[1;31m^^^^^\x1b[0m" in coloured
    assert "\x1b" not in resolve("--go", "1.15", *files, env={**os.environ, "NO_COLOR": "1", "FORCE_COLOR": "1"})


def test_json_says_what_the_text_says(files: tuple[str, str]) -> None:
    document = json.loads(resolve("--go", "1.15", *files, "--format", "json"))
    assert (document["decision"], document["order"], document["assumed"]) == ("cgo", "cgo", None)
    assert document["reasons"][0] == {
        "text": "Go 1.15 does not know option 'edns0'; Go 1.20 and later know it",
        "where": "resolv.conf:2",
        "column": 17,
        "word": "edns0",
        "rule": "option:unknown",
        "since": None,
        "until": "1.20",
        "source": "net/dnsconfig_unix.go",
    }
    assert document["flips"][0] == {"change": "set GODEBUG=netdns=go", "until": "1.20"}


def test_tab_between_sources_is_seen_and_cured(tmp_path: Path) -> None:
    (tmp_path / "nsswitch.conf").write_text("hosts:\tfiles\tdns\n")
    text = resolve("--go", "1.27", "--nsswitch", str(tmp_path / "nsswitch.conf"))
    assert r"Go does not know source 'files\x09dns' (a tab does not separate sources)" in text
    assert "- blanks for tabs between sources (nsswitch.conf:1)" in text


def test_embedded_setting_out_of_force_is_told() -> None:
    arguments = ("--go", "1.27", "--default-godebug", "netdns=cgo")
    assert "netdns=cgo asks for the cgo resolver" in resolve(*arguments)
    text = resolve(*arguments, "--env", "GODEBUG=netdns=2")
    assert "Go's own resolver" in text.splitlines()[0]
    assert "netdns in GODEBUG names no resolver, and puts the embedded one out of force" in text


def test_what_stands_in_the_way_besides_is_told(files: tuple[str, str]) -> None:
    text = resolve("--go", "1.15", *files, "--env", "LOCALDOMAIN=")
    assert "because LOCALDOMAIN is set" in text
    assert "besides Go 1.15 does not know option 'edns0'" in text
    assert "unset LOCALDOMAIN" not in text, "alone it changes nothing"


@pytest.mark.parametrize(
    ("version", "code", "said"),
    [
        ("1.4", 2, "Go 1.4 is older than 1.5, the first release that chooses"),
        ("nonsense", 2, "'nonsense' is not a Go version such as 1.15.15"),
        ("1.28", 0, "Go 1.28 is newer than 1.27"),
    ],
)
def test_versions(version: str, code: int, said: str) -> None:
    done = inspector("resolve", "--go", version)
    assert done.returncode == code
    assert said in (done.stdout if code == 0 else done.stderr)
    assert "Traceback" not in done.stderr


def test_usage() -> None:
    assert inspector("resolve").returncode == 2
    missing = inspector("resolve", "--go", "1.15", "--resolv-conf", "/nowhere/resolv.conf")
    assert missing.returncode == 2 and "cannot read /nowhere/resolv.conf" in missing.stderr


# ── for programs ─────────────────────────────────────────────────────────────────────────────────────────────────


CASE: dict[str, Any] = {
    "id": "a",
    "go": "1.22",
    "cgo": True,
    "tags": [],
    "files": {"resolv.conf": None, "nsswitch.conf": None, "mdns.allow": None},
    "call": "host",
    "name": "a.b",
    "system_hostname": "m",
}


def batch(lines: str) -> tuple[int, list[dict[str, Any]]]:
    done = inspector("resolve", "--batch", "-", input=lines)
    assert done.stderr == ""
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_batch_answers_in_order() -> None:
    cases = [{**CASE, "id": number, "go": f"1.{minor}"} for number, minor in enumerate((15, 16, 4))]
    code, replies = batch("".join(json.dumps(case) + "\n" for case in cases))
    assert [(reply["id"], reply.get("order")) for reply in replies] == [(0, "dns,files"), (1, "files,dns"), (2, None)]
    assert "error" in replies[2] and code == 4


def test_batch_goes_on_after_bad_lines() -> None:
    bad = [
        "{",
        "[]",
        '"x"',
        '{"id": 7}',
        json.dumps({**CASE, "call": "nothing"}),
        json.dumps({**CASE, "go": 1.15}),
        json.dumps({**CASE, "cgo": None}),
        json.dumps({**CASE, "tags": [1]}),
        json.dumps({**CASE, "files": {"resolv.conf": 1}}),
        json.dumps({**CASE, "files": []}),
        json.dumps({**CASE, "special": {"resolv.conf": "socket"}}),
        json.dumps({**CASE, "env": {"A": 1}}),
        json.dumps({**CASE, "uid": "root"}),
        json.dumps({**CASE, "name": 1}),
        "[" * 5000,
    ]
    code, replies = batch("\n".join([*bad, "", json.dumps(CASE)]))
    assert code == 4
    assert len(replies) == len(bad) + 1
    assert all(set(reply) == {"id", "error"} for reply in replies[:-1])
    assert replies[3]["id"] == 7
    assert replies[-1]["order"] == "files,dns"


def test_batch_from_and_to_files(tmp_path: Path) -> None:
    (tmp_path / "in").write_text(json.dumps(CASE))
    assert resolve("--batch", str(tmp_path / "in"), "--output", str(tmp_path / "out")) == ""
    assert json.loads((tmp_path / "out").read_text())["decision"] == "go"
    assert inspector("resolve", "--batch", str(tmp_path / "none")).returncode == 2


def test_a_batch_may_be_answered_into_its_own_file(tmp_path: Path) -> None:
    path = tmp_path / "cases"
    path.write_text(json.dumps(CASE))
    assert resolve("--batch", str(path), "--output", str(path)) == ""
    assert json.loads(path.read_text())["decision"] == "go"


def test_an_interrupted_batch_leaves_the_old_file(tmp_path: Path) -> None:
    def interrupt(_: object) -> dict[str, Any]:
        raise KeyboardInterrupt

    source, output = tmp_path / "in", tmp_path / "out"
    source.write_text(json.dumps(CASE))
    output.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        answer_lines(str(source), interrupt, output)
    assert output.read_text() == "old"
    assert sorted(tmp_path.iterdir()) == [source, output]


def test_a_file_is_written_through_no_link_and_with_the_mode_of_a_new_file(tmp_path: Path) -> None:
    victim, output, plain = tmp_path / "victim", tmp_path / "out", tmp_path / "plain"
    victim.write_text("kept")
    (tmp_path / ".out.part").symlink_to(victim)
    write(b"report", output)
    plain.touch()
    assert (victim.read_text(), output.read_bytes()) == ("kept", b"report")
    assert output.stat().st_mode == plain.stat().st_mode
    with pytest.raises(click.UsageError, match="cannot write"):
        write(b"report", tmp_path / "none" / "out")


# ── the table ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_table_says_which_release_knows_what() -> None:
    rows = json.loads(resolve("--table", "--format", "json"))
    options = {row["word"]: row["since"] for row in rows if row["kind"] == "option"}
    assert options["rotate"] == "1.5" and options["single-request-reopen"] == "1.13" and options["edns0"] == "1.20"
    assert all(row["source"] for row in rows)
    text = resolve("--table")
    assert "from 1.13              single-request-reopen" in text
    assert "from 1.5  before 1.23  .local " in text
    assert all(row["meaning"] in text for row in rows)
