"""What a start leads to that cannot be followed: told, and taken for what may change anything."""

from collections.abc import Mapping

import pytest
from stacks import Entry, file, overlay
from test_layers_selection import ALL_WRITTEN, EVERYTHING, OFFICIAL, plain, program, select

from inspector.layers import RootFs, Selection

TOOLS = [file(f"bin/{name}", plain()) for name in ("sh", "bash", "env", "cat", "mkdir", "chmod", "nginx", "server")]
PEER = file("usr/local/bin/peer", program())


def image(*more: Entry, peer: bool = True, **scripts: str) -> RootFs:
    texts = [file(f"{name}.sh", f"#!/bin/sh\n{text}\n") for name, text in scripts.items()]
    return overlay([*TOOLS, *([PEER] if peer else []), *texts, *more])


def start(text: str, *cmd: str, peer: bool = True, more: Mapping[str, str] | None = None) -> Selection:
    return select(image(peer=peer, e=text, **(more or {})), entrypoint=("/e.sh",), cmd=cmd)


# ── what is not there ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "word"),
    [('exec /data/peer "$@"', "/data/peer"), ("/data/peer", "/data/peer"), ("exec peer node start", "peer"), ("gunzip /opt/server.gz\n/opt/server", "/opt/server"),
     ("if true; then\n  exec gosu app /data/peer\nfi", "/data/peer"), ("mkdir -p /x && A=b /data/peer > /log 2>&1", "/data/peer"), ("sh /data/run.sh", "/data/run.sh"),
     ("su app -c '/data/peer node'", "/data/peer"), ("case $1 in\n  start) exec /data/peer;;\nesac", "/data/peer"), ("echo don't\nexec /data/peer", "/data/peer"),
     ("peer node start", "peer"), ("X=$(cat /x) /data/peer", "/data/peer"), ("( /data/peer )", "/data/peer"), ("/data/peer | cat", "/data/peer"),
     ("cat <<E\n/not/this\nE\n/data/peer", "/data/peer"), ("true\ntrue; /data/peer&", "/data/peer"), ("! /data/peer", "/data/peer")],
)  # fmt: skip
def test_what_a_script_starts_and_is_not_in_the_image_is_told(text: str, word: str) -> None:
    chosen = start(text, peer=False)
    assert chosen.problems == (f"entrypoint '/e.sh' starts '{word}', which is not in the image",)
    assert word in chosen.sought or "/" not in word
    assert "/bin/sh" not in {binary.path for binary in chosen.binaries}, (
        "what only reads the script is not what is started"
    )


@pytest.mark.parametrize("words", [("sh", "-c", "exec /data/peer"), ("sh", "-c", "/data/peer"), ("bash", "-ec", "cd /; exec /data/peer"), ("sh", "-c", "exec sh -c /data/peer")])  # fmt: skip
def test_what_a_shell_is_told_to_start_and_is_not_in_the_image_is_told(words: tuple[str, ...]) -> None:
    chosen = select(image(peer=False), cmd=words)
    assert chosen.problems == (f"cmd '{words[0]}' starts '/data/peer', which is not in the image",)
    assert chosen.script_variables == EVERYTHING


@pytest.mark.parametrize("text", ["D=/data\n$D/peer", "mkdir -p /x; exec $PROGRAM", '"$(cat /name)"', "$PROGRAM"])
def test_what_an_expansion_names_is_told_where_nothing_else_is_started(text: str) -> None:
    told = start(text, peer=False).problems
    assert told == ("entrypoint '/e.sh' starts what a variable or a command's output names: it is not known",)
    assert start(f"{text}; peer").problems == ()
    assert start(f"{text}; nginx").problems == ()


@pytest.mark.parametrize(("cmd", "told"), [(("/data/peer", "x"), True), (("orderer",), True), (("nginx",), False), (("-c", "/x"), False), ((), False)])  # fmt: skip
def test_what_a_script_is_given_to_start_and_is_not_there_is_told(cmd: tuple[str, ...], told: bool) -> None:
    problems = start('set -e\nexec "$@"', *cmd, peer=False).problems
    assert problems == ((f"cmd '{cmd[0]}' is not in the image",) if told else ())
    assert start("exec nginx", *cmd, peer=False).problems == (), "what no script starts is a word"


def test_a_word_that_an_entrypoint_knows_is_no_program() -> None:
    assert start('if [ "$1" = start ]; then exec peer node start; fi\nexec "$@"', "start").problems == ()


USUAL = """#!/bin/sh
set -e
# it isn't there: /opt/none; exec /opt/none
if [ "${1#-}" != "$1" ]; then
  set -- peer "$@"
fi
case "$1" in
  /opt/none|/opt/other) echo "see
/usr/share/none for more"; ;;
  */peer) optional-tool --quiet ;;
esac
/usr/bin/find /opt -name x
[ "$(basename "$1")" = 'peer' ] && echo "$(date)" peer
FILES=(/opt/a /opt/b)
LIST=(
  /opt/none
)
cat > /tmp/usage <<EOF
exec takes
/opt/none
EOF
for f in /opt/a /opt/b; do echo "$f"; done
echo '; /opt/none' "(/opt/none)" > /tmp/x
sed 's;/a;/b;' /etc/passwd
[ -f /opt/a ] && cat /opt/a
diff <(sort /etc/hosts) /tmp/x
X=$(dirname /opt/none/x)/y
if command -v runuser; then
  exec runuser -u app -- "$0" "$@"
fi
exec > /tmp/log 2>&1
exec 3>&1
command -v optional-tool >/dev/null || true
helper() { chown -R peer /var/peer; }
helper peer
if [ "$(id -u)" = 0 ]; then
  exec gosu peer "$0" "$@"
fi
exec "$@"
"""


