"""Which executables of an image a report is about, and why."""

import gzip
import io
import tarfile
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import parts
import pytest
from stacks import Entry, directory, file, link, overlay, read, tar, write_layout

from inspector.facts import ImageConfig
from inspector.layers import Limits, RootFs, Selection, merge, read_layer, select_binaries
from inspector.sources.rootfs import directory_image


@cache
def program() -> bytes:
    """Return the Go program of the sample."""
    data = parts.PEER.read_bytes()
    found: list[bytes] = []
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data)) as outer:
        for member in outer:
            content = outer.extractfile(member)
            layer = content.read() if content else b""
            if layer[257:262] == b"ustar":
                with tarfile.open(fileobj=io.BytesIO(layer)) as inner:
                    found += [c.read() for m in inner if m.isreg() and (c := inner.extractfile(m)) is not None]
    return max((content for content in found if content.startswith(b"\x7fELF")), key=len)


def plain() -> bytes:
    """Return a program that is neither Go nor static: of interest only where something starts it."""
    return Path("/bin/true").resolve().read_bytes()


def select(root: RootFs, *paths: str, env: dict[str, str] | None = None, **config: tuple[str, ...]) -> Selection:
    return select_binaries(root, ImageConfig(env=env or {}, **config), paths=paths)  # type: ignore[arg-type]


def found(root: RootFs, *paths: str, **config: object) -> dict[str, tuple[str, ...]]:
    return {binary.path: binary.found for binary in select(root, *paths, **config).binaries}  # type: ignore[arg-type]


SERVER = [file("usr/local/bin/server", plain()), file("opt/app/run", plain())]


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"entrypoint": ("/usr/local/bin/server", "start")}, "/usr/local/bin/server"), ({"entrypoint": ("server",)}, "/usr/local/bin/server"),
        ({"cmd": ("server", "start")}, "/usr/local/bin/server"), ({"cmd": ("run",), "env": {"PATH": "/bin:/opt/app"}}, "/opt/app/run"),
        ({"cmd": ("./run",), "working_dir": "/opt/app"}, "/opt/app/run"), ({"cmd": ("sh", "-c", "exec server --flag")}, "/usr/local/bin/server"),
        ({"cmd": ("/bin/sh", "-c", "cd /tmp && A=b server -b x:y")}, "/usr/local/bin/server"),
        ({"entrypoint": ("/usr/bin/tini", "--", "server")}, "/usr/local/bin/server"), ({"entrypoint": ("env", "A=b", "server")}, "/usr/local/bin/server"),
        ({"cmd": ("bash", "-ec", "server")}, "/usr/local/bin/server"),
    ],
)  # fmt: skip
def test_what_the_image_starts_is_found(config: dict[str, object], path: str) -> None:
    root = overlay([file("bin/sh", plain()), file("bin/bash", plain()), file("usr/bin/tini", plain()), *SERVER])
    assert path in found(root, **config)
    assert "/opt/app/run" not in found(root, cmd=("server",)), "what nothing starts is of no interest"


def test_links_and_one_level_of_script_are_looked_through() -> None:
    script = '#!/bin/sh\nset -e\nif [ "$1" = x ]; then\n  exec /usr/local/bin/server "$@"\nfi\n'
    root = overlay(
        [file("entry.sh", script), link("start", "entry.sh"), link("usr/bin/s", "../local/bin/server"), *SERVER]
    )
    assert found(root, entrypoint=("/start",)) == {"/usr/local/bin/server": ("entrypoint",)}
    assert found(root, cmd=("s",)) == {"/usr/local/bin/server": ("cmd",)}
    assert found(root, entrypoint=("sh", "/entry.sh")) == {"/usr/local/bin/server": ("entrypoint",)}
    wrapper = overlay([file("entry.sh", '#!/bin/sh\nexec "$@"\n'), *SERVER])
    assert found(wrapper, entrypoint=("/entry.sh",), cmd=("server",)) == {"/usr/local/bin/server": ("cmd",)}


@pytest.mark.parametrize(
    "text",
    ["export GODEBUG=netdns=go\n", "GODEBUG=netdns=cgo exec server\n", "export A=1 GODEBUG\n", "unset GODEBUG\n", 'export "GODEBUG=netdns=go"\n',
     "exec env GODEBUG=netdns=go server\n", "declare -x GODEBUG=x\n", "true; GODEBUG=a; export GODEBUG\n", 'export "GODEBUG"=netdns=cgo\n', ": ${GODEBUG:=netdns=cgo}\n",
     "env -u GODEBUG server\n", "exec env --unset=GODEBUG server\n", "timeout 5 env -uGODEBUG server\n", "export ${N}BUG=netdns=cgo\n",
     "printf -v GODEBUG netdns=cgo\n", "for GODEBUG in netdns=cgo; do server; done\n", 'su peer -c "env -u GODEBUG server"\n'],
)  # fmt: skip
def test_an_entrypoint_script_that_sets_godebug_is_told(text: str) -> None:
    root = overlay([file("entry.sh", f"#!/bin/sh\n{text}exec server\n"), *SERVER])
    assert select(root, entrypoint=("/entry.sh",)).script_variables == ("GODEBUG",)
    assert select(root, cmd=("sh", "-c", text + "server")).script_variables == ("GODEBUG",)


