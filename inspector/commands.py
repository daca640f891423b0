"""What a command line or a shell's text starts, and what it changes first of what a resolver reads. Read, never run.

Where that cannot be told (``eval``, a file that is sourced by a variable, an emptied environment), every variable of
the resolver's counts as changed: what is not known is not taken for unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise

from inspector.binaries import library_kind
from inspector.fabric import role_of
from inspector.facts import CONTEXT_FILES, RESOLVER_VARIABLES

SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "busybox"})
_SHELL_ENDINGS = ("sh", "busybox")
_PREFIXES = frozenset({"if", "then", "else", "elif", "do", "while", "until", "{", "!", "time", "coproc"})
"""Words after which a command follows."""
_NAMING = frozenset({"export", "declare", "typeset", "readonly", "local", "unset", "read"})
"""Builtins that change the variables that their arguments name."""
_BUILTINS = _NAMING | frozenset({
    "fi", "done", "for", "case", "esac", "in", "}", "function", "select", "return", "break", "continue", "set", "shift",
    "trap", "true", "false", "test", "[", "[[", "echo", "printf", "cd", "exit", ":", "eval", "umask", "wait", "alias",
    "source", ".",
})  # fmt: skip
_QUIET = _BUILTINS - _NAMING - {".", "source", "eval", "printf", "set"}
"""First words of parts that start and change nothing."""
_WRAPPERS = frozenset({
    "exec", "env", "nohup", "tini", "dumb-init", "catatonit", "su-exec", "gosu", "setpriv", "nice", "command",
    "builtin", "sudo", "doas", "timeout", "setsid", "stdbuf", "ionice",
})  # fmt: skip
_TAKES_VALUE: Mapping[str, frozenset[str]] = {
    "tini": frozenset({"-p", "-e"}),
    "dumb-init": frozenset({"-r", "--rewrite"}),
    "nice": frozenset({"-n", "--adjustment"}),
    "env": frozenset({"-u", "--unset", "-C", "--chdir"}),
    "exec": frozenset({"-a"}),
    "timeout": frozenset({"-k", "--kill-after", "-s", "--signal"}),
    "stdbuf": frozenset({"-i", "-o", "-e", "--input", "--output", "--error"}),
    "ionice": frozenset({"-c", "--class", "-n", "--classdata"}),
    "doas": frozenset({"-u", "-C"}),
    "sudo": frozenset({
        "-u", "--user", "-g", "--group", "-h", "--host", "-p", "--prompt", "-C", "--close-from", "-r", "--role", "-t",
        "--type", "-T", "--command-timeout", "-D", "--chdir", "-R", "--chroot", "-U", "--other-user",
    }),
    "setpriv": frozenset({
        "--reuid", "--regid", "--ruid", "--rgid", "--euid", "--egid", "--groups", "--inh-caps", "--ambient-caps",
        "--bounding-set", "--securebits", "--pdeathsig", "--selinux-label", "--apparmor-profile",
    }),
    "loader": frozenset({
        "--library-path", "--preload", "--audit", "--argv0", "--inhibit-rpath", "--glibc-hwcaps-prepend",
        "--glibc-hwcaps-mask",
    }),
}  # fmt: skip
"""The options of wrappers that are given a word of their own (their manuals' synopses)."""
_TAKES_OPERAND = frozenset({"su-exec", "gosu", "timeout"})
_EMPTYING = frozenset({"sudo", "doas"})
"""They start what they are given with an environment of their own (sudoers(5), env_reset; doas(1))."""
_FOREIGN = frozenset({"envdir", "s6-envdir", "chpst", "with-contenv", "dotenv", "direnv", "envconsul", "chamber"})
"""They start what they are given with variables that they have from elsewhere."""
_SUPERVISORS = frozenset({
    "supervisord", "run-parts", "s6-svscan", "s6-supervise", "s6-rc", "s6-rc-init", "s6-overlay-suexec", "runit",
    "runsvdir", "runsv", "circusd", "monit", "foreman", "goreman", "honcho", "hivemind", "overmind", "procodile",
    "god",
})  # fmt: skip
"""They start what files of theirs say, with the variables that these set."""
_LOGINS = frozenset({"su", "runuser"})
_ORDINARY = _LOGINS | frozenset({
    "chmod", "chown", "chgrp", "cp", "mv", "rm", "rmdir", "ln", "mkdir", "mkfifo", "mknod", "mktemp", "touch",
    "install", "tee", "truncate", "dd", "sync", "df", "du", "id", "whoami", "groups", "hostname", "uname", "date",
    "sleep", "seq", "tr", "rev", "uniq", "comm", "join", "paste", "split", "fold", "fmt", "nl", "expr", "bc", "tput",
    "stty", "tty", "env", "printenv", "pwd", "kill", "killall", "pkill", "pgrep", "pidof", "ps", "top", "free",
    "uptime", "which", "type", "hash", "getopts", "getopt", "ulimit", "shopt", "let", "pushd", "popd", "jobs", "bg",
    "fg", "times", "disown", "enable", "logout", "caller", "find", "xargs", "tar", "gzip", "gunzip", "zcat", "bzip2",
    "xz", "unzip", "zip", "cpio", "rsync", "scp", "curl", "wget", "nc", "ncat", "netcat", "ping", "dig", "host",
    "nslookup", "ip", "ifconfig", "route", "ss", "netstat", "iptables", "sysctl", "mount", "umount", "mountpoint",
    "chroot", "setuidgid", "s6-setuidgid", "flock", "strace", "ltrace", "taskset", "numactl", "chrt", "unshare",
    "nsenter", "setarch", "prlimit", "start-stop-daemon", "watch", "ldd", "ldconfig", "strip", "nm", "objdump",
    "readelf", "strings", "setcap", "getcap", "setfacl", "chattr", "jq", "yq", "openssl", "ssh-keygen", "keytool",
    "adduser", "useradd", "usermod", "userdel", "deluser", "addgroup", "groupadd", "groupmod", "groupdel", "delgroup",
    "gpasswd", "passwd", "chpasswd", "chsh", "logger", "dpkg", "dpkg-query", "dpkg-divert", "dpkg-statoverride",
    "dpkg-trigger", "dpkg-maintscript-helper", "dpkg-reconfigure", "apt-get", "apt", "apk", "yum", "dnf", "rpm",
    "update-rc.d", "deb-systemd-helper", "deb-systemd-invoke",
    "systemd-tmpfiles", "systemd-sysusers", "update-alternatives", "db_get", "db_set", "db_input", "db_go",
    "py3compile", "py3clean", "pycompile", "pyclean", "git", "make", "base64", "envsubst", "column", "xxd", "hexdump",
    "arch", "nproc", "lscpu", "lsof", "fuser", "man", "info", "help", "update-ca-certificates", "locale-gen",
    "localedef", "update-ca-trust", "trust", "c_rehash",
})  # fmt: skip
"""What starts nothing that it is given, or starts it with the variables that it has itself."""
_CLEARING = re.compile(r"--(?:clear|reset|unset|ignore|empty)-?env\w*")
_LOGIN_OPTIONS = frozenset({"-", "-l", "--login"})
"""Of ``su`` and ``runuser``: the environment is emptied, and the login shell's profile read (su(1))."""
_SEPARATORS = re.compile(r"[\n;&|()`]+")
_WORD = re.compile(r"""(?:[^\s"']+|"[^"]*"|'[^']*'|["'])+""")
"""A quote without its fellow is one that a separator cut off."""
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_EVAL = re.compile(r"\beval\b")
_COMMAND_FLAG = re.compile(r"-[A-Za-z]*c[A-Za-z]*")
_SPLITTING = re.compile(r"-[vi0]*S(.*)", re.DOTALL)
_NAMES = "|".join(RESOLVER_VARIABLES)
_TOUCHED = re.compile(
    rf"\b({_NAMES})(?:\+|:)?=|"
    rf"\b(?:unset|export|read|for|declare|typeset|readonly|printf\s+-v)\s[^;\n]{{0,1024}}?\b({_NAMES})\b"
)
_SPOKEN = re.compile(rf"(?:(?<![\w$={{/.])|(?<!\S)--?[\w-]{{1,40}}=)({_NAMES})(?!\w)")
WRITTEN_FILES = tuple(name for name in CONTEXT_FILES if name not in {"passwd", "group", "services"})
"""Files under /etc that a script may change for a resolver.

An entry that one adds to passwd, group or services takes none away: these stay as they are read."""
_EACH = "|".join(map(re.escape, WRITTEN_FILES))
_PREFIX = r"(?:\$\{[^}\s]{0,64}\}|\$\w{1,64})?[\"']?"
"""What may stand before ``/etc``, as in ``"${ROOT:-}/etc/hosts"``."""
_REDIRECTED = re.compile(rf">[>|]?\s*[\"']?(?:{_PREFIX}/etc/)?({_EACH})(?![\w.-])")
_MENTIONED = re.compile(rf"(?:(?<![\w./-])|^-[A-Za-z]+){_PREFIX}/etc/({_EACH})(?![\w.-])")
_NAMED = re.compile(rf"(?<![\w.-])({_EACH})(?![\w.-])")
_ETC = re.compile(rf"(?:[-\w]*=|-[A-Za-z]+)?{_PREFIX}/etc(?:/\.?)?")
_ENTERED = re.compile(rf"\bcd\s+[\"']?{_PREFIX}/etc/?[\"']?(?:[\s;&|)]|$)")
_READERS = frozenset({
    "cat", "grep", "egrep", "fgrep", "sed", "awk", "gawk", "mawk", "nawk", "sort", "head", "tail", "wc", "cmp", "diff",
    "cut", "tac", "ls", "stat", "file", "readlink", "realpath", "basename", "dirname", "cksum", "md5sum", "sha1sum",
    "sha256sum", "less", "more", "od", "getent", "mkdir", "test", "[", "[[", "echo", "printf", "read", "mapfile",
    "readarray", "case", "cd", "done", "fi", "esac", "}", "exit", "return", ":", "true", "false", ".", "source",
})  # fmt: skip
"""What leaves a file that it is given as it is; whatever else is given one may write it."""
_PROGRAMMED = frozenset({"sed", "awk", "gawk", "mawk", "nawk"})
_IN_PLACE = re.compile(r"\s(?:-\w*i|--in-place)")
_COPIERS = frozenset({"cp", "ln"})
_TARGET = re.compile(r"-[A-Za-z]*t.*|--target.*")
_QUOTED = re.compile(r"""\\.|'[^']*'|"(?:[^"\\]|\\.)*\"""")
_SINGLE = re.compile("'[^']*'")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_REDIRECTION = re.compile(r"""(?:&|\d)?(?:<<<|<<-?|<>|>>|[<>])[&|]?\s*(?:"[^"]*"|'[^']*'|[^\s<>;&|()"'`])*""")
_OWN = re.compile(r"\$(?:[@*1-9]|\{[@*1-9][^}]*\})")
"""What a script was given, nothing else."""
_ITSELF = re.compile(r"\$0|\$\{0\}|\$BASH_SOURCE|\$\{BASH_SOURCE(?:\[0\])?\}")
_REDIRECTS = re.compile(r"(?:\d|&|\{\w+\})?[<>]")
_PLAIN = re.compile(r"[\w@%+./:,-]+")
"""A word that no shell makes another of."""
_PROGRAM = re.compile(r"(?:[\w./+@][\w./+@-]*[\w+])?")
"""What may name a program; empty, an expansion makes the name."""
_FUNCTION = re.compile(r"[ \t]*(?:([\w:.-]+)[ \t]*\([ \t]*\)|function[ \t]+([\w:.-]+))")
_HERE = re.compile(r"(?<!<)<<-?[ \t]*[\"'\\]?([A-Za-z_]\w*)")
_PARTS = re.compile(r"([\n;&|()`]+)")
_EXPANSION = re.compile(r"\$\{[^}]*\}|\$\([^)]*\)|\$\w+")
_PLACE = r"((?:\$\([^)\n]*\)|\$(?!\()|[^\s;&|<>\"'$])*)"
_WRITTEN_BY_NAME = re.compile(rf">[>|]?[ \t]*[\"']?{_PLACE}[\"']?/[\"']?({_EACH})(?![\w.-])")
_WRITTEN_BY_PATTERN = re.compile(
    rf">[>|]?[ \t]*[\"']?{_PREFIX}/etc/[\"']?([\w.-]*\$[^\s;&|<>\"'/]*)(?=[\s;&|<>\"')]|$)"
)
_CARRIERS = frozenset({"cp", "mv", "install", "ln", "rsync"})
_UNPACKERS = ("cp ", "rsync ", "tar ", "unzip ", "cpio ")
_GLOB = frozenset("*?[{")
_HIDDEN = str.maketrans({each: chr(0xE000 + n) for n, each in enumerate(";&|()<>`#")})
_SHOWN = str.maketrans({chr(0xE000 + n): each for n, each in enumerate(";&|()<>`#")})
"""What parts commands and parts nothing within quotes, there and back."""
_QUOTES = frozenset("\"'\\")
_UNQUOTED = str.maketrans(dict.fromkeys(_QUOTES))
_MOST_OF_COMMAND = 4096
"""Characters of a simple command that are read."""
_LONG = 1024
"""Characters of a line that is looked at closely: a longer one may do anything with what it names."""
_MAX_COMMANDS = 256
_MAX_WORDS = 256
_MOST_HANDED = 64
_MAX_ARGUMENTS = 1024
_MAX_DEPTH = 4
"""Texts within texts: ``sh -c "su peer -c '…'"``."""


@dataclass(slots=True)
class Effects:
    """What a command line or text does before a program runs."""

    commands: dict[str, None] = field(default_factory=dict)
    """First words of simple commands, wrappers looked through, and scripts that a shell is given."""
    variables: set[str] = field(default_factory=set)
    """Those of the resolver's that it sets, unsets or may change."""
    files: set[str] = field(default_factory=set)
    """Those under /etc that it writes (``resolv.conf``, ``nsswitch.conf``, ``mdns.allow``, ``hosts``)."""
    sources: dict[str, None] = field(default_factory=dict)
    """Files whose text a shell takes for its own."""
    arguments: dict[str, None] = field(default_factory=dict)
    """Absolute paths that programs are given, which may start them (``chroot / /run.sh``)."""
    hands_on: bool = False
    """It starts what its arguments or a variable name."""
    required: dict[str, None] = field(default_factory=dict)
    """What a text gives to ``exec``, or starts by a path: what has to be there."""
    expands: bool = False
    """It starts what a variable or a command's output names, its own arguments aside."""
    handed: dict[str, None] = field(default_factory=dict)
    """Programs that nothing is known of, which may start what they are given with other variables: each with what that
    is, parted by blanks; without its name where an expansion makes that."""
    functions: set[str] = field(default_factory=set)
    """Functions that a text defines."""


def effects_of_words(words: Sequence[str]) -> Effects:
    """Return the effects of a command line as the kernel is given it (an entrypoint, a manifest's command)."""
    effects = Effects()
    _read_words(list(words[:_MAX_ARGUMENTS]), effects, 0)
    return effects


def effects_of_text(text: str) -> Effects:
    """Return the effects of a shell's text."""
    effects = Effects()
    _read_text(text, effects, 0)
    return effects


def program_of(words: Iterable[str]) -> str | None:
    """Return what a shell's command starts: its first word but keywords, assignments, wrappers and their options."""
    left = iter(words)
    word = next((word for word in left if word not in _PREFIXES and not _ASSIGNMENT.match(word)), "")
    if word not in _BUILTINS and _wrapper(word):
        word = next(iter(skip_wrappers([word, *left])), "")
    return None if not word or word in _BUILTINS or "$" in word else word


def skip_wrappers(words: Sequence[str]) -> list[str]:
    """Return the words from the program on that wrappers such as ``tini``, ``env`` and a loader start in the end."""
    return unwrap(words)[0]


def unwrap(words: Sequence[str]) -> tuple[list[str], frozenset[str]]:
    """Return the words from the program on, and the resolver's variables that the wrappers before it change."""
    rest = list(words[:_MAX_ARGUMENTS])
    changed: set[str] = set()
    while rest and (wrapper := _wrapper(rest[0])):
        if wrapper == "env":
            rest = _split_strings(rest)
        position = _end_of_options(wrapper, rest)
        changed |= _changed_by(wrapper, rest[1:position])
        rest = rest[position + (wrapper in _TAKES_OPERAND) :]
    return rest, frozenset(changed)


def shell_arguments(words: Sequence[str]) -> tuple[str | None, str | None]:
    """Return what a shell's ``-c`` (or ``-ec``, ``-o pipefail -c``) is given, and the script that it is given else."""
    position = 0
    while position < len(words) and words[position].startswith(("-", "+")):
        option = words[position]
        position += 1 + (option.endswith("o") and not option.startswith("--"))
        if _COMMAND_FLAG.fullmatch(option):
            return (words[position] if position < len(words) else None), None
    return None, words[position] if position < len(words) else None


def login_text(words: Sequence[str]) -> str | None:
    """Return the text that ``su`` or ``runuser`` gives to a shell, None where it is another program or given none."""
    if not words or _base(words[0]) not in _LOGINS:
        return None
    for position, word in enumerate(words[1:-1], 1):
        if word in {"-c", "--command", "--session-command"} or re.fullmatch(r"-[a-z]*c", word):
            return words[position + 1]
    return next(
        (word.partition("=")[2] for word in words if word.startswith(("--command=", "--session-command="))), None
    )


def names_foreign_variables(program: str) -> bool:
    """Whether a program starts what it is given with variables that it has from elsewhere (``envdir``)."""
    return _base(program) in _FOREIGN


def is_ordinary(program: str) -> bool:
    """Whether a command is a shell, a builtin or a common tool, which no image is made for."""
    name = _base(program)
    return name in _ORDINARY or name in _READERS or name in _BUILTINS or name in SHELLS or not _PLAIN.fullmatch(program)


def _base(word: str) -> str:
    return word.rsplit("/", 1)[-1]


def _wrapper(word: str) -> str | None:
    """Return the name of a program that starts another, ``loader`` for ld.so; None for any other."""
    name = _base(word)
    if name in _WRAPPERS:
        return name
    if name == "s6-env":
        return "env"
    return "loader" if name.startswith("ld") and library_kind(name) == "loader" else None


def _end_of_options(wrapper: str, words: list[str]) -> int:
    valued = _TAKES_VALUE.get(wrapper, frozenset())
    position = 1
    while position < len(words) and (words[position].startswith("-") or _is_variable(wrapper, words[position])):
        if words[position] == "--":
            return position + 1
        position += 1 + (words[position] in valued)
    return position


def _is_variable(wrapper: str, word: str) -> bool:
    # env(1) takes any word with an equals sign for an assignment.
    if wrapper == "env":
        return "=" in word or word.startswith("$")
    return wrapper == "sudo" and _ASSIGNMENT.match(word) is not None


def _split_strings(words: list[str]) -> list[str]:
    """Return env's words with the text of ``-S`` in words of their own (env(1), "-S/--split-string")."""
    for position, word in enumerate(words[1:9], 1):
        match = _SPLITTING.fullmatch(word)
        text = match[1] if match else word.partition("=")[2] if word.startswith("--split-string=") else None
        kept = [word[: match.start(1) - 1]] if match and match.start(1) > 2 else []
        behind = position + 1
        if text is None and word != "--split-string":
            if not word.startswith("-"):
                break
            continue
        if not text:
            text = words[behind] if behind < len(words) else ""
            behind += 1
        return [*words[:position], *kept, *_words_of(text), *words[behind:]][:_MAX_ARGUMENTS]
    return words


def _changed_by(wrapper: str, options: Sequence[str]) -> set[str]:
    """Return which of the resolver's variables a wrapper changes, given its options and assignments."""
    everything = set(RESOLVER_VARIABLES)
    if wrapper in _EMPTYING or (wrapper == "setpriv" and "--reset-env" in options):
        return everything
    if wrapper == "exec":
        return everything if any(re.fullmatch("-[l]*c[la]*", option) for option in options) else set()
    if wrapper != "env":
        return set()
    changed: set[str] = set()
    for position, option in enumerate(options):
        if option in {"-", "--ignore-environment"} or re.fullmatch("-[v0]*i.*", option):
            return everything
        before = options[position - 1] if position else ""
        name = option.partition("=")[0]
        if before in {"-u", "--unset"} or (not option.startswith("-") and before not in {"-C", "--chdir"}):
            changed |= _may_be(name)
        elif option.startswith("--unset="):
            changed |= _may_be(option.removeprefix("--unset="))
        elif option.startswith("-u"):
            changed |= _may_be(option.removeprefix("-u"))
    return changed


def _may_be(name: str) -> set[str]:
    """Return those of the resolver's variables that a name may come out as: an expansion may be anything."""
    if "$" not in name:
        return {name} & set(RESOLVER_VARIABLES)
    before, behind = name.partition("$")[0], name.rpartition("}")[2] if "${" in name else ""
    behind = "" if "$" in behind else behind
    return {each for each in RESOLVER_VARIABLES if each.startswith(before) and each.endswith(behind)}


def _words_of(text: str) -> list[str]:
    """Return the words of a simple command, quotes taken away; a bounded number."""
    start = text[:_MOST_OF_COMMAND]
    if _QUOTES.isdisjoint(start):
        return start.split()[:_MAX_WORDS]
    return [word[0].translate(_UNQUOTED) for word in islice(_WORD.finditer(start), _MAX_WORDS)]


# ── a command line ───────────────────────────────────────────────────────────────────────────────────────────────


def _read_words(words: list[str], effects: Effects, depth: int) -> None:
    if depth > _MAX_DEPTH:
        _lose(effects)
        return
    rest, changed = unwrap(words)
    effects.variables |= changed
    for position, word in enumerate(rest[1:_MAX_WORDS], 1):
        if word.endswith("env") and _base(word) == "env":
            effects.variables |= unwrap(rest[position:])[1]
    if not rest or _REDIRECTS.match(rest[0]):
        return
    program = rest[0]
    if program in {".", "source"}:
        _source(rest[1:], effects)
    elif program == "eval":
        _read_text(" ".join(rest[1:]), effects, depth + 1)
    elif program in _NAMING or (program == "printf" and rest[1:2] == ["-v"]):
        _name(rest[1:], effects)
    elif program == "set":
        _set(rest[1:], effects, depth)
    elif program in _BUILTINS or program in _PREFIXES:
        pass
    elif "$" in program:
        _expand(rest, effects, is_executed="exec" in words[: len(words) - len(rest)])
    else:
        _read_command(rest, effects, depth, is_function=program in effects.functions and rest == words)


def _read_command(words: list[str], effects: Effects, depth: int, *, is_function: bool) -> None:
    program, name = words[0], _base(words[0])
    if not is_function and len(effects.commands) < _MAX_COMMANDS:
        effects.commands[program] = None
    _read_program(name, words, effects, depth)
    if name not in _READERS:
        _read_arguments(words, effects, depth)
        if not is_function:
            _hand(program, words[1:], effects)


def _set(words: list[str], effects: Effects, depth: int) -> None:
    """Read what a script makes its own arguments, which it may start (``set -- env -i "$@"``)."""
    given = words[words.index("--") + 1 :] if "--" in words else []
    if given and not given[0].startswith("-") and not _OWN.fullmatch(given[0]):
        _read_words(given, effects, depth + 1)


def _expand(words: list[str], effects: Effects, *, is_executed: bool) -> None:
    """Note a command whose name an expansion makes: it may be ``env -u GODEBUG``, or any script.

    What a script goes over to is the program, and so is what it gives its arguments to. Of any other, what it is given
    tells whether it matters: ``$SUDO chown …`` ends before the program starts.
    """
    effects.hands_on = True
    if _OWN.fullmatch(words[0]) or _ITSELF.fullmatch(words[0]):
        return
    effects.expands = True
    if is_executed or any(_OWN.fullmatch(word) for word in words[1:]):
        _lose(effects)
    _hand("", words[1:], effects)
    for word in words[1:_MAX_WORDS]:
        if word.startswith("/") and len(effects.arguments) < _MAX_COMMANDS:
            effects.arguments[word] = None


def _hand(program: str, given: Sequence[str], effects: Effects) -> None:
    """Note what a program is given that nothing is known of: programs, names of variables, an order to clear them."""
    name = _base(program)
    if not given or name in _ORDINARY or name in SHELLS or role_of(name) or not _PROGRAM.fullmatch(program):
        return
    given = given[:_MOST_HANDED]
    text = " ".join(given)
    if any(each in text for each in RESOLVER_VARIABLES):
        effects.variables.update(match[1] for match in _SPOKEN.finditer(text))
    if "--" in text and any(_CLEARING.fullmatch(word) for word in given):
        effects.variables.update(RESOLVER_VARIABLES)
    words = [word for word in given if not word.startswith("-") and _PLAIN.fullmatch(word)]
    if words and len(effects.handed) < _MAX_COMMANDS:
        effects.handed[" ".join((program, *words))] = None


def _read_program(name: str, words: list[str], effects: Effects, depth: int) -> None:
    if names_foreign_variables(name):
        effects.variables.update(RESOLVER_VARIABLES)
    elif name in _SUPERVISORS:
        _lose(effects)
    if name == "busybox" and len(words) > 1 and (words[1] in SHELLS or _wrapper(words[1])):
        _read_words(words[1:], effects, depth + 1)
    elif name in SHELLS:
        _read_shell(words, effects, depth)
    elif name in _LOGINS:
        if any(word in _LOGIN_OPTIONS or re.fullmatch("-[a-z]*l[a-z]*", word) for word in words[1:]):
            effects.variables.update(RESOLVER_VARIABLES)
        text = login_text(words)
        if text is not None:
            _read_text(text, effects, depth + 1)


def _read_arguments(words: list[str], effects: Effects, depth: int) -> None:
    """Add what a program may start of what it is given: a shell with its text, whatever has an absolute path."""
    for position, word in enumerate(words[1:_MAX_WORDS], 1):
        if word.startswith("/") and len(effects.arguments) < _MAX_COMMANDS:
            effects.arguments[word] = None
        if not word.endswith(_SHELL_ENDINGS) or _base(word) not in SHELLS:
            continue
        if _COMMAND_FLAG.fullmatch(next(iter(words[position + 1 :]), "")):
            _read_words(words[position:], effects, depth + 1)
            return


def _read_shell(words: Sequence[str], effects: Effects, depth: int = 0) -> None:
    """Add the effects of a shell's command line, ``words[0]`` the shell."""
    text, script = shell_arguments(words[1:])
    options = words[1 : words.index(text if text is not None else script)] if text or script else words[1:]
    if any(word == "--login" or re.fullmatch("-[A-Za-z]*l[A-Za-z]*", word) for word in options):
        effects.sources["/etc/profile"] = None
    if script is not None and "$" in script:
        _expand([script, *words[words.index(script) + 1 :]], effects, is_executed=False)
    elif script is not None:
        effects.commands[script] = None
    if text is not None:
        _read_text(text, effects, depth + 1)


def _source(words: list[str], effects: Effects) -> None:
    if words and "$" in words[0]:
        _lose(effects)
    elif words:
        effects.sources[words[0]] = None


def _lose(effects: Effects) -> None:
    """Note that what is run there is not known, nor what it changes."""
    effects.variables.update(RESOLVER_VARIABLES)
    effects.files.update(WRITTEN_FILES)


def _name(words: list[str], effects: Effects) -> None:
    for word in words:
        if not word.startswith("-"):
            effects.variables |= _may_be(word.partition("=")[0])


# ── a text ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_text(text: str, effects: Effects, depth: int) -> None:
    if depth > _MAX_DEPTH:
        _lose(effects)
        return
    joined = text.replace("\\\n", " ")
    lines = [line for line in joined.split("\n") if not line.lstrip().startswith("#")]
    code = "\n".join(lines)
    effects.variables |= _touched(code)
    effects.files |= _written_files(lines, depth)
    if "function " in code or "()" in code or "( )" in code:
        matches = (_FUNCTION.match(line) for line in lines if "(" in line or "function" in line)
        effects.functions.update(match[1] or match[2] for match in matches if match is not None)
    expands = False
    for part in _SEPARATORS.split(code):
        first = part.split(None, 1)[:1]
        if not first or first[0] in _QUIET:
            continue
        # The output of a command names one: ``"$(which env)" -i x``. What comes behind it has no first word.
        expands = expands or first[0] in {"$", '"$'}
        words = _words_of(part)
        while words and (words[0] in _PREFIXES or _ASSIGNMENT.match(words[0]) or _REDIRECTS.match(words[0])):
            # A redirection's file may be a word of its own.
            del words[: 1 + (words[0][-1:] in {"<", ">"})]
        # Elsewhere the "$" belongs to an assignment (``A="b $(c)"``), and what has no first word to any command.
        if words and (words[0] not in {"", "$"} or expands):
            _read_words(words, effects, depth)
    wanted = {_base(word) for word in effects.commands if "/" in word and word[-1] != "/" and _PLAIN.fullmatch(word)}
    if wanted or "exec" in code:
        effects.required.update(_required(lines, wanted))


def _touched(code: str) -> set[str]:
    if _evaluates(code):
        return set(RESOLVER_VARIABLES)
    forms = [form for form in (code, code.translate(_UNQUOTED)) if any(each in form for each in RESOLVER_VARIABLES)]
    if not forms:
        return set()
    found = {each for line in code.split("\n") if len(line) > _LONG for each in RESOLVER_VARIABLES if each in line}
    for form in forms:
        found.update(match[1] or match[2] for match in _TOUCHED.finditer(form))
    return found


def _evaluates(code: str) -> bool:
    """Whether an ``eval`` is given what an expansion comes to."""
    return "eval" in code and any(
        (word := _EVAL.search(part)) is not None and not {"$", "`"}.isdisjoint(part[word.end() :])
        for part in re.split("[\n;]", code)
    )


# ── what has to be there ─────────────────────────────────────────────────────────────────────────────────────────


def _required(lines: list[str], names: Collection[str]) -> dict[str, None]:
    """Return what lines of a shell give to ``exec``, or start by a path.

    What is told of it is told as a fault of the image, so it is read narrowly: what stands in quotes, in a text of
    ``<<``, in the patterns of a ``case`` and in an array is none. A line that begins with ``exec`` is one even there,
    but for the text. ``names`` are those that paths in the place of commands end with.
    """
    found: dict[str, None] = {}
    opened = listing = False
    ends = _ends_of_texts(lines)
    after = 0
    for number, line in enumerate(lines):
        if number < after:
            continue
        after = ends.get(number, -1) + 1
        is_meant = "exec" in line or ("/" in line and any(name in line for name in names))
        if not is_meant and not listing and "=(" not in line and _is_closed(line):
            continue
        text = _mask(line)
        is_open = _leaves_open(text)
        begins = line.lstrip().startswith("exec ")
        if is_meant and len(line) <= _LONG and (begins or not (opened or listing or is_open)):
            _require(text, found)
        opened ^= is_open
        listing = ("=(" in text and ")" not in text.partition("=(")[2]) or (listing and ")" not in text)
    return found


def _is_closed(line: str) -> bool:
    """Whether a line leaves no quote open, as far as a glance tells."""
    if "'" in line:
        return '"' not in line and "\\" not in line and "#" not in line and line.count("'") % 2 == 0
    return '"' not in line or ("\\" not in line and "#" not in line and line.count('"') % 2 == 0)


def _ends_of_texts(lines: list[str]) -> dict[int, int]:
    """Return, for each line whose ``<<`` begins a text, the number of the line that ends it."""
    begun = [(n, match[1]) for n, line in enumerate(lines) if "<<" in line and (match := _HERE.search(line))]
    words = {word for _, word in begun}
    ends: dict[int, int] = {}
    following: dict[str, int] = {}
    last = len(lines)
    for number, word in reversed(begun):
        for n in range(last - 1, number, -1):
            if (text := lines[n].strip()) in words:
                following[text] = n
        last = number + 1
        if word in following:
            ends[number] = following[word]
    return ends


def _require(line: str, found: dict[str, None]) -> None:
    """Add what has to be there for a line whose quotes are masked."""
    parts = _PARTS.split(_REDIRECTION.sub(" ", line))
    chain: list[str] = []
    depth = 0
    within = goes_on = assigns = False
    for part, end in zip(parts[::2], [*parts[1::2], "\n"], strict=True):
        # After ``A=$(b)`` a command may follow; after any other it is given what follows.
        word = None if goes_on and not (assigns and part.startswith((" ", "\t"))) else _required_word(part)
        chain += [word] if word else []
        if end.startswith("(") and part.endswith("="):
            return  # an array
        if end.startswith(")") and not depth:
            chain.clear()  # the patterns of a ``case``
        elif end != "|":
            found.update(dict.fromkeys(chain[: _MAX_COMMANDS - len(found)]))
            chain.clear()
        # What follows on the output of a command is given to the command around it.
        goes_on = "((" in end or (depth > 0 and not end.strip(")")) or (within and end == "`")
        if end.startswith("(") and not depth:
            assigns = part.endswith("=$") and _ASSIGNMENT.match(part.lstrip()) is not None
        depth = max(0, depth + end.count("(") - end.count(")"))
        within ^= end.count("`") % 2 == 1


def _required_word(part: str) -> str | None:
    if "/" not in part and "exec" not in part:
        return None
    first = part.split(None, 1)[:1]
    if not first or first[0] in _QUIET:
        return None
    before, rest = _program_words(_words_of(part))
    if not rest:
        return None
    word, is_executed = rest[0], "exec" in _words_of(part)[len(before) : -len(rest)]
    if _base(word) in SHELLS:
        text, script = shell_arguments(rest[1:])
        if text is None and script is not None and "/" in script:
            word = script
    is_named = "/" in word.rstrip("/") or (is_executed and word not in _BUILTINS)
    return word if is_named and _PLAIN.fullmatch(word) and not word.startswith(("-", "+", "%")) else None


def mentioned_files(text: str) -> set[str]:
    """Return those of the resolver's files that a text in no shell's language names, and so may change."""
    return {name for name in WRITTEN_FILES if (f"/etc/{name}" if name == "hosts" else name) in text}


# ── what a text writes ───────────────────────────────────────────────────────────────────────────────────────────


def _written_files(lines: Iterable[str], depth: int = 0) -> set[str]:
    """Return those of the resolver's files that lines of a shell may write: a line at a time, quotes minded.

    Where a quote may be open from an earlier line, whatever stands in quotes counts as commands too.
    """
    found: set[str] = set()
    opened: str | None = None
    entered = False
    for line in lines:
        entered = entered or ("/etc" in line and _ENTERED.search(line) is not None)
        is_open = _leaves_open(line)
        if len(line) > _LONG:
            found.update(match[1] for match in _NAMED.finditer(line) if entered or "/etc" in line)
        elif "/etc" in line or any(name in line for name in WRITTEN_FILES) or _may_unpack(line):
            found.update(match[1] for match in _REDIRECTED.finditer(line))
            if "$" in line and ">" in line:
                found |= _redirected_by_expansion(line)
            text = line if is_open or opened is not None else _mask(line)
            for part in _SEPARATORS.split(_REDIRECTION.sub(" ", text)):
                found |= _written_by(part, line, opened or "", entered=entered, depth=depth)
        if is_open:
            opened = _opener(line) if opened is None else None
    return found


def _redirected_by_expansion(line: str) -> set[str]:
    """Return the files that a redirection may write whose directory or name an expansion makes."""
    found = {match[2] for match in _WRITTEN_BY_NAME.finditer(line) if _may_be_etc(match[1])}
    for match in _WRITTEN_BY_PATTERN.finditer(line):
        found |= _matching(match[1])
    return found


def _may_be_etc(place: str) -> bool:
    """Whether a directory that an expansion makes may come out as /etc."""
    if "$" not in place:
        return False
    parts = _EXPANSION.sub("\0", place.translate(_UNQUOTED)).split("\0")
    before, behind = parts[0], parts[-1].rstrip("/")
    return "$" not in "".join(parts) and "/etc".startswith(before) and "/etc".endswith(behind)


def _may_unpack(line: str) -> bool:
    return "/" in line and any(name in line for name in _UNPACKERS)


def _unpacks(name: str, words: list[str]) -> bool:
    """Whether a command lays a tree of any files over the root directory or /etc."""
    options = [word for word in words[1:] if word.startswith("-")]
    given = [word for word in words[1:] if not word.startswith("-")]
    if name in {"tar", "bsdtar"}:
        return _extracts(words) and any(_is_root(place) for place in _values_of(words, "-C", "--directory"))
    if name == "unzip":
        return any(_is_root(place) for place in _values_of(words, "-d"))
    is_deep = name == "rsync" or any(
        word in {"--recursive", "--archive"} or re.fullmatch("-[A-Za-z]*[arR][A-Za-z]*", word) for word in options
    )
    target = given[-1:] or [""]
    return is_deep and len(given) > 1 and _is_root(target[0]) and any(_is_tree(word) for word in given[:-1])


def _extracts(words: list[str]) -> bool:
    first = words[1] if len(words) > 1 and not words[1].startswith("-") else ""
    short = [word for word in words[1:] if re.fullmatch("-[A-Za-z]+", word)]
    return "--extract" in words or "--get" in words or any("x" in word for word in [first, *short])


def _values_of(words: list[str], *options: str) -> list[str]:
    found = [after for word, after in pairwise(words) if word in options]
    found += [after for word, after in pairwise(words) if re.fullmatch("-[A-Za-z]+[Cd]", word)]
    return found + [
        word.removeprefix(option).lstrip("=") for word in words for option in options if word.startswith(option)
    ]


def _is_root(place: str) -> bool:
    return place in {"/", "/.", "/./"} or _ETC.fullmatch(place) is not None


def _is_tree(source: str) -> bool:
    """Whether what is copied may have files of any name, or /etc's, at its top."""
    base = source.rpartition("/")[2]
    return base in {"", ".", "etc"} or not {"*", "$", "?", "["}.isdisjoint(base)


def _leaves_open(line: str) -> bool:
    """Whether a quote of the line has no fellow in it."""
    if "'" not in line and '"' not in line:
        return False
    rest = _QUOTED.sub("", line)
    return "'" in rest or '"' in rest


def _mask(line: str) -> str:
    """Return a line with what stands in quotes parting nothing, and without its comment."""
    return _COMMENT.sub("", _QUOTED.sub(_hide, line) if "'" in line or '"' in line else line)


def _hide(match: re.Match[str]) -> str:
    text = match[0]
    if text.startswith('"') and ("$(" in text or "`" in text):
        return _SINGLE.sub(lambda inner: inner[0].translate(_HIDDEN), text)
    return text.translate(_HIDDEN)


def _opener(text: str) -> str:
    """Return the program whose quote a line leaves open."""
    for part in reversed(_SEPARATORS.split(text)):
        if part.count("'") % 2 or part.count('"') % 2:
            return next(iter(_program_words(_words_of(part))[1]), "")
    return ""


def _program_words(words: list[str]) -> tuple[list[str], list[str]]:
    """Return a command's keywords and assignments, and the rest of it from the program on, wrappers looked through."""
    start = next(
        (n for n, word in enumerate(words) if word not in _PREFIXES and not _ASSIGNMENT.match(word)), len(words)
    )
    rest = skip_wrappers(words[start:])
    return words[:start], rest[1:] if rest[:1] == ["busybox"] and rest[1:] else rest


def _written_by(part: str, line: str, opened: str, *, entered: bool, depth: int) -> set[str]:
    """Return what one command of a line writes.

    Args:
        part: the command.
        line: all of the line.
        opened: the program within whose quoted argument the line begins.
        entered: the shell may be in /etc.
        depth: texts that this one is within.
    """
    all_words = _words_of(part)
    if len(all_words) >= _MAX_WORDS:
        return {match[1] for match in _NAMED.finditer(part)}
    before, words = _program_words(all_words)
    found = {name for word in before for name in _names_of(word, bare=False)}
    if not words:
        return found
    first = part.split(None, 1)[0]
    if opened and (first.count("'") % 2 or first.count('"') % 2):
        words = [opened, *words]
    name = _base(words[0])
    if name in SHELLS or name in _LOGINS:
        text = login_text(words) if name in _LOGINS else shell_arguments(words[1:])[0]
        if text is not None and depth < _MAX_DEPTH:
            return found | _written_files(text.translate(_SHOWN).split("\n"), depth + 1)
    if name in {"cp", "rsync", "tar", "bsdtar", "unzip"} and _unpacks(name, words):
        return set(WRITTEN_FILES)
    given = _written_operands(name, words)
    found |= {each for word in given for each in _names_of(word, bare=entered)}
    if name in _CARRIERS and any(_may_be_etc(word) for word in given):
        sources = [word.rpartition("/") for word in words[1:]]
        found |= {base for place, _, base in sources if not _ETC.fullmatch(place)} & set(WRITTEN_FILES)
    if any(_ETC.fullmatch(word) for word in given):
        found.update(match[1] for match in _NAMED.finditer(line))
        bases = [word.rpartition("/")[2] for word in words[1:]]
        # What a loop goes over stands in the line as a rule: ``for f in hosts; do cp $f /etc; done``.
        found |= {each for base in bases if not (found and "$" in base) for each in _matching(base)}
    return found


def _written_operands(name: str, words: list[str]) -> list[str]:
    """Return those of a command's words that name what it may write."""
    given = words[1:]
    if name in _COPIERS and not any(_TARGET.fullmatch(word) for word in given):
        return [word for word in given if not word.startswith("-")][-1:]
    if name in _PROGRAMMED:
        return given if _IN_PLACE.search(" ".join(words)) else [word for word in given if " " in word]
    if name == "sort" and any(word.startswith(("-o", "--o")) for word in given):
        return given
    if name not in _READERS or (name == "printf" and given[:1] == ["-v"]):
        return words
    return []


def _names_of(word: str, *, bare: bool) -> set[str]:
    """Return those of the resolver's files that a word may stand for; ``bare``, without a directory as well."""
    found = {match[1] for match in _MENTIONED.finditer(word)}
    place, _, base = word.rpartition("/")
    if (bare and place in {"", "."}) or _ETC.fullmatch(place):
        found |= {base} & set(WRITTEN_FILES) | _matching(base)
    elif base in WRITTEN_FILES and _may_be_etc(place):
        found.add(base)
    return found


def _matching(pattern: str) -> set[str]:
    """Return those of the resolver's files that a shell may make of a pattern, by its beginning and its end."""
    pattern = _EXPANSION.sub("*", pattern) if "$" in pattern else pattern
    places = [n for n, letter in enumerate(pattern) if letter in _GLOB or letter in "]}"]
    if not places or _GLOB.isdisjoint(pattern):
        return set()
    before, behind = pattern[: places[0]], pattern[places[-1] + 1 :]
    return {name for name in WRITTEN_FILES if name.startswith(before) and name.endswith(behind)}
