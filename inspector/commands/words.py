"""Words of a command line: which begin one, what wrappers (``env``, a loader) start in the end and what they change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from inspector.binaries import library_kind
from inspector.facts import RESOLVER_VARIABLES

SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "busybox"})
PREFIXES = frozenset({"if", "then", "else", "elif", "do", "while", "until", "{", "!", "time", "coproc"})
"""Words after which a command follows."""
NAMING = frozenset({"export", "declare", "typeset", "readonly", "local", "unset", "read"})
"""Builtins that change the variables that their arguments name."""
BUILTINS = NAMING | frozenset({
    "fi", "done", "for", "case", "esac", "in", "}", "function", "select", "return", "break", "continue", "set", "shift",
    "trap", "true", "false", "test", "[", "[[", "echo", "printf", "cd", "exit", ":", "eval", "umask", "wait", "alias",
    "source", ".",
})  # fmt: skip
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
LOGINS = frozenset({"su", "runuser"})
ORDINARY = LOGINS | frozenset({
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
_WORD = re.compile(r"""(?:[^\s"']+|"[^"]*"|'[^']*'|["'])+""")
"""A quote without its fellow is one that a separator cut off."""
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
COMMAND_FLAG = re.compile(r"-[A-Za-z]*c[A-Za-z]*")
_SPLITTING = re.compile(r"-[vi0]*S(.*)", re.DOTALL)
READERS = frozenset({
    "cat", "grep", "egrep", "fgrep", "sed", "awk", "gawk", "mawk", "nawk", "sort", "head", "tail", "wc", "cmp", "diff",
    "cut", "tac", "ls", "stat", "file", "readlink", "realpath", "basename", "dirname", "cksum", "md5sum", "sha1sum",
    "sha256sum", "less", "more", "od", "getent", "mkdir", "test", "[", "[[", "echo", "printf", "read", "mapfile",
    "readarray", "case", "cd", "done", "fi", "esac", "}", "exit", "return", ":", "true", "false", ".", "source",
})  # fmt: skip
"""What leaves a file that it is given as it is; whatever else is given one may write it."""
PLAIN = re.compile(r"[\w@%+./:,-]+")
"""A word that no shell makes another of."""
_QUOTES = frozenset("\"'\\")
UNQUOTED = str.maketrans(dict.fromkeys(_QUOTES))
_MOST_OF_COMMAND = 4096
"""Characters of a simple command that are read."""
MAX_WORDS = 256
MAX_ARGUMENTS = 1024
QUIET = BUILTINS - NAMING - {".", "source", "eval", "printf", "set"}
"""First words of parts that start and change nothing."""
SEPARATORS = re.compile(r"[\n;&|()`]+")
LONG = 1024
"""Characters of a line that is looked at closely: a longer one may do anything with what it names."""
MAX_DEPTH = 4
"""Texts within texts: ``sh -c "su peer -c '…'"``."""
MAX_COMMANDS = 256


def program_of(words: Iterable[str]) -> str | None:
    """Return what a shell's command starts: its first word but keywords, assignments, wrappers and their options."""
    left = iter(words)
    word = next((word for word in left if word not in PREFIXES and not ASSIGNMENT.match(word)), "")
    if word not in BUILTINS and wrapper_of(word):
        word = next(iter(skip_wrappers([word, *left])), "")
    return None if not word or word in BUILTINS or "$" in word else word


def skip_wrappers(words: Sequence[str]) -> list[str]:
    """Return the words from the program on that wrappers such as ``tini``, ``env`` and a loader start in the end."""
    return unwrap(words)[0]


def unwrap(words: Sequence[str]) -> tuple[list[str], frozenset[str]]:
    """Return the words from the program on, and the resolver's variables that the wrappers before it change."""
    rest = list(words[:MAX_ARGUMENTS])
    changed: set[str] = set()
    while rest and (wrapper := wrapper_of(rest[0])):
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
        if COMMAND_FLAG.fullmatch(option):
            return (words[position] if position < len(words) else None), None
    return None, words[position] if position < len(words) else None


def login_text(words: Sequence[str]) -> str | None:
    """Return the text that ``su`` or ``runuser`` gives to a shell, None where it is another program or given none."""
    if not words or base_of(words[0]) not in LOGINS:
        return None
    for position, word in enumerate(words[1:-1], 1):
        if word in {"-c", "--command", "--session-command"} or re.fullmatch(r"-[a-z]*c", word):
            return words[position + 1]
    return next(
        (word.partition("=")[2] for word in words if word.startswith(("--command=", "--session-command="))), None
    )


def names_foreign_variables(program: str) -> bool:
    """Whether a program starts what it is given with variables that it has from elsewhere (``envdir``)."""
    return base_of(program) in _FOREIGN


def is_ordinary(program: str) -> bool:
    """Whether a command is a shell, a builtin or a common tool, which no image is made for."""
    name = base_of(program)
    return name in ORDINARY or name in READERS or name in BUILTINS or name in SHELLS or not PLAIN.fullmatch(program)


def base_of(word: str) -> str:
    """Return the last part of a path."""
    return word.rsplit("/", 1)[-1]


def wrapper_of(word: str) -> str | None:
    """Return the name of a program that starts another, ``loader`` for ld.so; None for any other."""
    name = base_of(word)
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
    return wrapper == "sudo" and ASSIGNMENT.match(word) is not None


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
        return [*words[:position], *kept, *words_of(text), *words[behind:]][:MAX_ARGUMENTS]
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
            changed |= variables_of(name)
        elif option.startswith("--unset="):
            changed |= variables_of(option.removeprefix("--unset="))
        elif option.startswith("-u"):
            changed |= variables_of(option.removeprefix("-u"))
    return changed


def variables_of(name: str) -> set[str]:
    """Return those of the resolver's variables that a name may come out as: an expansion may be anything."""
    if "$" not in name:
        return {name} & set(RESOLVER_VARIABLES)
    before, behind = name.partition("$")[0], name.rpartition("}")[2] if "${" in name else ""
    behind = "" if "$" in behind else behind
    return {each for each in RESOLVER_VARIABLES if each.startswith(before) and each.endswith(behind)}


def words_of(text: str) -> list[str]:
    """Return the words of a simple command, quotes taken away; a bounded number."""
    start = text[:_MOST_OF_COMMAND]
    if _QUOTES.isdisjoint(start):
        return start.split()[:MAX_WORDS]
    return [word[0].translate(UNQUOTED) for word in islice(_WORD.finditer(start), MAX_WORDS)]