EVERYTHING = ("GODEBUG", "LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES")


@pytest.mark.parametrize(
    "text",
    ["exec env -i server\n", "env - PATH=/bin server\n", "exec -c server\n", "su - peer -c server\n", "runuser -l peer -c server\n", "sudo -u peer server\n",
     "eval $X\n", 'eval "$(cat /run/env)"\n', 'export "$name"="$value"\n', "export $(grep -v '^#' .env | xargs)\n", 'unset "${!A}"\n', ". /etc/env.sh\n",
     "[ -f /opt/e ] && . /opt/e\n", 'for f in /etc/e.d/*; do . "$f"; done\n', "source ./env\n", "bash -lc server\n", 'env -S "-i server"\n',
     "sh -c 'exec env -i server'\n", "env $VARS server\n", "busybox env -i server\n", "setpriv --reset-env server\n", 'export "${A:-${B}}=x"\n',
     "envdir /run/env server\n"],
)  # fmt: skip
def test_what_may_change_every_variable_makes_none_of_them_known(text: str) -> None:
    root = overlay([file("entry.sh", f"#!/bin/sh\n{text}server\n"), file("bin/sh", plain()), *SERVER])
    assert select(root, entrypoint=("/entry.sh",)).script_variables == EVERYTHING
    assert select(root, entrypoint=("sh", "-c", text + "server")).script_variables == EVERYTHING


@pytest.mark.parametrize(
    ("words", "variables"),
    [(("env", "GODEBUG=netdns=cgo", "server"), ("GODEBUG",)), (("env", "-u", "GODEBUG", "server"), ("GODEBUG",)), (("env", "-uGODEBUG", "server"), ("GODEBUG",)),
     (("env", "-i", "server"), EVERYTHING), (("env", "-", "server"), EVERYTHING), (("env", "-iv", "server"), EVERYTHING), (("env", "-S", "-i server"), EVERYTHING),
     (("env", "-vSGODEBUG=x server"), ("GODEBUG",)), (("env", "--split-string=GODEBUG=x server"), ("GODEBUG",)), (("tini", "--", "env", "-i", "server"), EVERYTHING),
     (("timeout", "5", "env", "-i", "server"), EVERYTHING), (("sudo", "-u", "peer", "server"), EVERYTHING), (("su", "-", "peer", "-c", "server"), EVERYTHING),
     (("busybox", "sh", "-c", "unset GODEBUG; server"), ("GODEBUG",)), (("/bin/ksh", "-c", "export GODEBUG=netdns=cgo; server"), ("GODEBUG",)),
     (("zsh", "-c", "export GODEBUG=netdns=cgo; server"), ("GODEBUG",)), (("bash", "-l", "-c", "server"), EVERYTHING), (tuple(["busybox"] * 2000), EVERYTHING),
     (("env", "A=GODEBUG", "server"), ()), (("env", "-u", "A", "B=c", "server"), ()), (("env", "-C", "/tmp", "server"), ()), (("gosu", "peer", "server"), ()),
     (("su", "peer", "-c", "server"), ()), (("bash", "-ec", "server"), ()), (("setpriv", "--reuid", "1000", "server"), ()), (("server", "-i", "env"), ()),
     (("timeout", "-s", "KILL", "5", "server"), ())],
)  # fmt: skip
def test_wrappers_of_the_entrypoint_change_variables(words: tuple[str, ...], variables: tuple[str, ...]) -> None:
    root = overlay([file("bin/sh", plain()), *SERVER])
    assert select(root, entrypoint=words).script_variables == variables
    assert select(root, entrypoint=("server",), cmd=words).script_variables in {variables, ()}


OFFICIAL = """#!/usr/bin/env bash
set -Eeo pipefail
# eval $X; export GODEBUG
if [ "${1:0:1}" = '-' ]; then
	set -- server "$@"
fi
umask 0077
export PATH="/opt/bin:$PATH" HOME=/var/app
export DATA="$(readlink -f "${DATA:-/var/app}")"
local_dir="$(dirname "$0")"
while read -r line; do echo "$line" >> /var/app/log; done < /etc/resolv.conf
grep -q mdns /etc/nsswitch.conf && cat /etc/hosts > /tmp/hosts || true
NAMESERVERS=$(awk '/^nameserver/ {print $2; exit}' /etc/resolv.conf)
cp /etc/resolv.conf /tmp/resolv.conf
unset "${prefix}_FILE"
[ -d /docker-entrypoint.d ] && ls /docker-entrypoint.d
mkdir -p "$DATA" && chmod 700 "$DATA"
if [ "$1" = 'server' ] && [ "$(id -u)" = '0' ]; then
	find "$DATA" ! -user app -exec chown app '{}' +
	exec gosu app "$BASH_SOURCE" "$@"
fi
trap 'kill -TERM $PID' TERM INT
exec "$@"
"""