@pytest.mark.parametrize(
    "cmd", [("peer",), ("peer", "node", "start"), ("sh", "-c", "peer"), ("--flag",), ("nginx",), ()]
)
@pytest.mark.parametrize("script", [USUAL, OFFICIAL])
def test_usual_entrypoints_are_told_nothing_of(script: str, cmd: tuple[str, ...]) -> None:
    root = image(file("entry.sh", script))
    chosen = select(root, entrypoint=("/entry.sh",), cmd=cmd)
    assert (chosen.problems, chosen.script_variables, chosen.script_files) == ((), (), ())


# ── expansions and children that cannot be followed ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    ['LAUNCH="env -u GODEBUG"; exec $LAUNCH peer "$@"', 'exec "$(command -v env)" -u GODEBUG peer', "exec $WRAP peer", "$WRAP peer", "coproc env -i peer", '"$(which foo)" -u GODEBUG peer', "exec $(cat /prefix) peer",
     '$WRAP "$@"', 'exec "${cmd[@]}"', "cd /opt; exec ./run", 'exec "$(dirname "$0")/run" "$@"', "APP=/opt/run; exec $APP peer", "$H/run peer", "run-parts /opt/d",
     "sh -c '$WRAP peer'", 'set -- env -i "$@"; exec "$@"', 'set -- $WRAP "$@"; exec "$@"', "sh /opt/plain", "/opt/plain", "sh $X peer", "exec sh ./run", "exec /hooks/run"],
)  # fmt: skip
def test_what_cannot_be_followed_may_change_every_variable(text: str) -> None:
    root = image(file("opt/plain", "unset GODEBUG\nexec peer\n"), e=f"{text}\npeer")
    assert select(root, entrypoint=("/e.sh",)).script_variables == EVERYTHING
    assert select(root, cmd=("sh", "-c", f"{text}\npeer")).script_variables == EVERYTHING


@pytest.mark.parametrize(
    "text",
    ['exec "$@"', "exec $@", 'exec ${1+"$@"}', 'exec "$1" x', 'exec gosu app "$0" "$@"', '"$SUDO" chown app /x', '"${sql[@]}" --dbname x', 'X="a $(date)"', "exec 2>$LOG",
     'set -- peer "$@"', "set -- --flag", "set -e -- x", "sh /fine.sh", '[ "$(id -u)" = 0 ]', 'for x in $LIST; do echo "$x"; done', "optional peer", "chown peer /x", "id -u peer"],
)  # fmt: skip
def test_what_starts_its_own_arguments_or_something_else_changes_none(text: str) -> None:
    chosen = start(f"{text}\npeer", more={"fine": "exec peer"})
    assert chosen.script_variables == ()
    assert chosen.problems == ()


def test_the_options_of_the_first_line_are_read() -> None:
    for line, variables in (("-l", EVERYTHING), ("--login", EVERYTHING), ("-el", EVERYTHING), ("-e", ()), ("", ())):
        root = image(file("entry.sh", f"#!/bin/bash {line}\nexec peer\n"))
        assert select(root, entrypoint=("/entry.sh",)).script_variables == variables


def test_a_shell_behind_a_wrapper_of_the_first_line_is_one() -> None:
    for line, variables in (("unset GODEBUG", ("GODEBUG",)), ("echo GODEBUG", ()), ("exec $X peer", EVERYTHING)):
        root = image(file("entry.sh", f"#!/bin/dumb-init /bin/sh\n{line}\npeer\n"), file("bin/dumb-init", plain()))
        chosen = select(root, entrypoint=("/entry.sh",))
        assert (chosen.script_variables, chosen.problems) == (variables, ())


def test_a_text_without_a_first_line_that_a_shell_is_given_may_change_anything() -> None:
    root = image(file("opt/start", "unset GODEBUG\nexec peer\n"))
    for words in (
        ("sh", "/opt/start"),
        ("/opt/start",),
        ("bash", "-e", "/opt/start"),
        ("tini", "--", "sh", "/opt/start"),
    ):
        assert select(root, entrypoint=words).script_variables == EVERYTHING