def test_an_ordinary_entrypoint_script_changes_nothing() -> None:
    root = overlay(
        [file("docker-entrypoint.sh", OFFICIAL), file("bin/bash", plain()), file("bin/sh", plain()), *SERVER]
    )
    for cmd in (("server",), ("server", "start"), ("sh", "-c", "server"), ("sh",), ()):
        chosen = select(root, entrypoint=("/docker-entrypoint.sh",), cmd=cmd)
        assert (chosen.script_variables, chosen.script_files) == ((), ())


@pytest.mark.parametrize("cmd", [("/run.sh",), ("run",), ("sh", "/run.sh"), ("sh", "-c", "/run.sh"), ("tini", "--", "/run.sh"),
                                 ("env", "GODEBUG=netdns=cgo", "server"), ("sh", "-c", "export GODEBUG=netdns=cgo; server")])  # fmt: skip
def test_a_script_that_the_entrypoint_is_given_counts(cmd: tuple[str, ...]) -> None:
    script = file("run.sh", "#!/bin/sh\nexport GODEBUG=netdns=cgo\nexec server\n")
    root = overlay([file("entry.sh", OFFICIAL), script, link("bin/run", "../run.sh"), file("bin/sh", plain()), file("bin/bash", plain()), *SERVER])  # fmt: skip
    chosen = select(root, entrypoint=("/entry.sh",), cmd=cmd)
    assert chosen.script_variables == ("GODEBUG",)
    assert chosen.problems == ()


def test_scripts_are_followed_into_those_that_they_call_and_source() -> None:
    lines = {
        "a.sh": "/b.sh", "b.sh": "exec /bin/sh /c.sh", "c.sh": "unset GODEBUG; exec peer",
        "s.sh": ". /t.sh; exec peer", "t.sh": "export RES_OPTIONS=x", "loop.sh": ". /loop.sh; /loop.sh; exec peer",
        "calls.sh": "/child.sh; exec peer", "child.sh": "unset GODEBUG; ls", "child2.sh": "eval $X; peer", "calls2.sh": "/child2.sh; exec peer",
        "child3.sh": 'export GODEBUG=x; exec "$@"', "calls3.sh": "exec /child3.sh peer",
    }  # fmt: skip
    root = overlay([file("bin/sh", plain()), file("usr/bin/peer", program()), *(file(name, f"#!/bin/sh\n{line}\n") for name, line in lines.items())])  # fmt: skip
    found = {name: select(root, entrypoint=(f"/{name}",)).script_variables for name in lines}
    assert found["a.sh"] == ("GODEBUG",)
    assert found["s.sh"] == ("RES_OPTIONS",)
    assert found["loop.sh"] == ()
    assert found["calls.sh"] == (), "what a child changes is gone when it ends"
    assert found["calls2.sh"] == EVERYTHING
    assert found["calls3.sh"] == ("GODEBUG",)
    chain = [file(f"x{n}.sh", f"#!/bin/sh\nexec /x{n + 1}.sh\n") for n in range(200)]
    assert select(overlay([*chain, file("bin/sh", plain())]), entrypoint=("/x0.sh",)).script_variables == EVERYTHING


@pytest.mark.parametrize(
    ("text", "files"),
    [('echo "options no-aaaa" >> /etc/resolv.conf', ("resolv.conf",)), ('echo "hosts: mdns" > "/etc/nsswitch.conf"', ("nsswitch.conf",)),
     ("sed -i s/dns/mdns/ /etc/nsswitch.conf", ("nsswitch.conf",)), ("cp /opt/r /etc/resolv.conf", ("resolv.conf",)), ("rm -f /etc/nsswitch.conf", ("nsswitch.conf",)),
     ("echo x | tee -a /etc/hosts >/dev/null", ("hosts",)), ("F=/etc/resolv.conf; echo x >> $F", ("resolv.conf",)), ("cat <<E > /etc/mdns.allow\n*\nE", ("mdns.allow",)),
     ("cat /etc/resolv.conf", ()), ("grep hosts /etc/nsswitch.conf > /tmp/x", ()), ("cp /etc/resolv.conf /opt", ()), ("echo x > /srv/etc/resolv.conf", ()),
     ("sed -n p /etc/hosts", ()), ("# echo > /etc/resolv.conf", ()), ("sed -i s/a/b/ /etc/hosts.allow", ())],
)  # fmt: skip
def test_what_a_script_writes_under_etc_is_told(text: str, files: tuple[str, ...]) -> None:
    root = overlay([file("entry.sh", f"#!/bin/sh\n{text}\nexec server\n"), file("bin/sh", plain()), *SERVER])
    assert select(root, entrypoint=("/entry.sh",)).script_files == files
    assert select(root, entrypoint=("sh", "-c", text)).script_files == files


ALL_WRITTEN = ("resolv.conf", "nsswitch.conf", "mdns.allow", "hosts")
R, N, H = ("resolv.conf",), ("nsswitch.conf",), ("hosts",)


@pytest.mark.parametrize(
    ("text", "files"),
    [("cp /config/nsswitch.conf /etc/", N), ("mv x/resolv.conf /etc/", R), ("install nsswitch.conf /etc", N), ("ln -s /run/x/resolv.conf /etc", R),
     ("cp a /etc/nsswitch.conf 2>/dev/null", N), ('cp a /etc/hosts > "/tmp/a b" 2>&1 || true', H), ("cp -t /etc /c/hosts", H), ("cp --target-directory=/etc /c/hosts", H),
     ("sponge /etc/hosts", H), ("awk -i inplace '{print; exit}' /etc/hosts", H), ("curl -o /etc/resolv.conf u", R), ("wget -O/etc/hosts u", H),
     ("rm /etc/nsswitch.*", N), ("rm -f /etc/{hosts,resolv.conf}", ALL_WRITTEN), ('echo x > "${ROOT:-}/etc/resolv.conf"', R), ("cp /c/*.conf /etc/", R + N),
     ("cd /etc; mv n nsswitch.conf", N), ("cd /etc\nrm hosts", H), ("for f in hosts; do cp /c/$f /etc; done", H), ("sed -ni p /etc/hosts", H), ("sudo tee /etc/hosts", H),
     ('sh -c "cat x; tee /etc/hosts"', H), ("su p -c 'rm /etc/hosts'", H), ("sort -o /etc/hosts x", H), ("if ! sponge /etc/hosts; then :; fi", H),
     ("sed 's/a/b/w /etc/hosts' x", H), ("awk '{print > \"/etc/hosts\"}' x", H), ("echo 'a\nb' ; cp \"a #b\" /etc/hosts", H), ("for f in /etc/hosts; do :> $f; done", H),
     ('local f="$ROOT"/etc/hosts', H), ("echo a # b\ncp a /etc/hosts # c", H), ("mystery /etc/hosts", H), ("tee /etc/hosts " + "x" * 2000, H), ("cp " + "a " * 300 + "/etc/hosts", H),
     ('echo "a\n" ; cp a /etc/hosts; "\n"', H)],
)  # fmt: skip
def test_whatever_is_not_known_to_read_a_file_under_etc_writes_it(text: str, files: tuple[str, ...]) -> None:
    root = overlay([file("entry.sh", f"#!/bin/sh\n{text}\nexec server\n"), file("bin/sh", plain()), *SERVER])
    assert select(root, entrypoint=("/entry.sh",)).script_files == files


@pytest.mark.parametrize(
    "text",
    ["[ -f /etc/resolv.conf ] && echo /etc/hosts", "head -1 /etc/hosts | cut -c1", "X=\"$(awk '{print; exit}' /etc/resolv.conf)\"", "sh -c 'cat /etc/hosts'",
     "while read l; do echo $l; done < /etc/hosts", "diff <(sort /etc/hosts) /tmp/x", "ls /etc | grep hosts", "cp -a /etc /srv/hosts", "cp /etc/hosts /tmp 2>/dev/null",
     "ln -s /etc/resolv.conf /run/r >&2", "sed -e 's/x;y/z/' /etc/hosts > /tmp/h", "ls /etc/*release", "rm -rf /etc/nginx/*", "grep '>' /etc/hosts", "[[ -e /etc/hosts ]] || exit 1",
     "awk '\n{print; exit}\n' /etc/resolv.conf", "X=$(awk '\n{print; exit}' /etc/resolv.conf)", "server # writes /etc/hosts", "if [ ! -e /etc/nsswitch.conf ]; then :; fi",
     "mkdir -p /etc/app && ls hosts", "cd /etc && cat hosts", "cp a /etc/hosts.allow", "cp a /etc/app.conf; echo hosts", "cp $f /etc/app/", "grep -q \"it's; a\" /etc/hosts"],
)  # fmt: skip
def test_what_only_reads_a_file_under_etc_writes_none(text: str) -> None:
    root = overlay([file("entry.sh", f"#!/bin/sh\n{text}\nexec server\n"), file("bin/sh", plain()), *SERVER])
    assert select(root, entrypoint=("/entry.sh",)).script_files == ()


@pytest.mark.parametrize(
    ("scripts", "files"),
    [({"entry.sh": "/setup.sh; exec server", "setup.sh": "echo options edns0 >> /etc/resolv.conf"}, ("resolv.conf",)),
     ({"entry.sh": "sh /setup.sh; exec server", "setup.sh": "/deeper.sh", "deeper.sh": "rm /etc/nsswitch.conf; ls"}, ("nsswitch.conf",)),
     ({"entry.sh": "/setup.sh; exec server", "setup.sh": "cat /etc/resolv.conf"}, ()),
     ({"entry.sh": "/setup.sh; exec server", "setup.sh": ":" + " " * 300_000}, ALL_WRITTEN),
     ({"entry.sh": ". /setup.sh; exec server", "setup.sh": ":" + " " * 300_000}, ALL_WRITTEN),
     ({"entry.sh": ". /run/env; exec server"}, ALL_WRITTEN), ({"entry.sh": '. "$ENV_FILE"; exec server'}, ALL_WRITTEN),
     ({"entry.sh": "exec /x0.sh", **{f"x{n}.sh": f"exec /x{n + 1}.sh" for n in range(200)}}, ALL_WRITTEN)],
)  # fmt: skip
def test_what_a_called_script_writes_under_etc_stays_written(scripts: dict[str, str], files: tuple[str, ...]) -> None:
    root = overlay([file("bin/sh", plain()), *(file(name, f"#!/bin/sh\n{text}\n") for name, text in scripts.items()), *SERVER])  # fmt: skip
    chosen = select(root, entrypoint=("/entry.sh",))
    assert chosen.script_files == files
    assert chosen.script_variables in {(), EVERYTHING}