# ── programs that start another ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "variables"),
    [(("bwrap", "--clearenv", "peer"), EVERYTHING), (("bwrap", "--unsetenv", "GODEBUG", "peer"), EVERYTHING), (("s6-env", "-i", "peer"), EVERYTHING),
     (("systemd-run", "--setenv=GODEBUG=", "peer"), EVERYTHING), (("foo", "--", "/usr/local/bin/peer"), EVERYTHING), (("foo", "run", "peer"), EVERYTHING),
     (("foo", "--setenv=GODEBUG=", "x"), ("GODEBUG",)), (("foo", "--unset", "GODEBUG", "x"), ("GODEBUG",)), (("foo", "--clearenv", "sh", "-c", "exec peer"), EVERYTHING),
     (("supervisord", "-c", "/etc/s.conf"), EVERYTHING), (("s6-env", "-u", "GODEBUG", "peer"), ("GODEBUG",)), (("foo.py", "peer"), EVERYTHING),
     (("foo", "x"), ()), (("foo", "--name=xGODEBUG"), ()), (("foo", "A=GODEBUG"), ()), (("peer", "node", "start"), ()), (("peer", "chaincode", "peer"), ()),
     (("chroot", "/", "peer"), ()), (("foo.sh", "peer"), ()), (("nice", "peer"), ())],
)  # fmt: skip
def test_a_program_that_may_start_another_changes_the_same_in_a_script(words: tuple[str, ...], variables: tuple[str, ...]) -> None:  # fmt: skip
    names = ("bwrap", "s6-env", "systemd-run", "foo", "supervisord", "chroot", "nice")
    scripts = [file("bin/foo.py", "#!/bin/cat\nx\n"), file("bin/foo.sh", '#!/bin/sh\nexec "$@"\n')]
    line = " ".join(f"'{word}'" if " " in word else word for word in words)
    root = image(*(file(f"bin/{name}", plain()) for name in names), *scripts, e=line, x=f"exec {line}")
    for entrypoint in (words, ("/e.sh",), ("/x.sh",), ("sh", "-c", line)):
        assert select(root, entrypoint=entrypoint).script_variables == variables


def test_what_execline_changes_is_not_known() -> None:
    for text, variables in (("emptyenv peer", EVERYTHING), ("s6-env -i peer", EVERYTHING), ("unexport GODEBUG peer", ("GODEBUG",)), ("cd / peer", ())):  # fmt: skip
        root = image(file("bin/execlineb", plain()), file("start", f"#!/bin/execlineb -P\n{text}\n"))
        assert select(root, entrypoint=("/start",)).script_variables == variables


# ── what is written by way of a variable, or with a tree ─────────────────────────────────────────────────────────

R, N, H = ("resolv.conf",), ("nsswitch.conf",), ("hosts",)


@pytest.mark.parametrize(
    ("text", "files"),
    [('E=/etc\necho "hosts: x" > $E/nsswitch.conf', N), ('echo x >> "${E}/hosts"', H), ('mv x "$ETC/nsswitch.conf"', N), ("cp x/nsswitch.conf $E", N), ('cp n > /x; echo > "$E"/hosts', H),
     ("for f in nsswitch hosts; do cp /opt/$f.conf /etc/$f.conf; done", R + N), ("echo x > /etc/$NAME", ALL_WRITTEN), ('tee "$ROOT/etc/hosts"', H), ('echo > "$(get etc)/hosts"', H),
     ("cp -a /overlay/. /", ALL_WRITTEN), ("cp -r /overlay/etc /", ALL_WRITTEN), ("cp -R /overlay/* /", ALL_WRITTEN), ("cp -rf /c/. /etc/", ALL_WRITTEN), ('cp -r "$SRC" /etc', ALL_WRITTEN),
     ("rsync -a /overlay/ /", ALL_WRITTEN), ("tar xf /x.tar -C /", ALL_WRITTEN), ("tar -xzf /x.tgz -C /", ALL_WRITTEN), ("cat x | tar x -C/", ALL_WRITTEN), ("tar -C / -xf /x", ALL_WRITTEN),
     ("tar --extract --file x --directory=/", ALL_WRITTEN), ("unzip -o /x.zip -d /", ALL_WRITTEN), ("sudo cp -a /overlay/. /", ALL_WRITTEN), ('tar xf x -C "/"', ALL_WRITTEN)],
)  # fmt: skip
def test_what_may_be_written_under_etc_is_told(text: str, files: tuple[str, ...]) -> None:
    assert start(f"{text}\npeer").script_files == files


@pytest.mark.parametrize(
    "text",
    ["echo x > $LOG/hosts-report", "cp x $DIR", "cp -a /x $DIR", "echo x > $HOME/.app/hosts", "echo x > /srv/$X/hosts", "cp /etc/hosts $BACKUP", "cat $E/hosts", "cp -a /opt/app /srv/",
     "cp -r /opt/app /", "cp -r /opt/ssl /etc/", "tar cf /x.tar -C / opt", "tar xf /x.tar -C /opt", "rsync -a /x/ /srv/", "unzip x.zip -d /opt", "cp a /", "tar xzf x -C /usr/local",
     "echo x > $DIR/$FILE", "cp -a /x/. /srv", "echo start / ; cp -a x y", "cp hosts.txt $DIR", "echo x > /etc/$X/hosts", "echo x > /etc/app-$X"],
)  # fmt: skip
def test_what_is_written_elsewhere_is_none_of_the_resolvers_files(text: str) -> None:
    assert start(f"{text}\npeer").script_files == ()