@pytest.mark.parametrize(
    "line",
    [
        "#!/usr/bin/env -i /bin/sh",
        "#!/usr/bin/env -S -i /bin/sh",
        "#!/usr/bin/env -iS /bin/sh",
        "#!/command/with-contenv sh",
    ],
)
def test_the_first_line_of_a_script_may_change_variables(line: str) -> None:
    root = overlay([file("entry.sh", f"{line}\nexec server\n"), file("bin/sh", plain()), *SERVER])
    assert select(root, entrypoint=("/entry.sh",)).script_variables == EVERYTHING


@pytest.mark.parametrize(
    "text",
    ["# export GODEBUG=netdns=go\n", 'echo "set $GODEBUG"\n', "MYGODEBUG=x\n", 'echo "GODEBUG is ${GODEBUG:-unset}"\n'],
)
def test_a_script_that_only_speaks_of_godebug_sets_nothing(text: str) -> None:
    root = overlay([file("entry.sh", f"#!/bin/sh\n{text}exec server\n"), *SERVER])
    assert select(root, entrypoint=("/entry.sh",)).script_variables == ()


def test_what_should_start_and_is_not_there_is_told() -> None:
    problems = select(overlay(SERVER), entrypoint=("/no/such",)).problems
    assert problems == ("entrypoint '/no/such' is not in the image",)


NEITHER = "is neither an ELF program nor a script that begins with '#!': what it does is not known"


@pytest.mark.parametrize(
    "entry",
    [file("start", b""), Entry("char", "start"), Entry("fifo", "start"), file("start", "echo no interpreter\n"),
     file("start", b"MZ\x90\0" + bytes(200)), file("start", b"\x7fEL"), file("start", b"#!"), file("start", "#!   \nserver\n")],
)  # fmt: skip
@pytest.mark.parametrize("words", [("/start",), ("start", "x"), ("tini", "--", "start"), ("sh", "-e", "/start")])
def test_what_starts_and_is_no_program_is_told(entry: Entry, words: tuple[str, ...]) -> None:
    root = overlay([*SERVER, file("bin/sh", plain()), file("bin/tini", plain()), entry])
    told = select(root, entrypoint=words, env={"PATH": "/bin:/"}).problems
    shown = next(word for word in words if word.endswith("start"))
    assert told == (f"entrypoint '{shown}' {NEITHER}",)
    assert select(root, cmd=words, env={"PATH": "/bin:/"}).problems == (f"cmd '{shown}' {NEITHER}",)
    assert select(root, "/opt/app/run", entrypoint=words).problems == (), "not what was asked for"


@pytest.mark.parametrize(
    ("line", "path"),
    [("#!/usr/bin/python3", "/usr/bin/python3"), ("#! \t/usr/bin/env python3", "/usr/bin/python3"),
     ("#!/usr/bin/env -S A=b python3 -u", "/usr/bin/python3"), ("#!/bin/sh -e", "/bin/sh"), ("#!/bin/sh", "/bin/sh")],
)  # fmt: skip
def test_a_script_starts_its_interpreter(line: str, path: str) -> None:
    root = overlay([file("bin/sh", plain()), file("usr/bin/python3", plain()), file("app", f"{line}\n:\n")])
    chosen = select(root, entrypoint=("/app",))
    assert {binary.path: binary.found for binary in chosen.binaries} == {path: ("entrypoint",)}
    assert chosen.problems == ()


def test_a_script_whose_interpreter_is_not_there_is_told() -> None:
    for line, name in (
        ("#!/usr/bin/python3", "/usr/bin/python3"),
        ("#!/usr/bin/env ruby", "ruby"),
        ("#!/usr/bin/python3\r", "/usr/bin/python3\\x0d"),
        ("#!/bin/sh", "/bin/sh"),
    ):
        chosen = select(overlay([*SERVER, file("app", f"{line}\nserver\n")]), entrypoint=("/app",))
        assert chosen.problems == (f"entrypoint '/app' is a script for '{name}', which is not in the image",)
    assert select(
        overlay([*SERVER, file("usr/bin/python3"), file("app", "#!/usr/bin/python3\n")]), cmd=("/app",)
    ).problems == (f"cmd '/app' is a script for '/usr/bin/python3', which {NEITHER}",)


def test_a_script_that_is_too_large_to_be_read_is_told() -> None:
    text = "#!/bin/sh\nexport GODEBUG=netdns=go\n" + "# more\n" * 1000
    root = merge([(read(tar([file("bin/sh", plain()), file("app", text), *SERVER]), Limits(script=4096)), None)])
    assert select(root, entrypoint=("/app",)).problems == (
        f"entrypoint '/app' is a script of {len(text)} bytes and was not read",
    )
    assert select(root, entrypoint=("server",)).problems == ()


def test_what_another_interpreters_script_names_may_be_set_by_it() -> None:
    script = (
        "#!/usr/bin/python3\nimport os\nos.environ['GODEBUG'] = 'netdns=go'\nos.execv('/usr/local/bin/server', [])\n"
    )
    root = overlay([file("usr/bin/python3", plain()), file("app", script), *SERVER])
    assert select(root, entrypoint=("/app",)).script_variables == ("GODEBUG",)
    assert select(root, entrypoint=("server",)).script_variables == ()


def test_a_library_that_is_started_is_told_once_and_so_is_what_was_not_read() -> None:
    library = next(Path("/lib/x86_64-linux-gnu").glob("libm.so.6")).resolve().read_bytes()
    root = overlay([file("start", library)])
    assert select(root, entrypoint=("/start",)).problems == (
        "entrypoint '/start' is an ELF file, but no program: a library or an object",
    )
    large = read(tar([file("start", plain())]), Limits(binary=1000))
    assert len(large.problems) == 1
    assert select(merge([(large, None)]), entrypoint=("/start",)).problems == ()


def test_a_wrapper_that_is_not_there_is_told() -> None:
    assert select(overlay(SERVER), entrypoint=("/sbin/tini", "--", "server")).problems == (
        "entrypoint '/sbin/tini' is not in the image",
    )
    assert select(overlay(SERVER), cmd=("sh", "-c", "server")).problems == ("cmd 'sh' is not in the image",)
    assert select(overlay(SERVER), entrypoint=("/usr",)).problems == ("entrypoint '/usr' is a directory",)
    assert select(overlay(SERVER), entrypoint=("true",)).problems == ("entrypoint 'true' is not in the image",)


@pytest.mark.parametrize(
    "words",
    [("tini", "-p", "SIGTERM", "--", "server"), ("nice", "-n", "10", "server"), ("env", "-u", "A", "B=c", "server"),
     ("dumb-init", "--rewrite", "15:3", "server"), ("setpriv", "--reuid", "1000", "--clear-groups", "server"),
     ("/lib64/ld-linux-x86-64.so.2", "--library-path", "/opt", "/usr/local/bin/server"), ("gosu", "nobody", "tini", "server")],
)  # fmt: skip
def test_the_options_of_a_wrapper_are_no_program(words: tuple[str, ...]) -> None:
    names = ("tini", "nice", "env", "dumb-init", "setpriv", "gosu")
    loader = file("lib64/ld-linux-x86-64.so.2", Path("/lib64/ld-linux-x86-64.so.2").resolve().read_bytes())
    root = overlay([*(file(f"bin/{name}", plain()) for name in names), loader, *SERVER])
    chosen = select(root, entrypoint=words)
    assert [binary.path for binary in chosen.binaries] == ["/usr/local/bin/server"]
    assert chosen.problems == ()


@pytest.mark.parametrize("content", [plain(), b"#!/bin/sh\nexec server\n"])
def test_what_starts_and_may_be_executed_by_nobody_is_told(content: bytes, tmp_path: Path) -> None:
    entry = Entry("file", "start", content, mode=0o644)
    loader = file("lib64/ld-linux-x86-64.so.2", Path("/lib64/ld-linux-x86-64.so.2").resolve().read_bytes())
    around = [file("bin/sh", plain()), file("bin/tini", plain()), loader, *SERVER]
    root = overlay([entry, link("bin/s", "../start"), *around])
    for words in (("/start",), ("/bin/s",), ("tini", "--", "/start"), ("env", "/start")):
        told = select(root, entrypoint=words).problems
        assert f"entrypoint '{words[-1]}' may be executed by nobody: its mode has no x" in told
    assert select(root, entrypoint=("sh", "/start")).problems == ()
    assert select(root, entrypoint=("/lib64/ld-linux-x86-64.so.2", "/start")).problems == ()
    assert select(root, entrypoint=("server",)).problems == ()
    for mode in (0o711, 0o100, 0o751):
        assert (
            select(
                overlay([entry, *around], [Entry("file", "start", content, mode=mode)]), entrypoint=("/start",)
            ).problems
            == ()
        )
    (tmp_path / "start").write_bytes(content)
    for mode, there in ((0o644, 1), (0o755, 0)):
        (tmp_path / "start").chmod(mode)
        (layer,) = directory_image(tmp_path, "dir:x").layers
        assert len(read_layer(layer).unexecutable) == there


FABRIC = ["peer", "orderer", "fabric-ca-server", "fabric-ca-client", "configtxgen", "configtxlator", "cryptogen", "discover", "osnadmin", "ledgerutil",
          "idemixgen", "chaincode"]  # fmt: skip


@pytest.mark.parametrize("name", FABRIC)
@pytest.mark.parametrize("place", ["usr/local/bin", "opt/rebuilt/bin"])
def test_fabrics_programs_are_found_by_name_wherever_they_are(name: str, place: str) -> None:
    assert found(overlay([file(f"{place}/{name}", program())])) == {f"/{place}/{name}": (f"fabric:{name}", "go")}


def test_the_builder_of_chaincode_as_a_service_is_found_in_its_place() -> None:
    place = "opt/hyperledger/ccaas_builder/bin"
    root = overlay(
        [*(file(f"{place}/{name}", program()) for name in ("build", "detect", "release")), file("bin/build", program())]
    )
    assert found(root) == {
        "/bin/build": ("go",), **{f"/{place}/{name}": (f"fabric:ccaas-{name}", "go") for name in ("build", "detect", "release")},
    }  # fmt: skip


def test_a_lower_program_hidden_by_an_upper_text_or_whiteout_is_not_reported() -> None:
    assert found(overlay([file("bin/peer", program())], [file("bin/peer", "#!/bin/sh\n")])) == {}
    assert found(overlay([file("bin/peer", program())], [file("bin/.wh.peer")])) == {}


def test_a_path_narrows_to_files_and_directories_and_says_what_is_not_there() -> None:
    root = overlay(
        [
            directory("bin"),
            file("bin/peer", program()),
            file("opt/x/tool", plain()),
            file("opt/xy", program()),
            link("sbin", "bin"),
        ]
    )
    assert set(found(root, "/bin/peer")) == {"/bin/peer"}
    assert set(found(root, "opt/x")) == {"/opt/x/tool"}, "asked for, whatever it is; /opt/xy is another"
    assert set(found(root, "/sbin/peer")) == {"/bin/peer"}, "by a link as well"
    narrowed = select(root, "/bin/orderer")
    assert narrowed.binaries == ()
    assert narrowed.problems == ("no executable at /bin/orderer",)


def test_a_path_of_a_directory_on_disk_leaves_the_rest_unread(tmp_path: Path) -> None:
    import inspector

    for name in ("usr/bin/peer", "opt/tool"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(program())
    (tmp_path / "bin").symlink_to("usr/bin")
    for asked in ("/usr/bin/peer", "/bin/peer", "bin"):
        (target,) = inspector.collect(f"dir:{tmp_path}", options=inspector.ScanOptions(paths=(asked,), use_cache=False))
        assert [binary.path for binary in target.binaries] == ["/usr/bin/peer"]
        assert target.status == "analysed"


def test_a_script_that_sets_godebug_makes_its_value_unknown_whatever_the_image_says(tmp_path: Path) -> None:
    import inspector

    settings = {"Entrypoint": ["/entry.sh"], "Env": ["GODEBUG=netdns=go"]}
    levels = {}
    for name, line in (("quiet", ""), ("loud", "export GODEBUG=$WANTED\n")):
        script = file("entry.sh", f"#!/bin/sh\n{line}exec /usr/local/bin/peer\n")
        write_layout(tmp_path / name, [tar([script, file("usr/local/bin/peer", program())])], settings)
        report = inspector.scan(f"oci-dir:{tmp_path / name}", options=inspector.ScanOptions(use_cache=False))
        hosts = [v for e in report.targets[0].environments for v in e.verdicts if v.call == "host"]
        levels[name] = {v.level for v in hosts}
        assert (name == "loud") == any(
            "GODEBUG" in reason.text for v in hosts for reason in v.reasons if v.level == "unknown"
        )
    assert "crash" not in levels["quiet"]
    assert levels["loud"] == {"unknown"} or "unknown" in levels["loud"]


@pytest.mark.parametrize("content", [b"", b"no interpreter\n", b"MZ" + bytes(100)])
def test_an_image_that_starts_what_is_no_program_is_incomplete(content: bytes, tmp_path: Path) -> None:
    write_layout(tmp_path / "image", [tar([file("start", content)])], {"Entrypoint": ["/start"]})
    done = parts.inspector("scan", "--no-cache", f"oci-dir:{tmp_path / 'image'}")
    assert done.returncode == 4
    assert "incomplete: entrypoint '/start' is neither" in " ".join(done.stdout.split())
    assert done.stdout.splitlines()[-1].endswith("1 of 1 not fully analysed.")


SETS = "export GODEBUG=netdns=cgo; exec server"


@pytest.mark.parametrize(
    ("config", "scripts", "variables"),
    [({"entrypoint": ("/usr/bin/mystery", "/run.sh")}, {"run.sh": SETS}, ("GODEBUG",)), ({"entrypoint": ("/usr/bin/mystery", "-x", "run.sh")}, {"bin/run.sh": SETS}, ("GODEBUG",)),
     ({"cmd": ("/usr/bin/mystery", "/run.sh")}, {"run.sh": SETS}, ("GODEBUG",)), ({"entrypoint": ("/usr/bin/mystery", "server")}, {"run.sh": SETS}, ()),
     ({"entrypoint": ("/usr/bin/mystery",), "cmd": ("/run.sh",)}, {"run.sh": SETS}, ("GODEBUG",)),
     ({"entrypoint": ("/a.sh",)}, {"a.sh": "exec chroot / /run.sh", "run.sh": "export GODEBUG=netdns=cgo; exec /usr/local/bin/peer"}, ("GODEBUG",)),
     ({"entrypoint": ("/a.sh",)}, {"a.sh": "setuidgid x /run.sh", "run.sh": "export GODEBUG=netdns=cgo; cd /usr/local/bin; exec ./peer"}, EVERYTHING),
     ({"entrypoint": ("/a.sh",)}, {"a.sh": "exec /run.sh", "run.sh": "export GODEBUG=netdns=cgo; exec chroot / /usr/local/bin/peer"}, ("GODEBUG",)),
     ({"entrypoint": ("/a.sh",)}, {"a.sh": "xargs -a f sh -c 'export GODEBUG=netdns=cgo; exec peer'"}, ("GODEBUG",)),
     ({"entrypoint": ("/a.sh",)}, {"a.sh": "cat /run.sh; exec server", "run.sh": "export GODEBUG=netdns=cgo; exec peer"}, ()),
     ({"entrypoint": ("/a.sh",)}, {"a.sh": "chmod +x /child.sh; exec peer", "child.sh": "unset GODEBUG; ls"}, ())],
)  # fmt: skip
def test_a_script_that_a_program_is_given_may_be_started_by_it(config: dict[str, tuple[str, ...]], scripts: dict[str, str], variables: tuple[str, ...]) -> None:  # fmt: skip
    texts = [file(name, f"#!/bin/sh\n{text}\n") for name, text in scripts.items()]
    root = overlay([file("bin/sh", plain()), file("usr/bin/mystery", plain()), file("usr/local/bin/peer", program()), *texts, *SERVER])  # fmt: skip
    assert select(root, **config).script_variables == variables


@pytest.mark.parametrize(
    ("words", "value", "variables"),
    [(("/run.sh",), "/env.sh", ("GODEBUG",)), (("bash", "-c", "server"), "/env.sh", ("GODEBUG",)), (("bash", "/plain.sh"), "/env.sh", ("GODEBUG",)),
     (("/calls.sh",), "/env.sh", ("GODEBUG",)), (("sh", "-c", "exec bash -c server"), "/env.sh", ("GODEBUG",)), (("/run.sh",), "/no/such", EVERYTHING),
     (("/run.sh",), "$HOME/env.sh", EVERYTHING), (("/run.sh",), "", ()), (("/plain.sh",), "/env.sh", ()), (("sh", "/plain.sh"), "/env.sh", ()), (("server",), "/env.sh", ())],
)  # fmt: skip
def test_bash_begins_with_the_file_that_bash_env_names(words: tuple[str, ...], value: str, variables: tuple[str, ...]) -> None:  # fmt: skip
    scripts = {"env.sh": "#!/bin/sh\nexport GODEBUG=netdns=cgo", "run.sh": "#!/bin/bash\nexec server", "plain.sh": "#!/bin/sh\nexec server",
               "calls.sh": "#!/bin/sh\nexec /go.sh", "go.sh": "#!/usr/bin/env bash\nexec peer"}  # fmt: skip
    texts = [file(name, f"{text}\n") for name, text in scripts.items()]
    root = overlay([file("bin/sh", plain()), file("bin/bash", plain()), file("usr/local/bin/peer", program()), *texts, *SERVER])  # fmt: skip
    assert select(root, entrypoint=words, env={"BASH_ENV": value}).script_variables == variables


def test_what_lies_over_what_a_container_starts_is_told() -> None:
    from inspector.scanning import describe_image
    from inspector.sources.images import SourcedImage

    scripts = [
        file("entry.sh", "#!/bin/sh\n. /conf/env.sh\nexec peer\n"),
        file("conf/env.sh", "#!/bin/sh\n"),
        link("run", "conf"),
    ]
    facts = [read(tar([file("bin/sh", plain()), file("usr/bin/peer", program()), *scripts]))]
    for mount, told in (
        ("/entry.sh", True), ("/conf", True), ("/run/", True), ("/usr/bin/peer", True), ("/data", False), ("/conf/x", False),
    ):  # fmt: skip
        layers = [SimpleNamespace(digest=None, diff_id=None)]
        image = SourcedImage(
            reference="container:c", config=ImageConfig(entrypoint=("/entry.sh",)), layers=layers, mounts=(mount,)
        )  # type: ignore[arg-type]
        target = describe_image(image, facts)
        assert [p.stage for p in target.problems] == ["mounts"] * told, mount
        assert target.status == ("incomplete" if told else "analysed")


def test_what_another_interpreters_script_names_under_etc_may_be_written_by_it() -> None:
    for text, files in (
        ('open("/etc/resolv.conf", "a")', R), ('Path("/etc") / "nsswitch.conf"', N), ('open("/etc/hosts")', H), ("hosts = 1", ()),
    ):  # fmt: skip
        root = overlay([file("usr/bin/python3", plain()), file("app", f"#!/usr/bin/python3\n{text}\n"), *SERVER])
        assert select(root, entrypoint=("/app",)).script_files == files
