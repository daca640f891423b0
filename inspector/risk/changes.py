"""Single changes outside a binary, each as the situation after it: what flips and remedies are tried with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from inspector.fabric import place_of_variables
from inspector.facts import Call, ContextFile, Decision, ImageLibc
from inspector.records import dataclass
from inspector.risk.entering import INSIDE, era_of, version_of
from inspector.risk.situation import USER_CALLS, Situation

_NO_RELEASE_KNOWS = "no-aaaa"
"""An option of glibc 2.36 that no Go release up to 1.27 knows."""
_MAX_MODULES = 4


@dataclass(frozen=True, slots=True)
class Change:
    """One change, and what is judged after it."""

    kind: str
    text: str
    after: Situation


def netdns_go(value: str | None) -> str:
    """Return a GODEBUG value with ``netdns=go`` in it; other settings stay, another netdns goes."""
    items = [item for item in (value or "").split(",") if item and not item.startswith("netdns=")]
    return ",".join([*items, "netdns=go"])


def _with_env(situation: Situation, name: str, value: str | None) -> Situation:
    env = {key: text for key, text in situation.context.env.items() if key != name}
    if value is not None:
        env[name] = value
    unknown = tuple(variable for variable in situation.context.env_unknown if variable != name)
    return situation.changed(context=replace(situation.context, env=env, env_unknown=unknown))


def _with_file(situation: Situation, name: str, text: str) -> Situation:
    files = {**situation.context.files, name: ContextFile(text=text)}
    return situation.changed(context=replace(situation.context, files=files))


# ── what cures, least effort first ───────────────────────────────────────────────────────────────────────────────


def cures(situation: Situation) -> Iterator[Change]:
    """Yield changes that may cure; the caller judges each."""
    if situation.call not in USER_CALLS and situation.call != "clib" and situation.binary.go is not None:
        yield from _environment_cures(situation)
        yield from _resolv_conf_cures(situation)
    yield from _nsswitch_cures(situation)
    yield from _base_image_cures(situation)


def _environment_cures(situation: Situation) -> Iterator[Change]:
    for variable in ("LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES"):
        if variable in situation.context.env:
            yield Change("env", f"unset {variable}", _with_env(situation, variable, None))
    value = netdns_go(situation.context.env.get("GODEBUG"))
    text = f"set the environment variable GODEBUG={value} {place_of_variables(situation.binary)}".rstrip()
    yield Change("env", text, _with_env(situation, "GODEBUG", value))


def _resolv_conf_cures(situation: Situation) -> Iterator[Change]:
    words, after = resolv_conf_cure(situation)
    if words:
        listed = ", ".join(f"'{word}'" for word in words)
        text = (
            f"take {listed} out of the resolv.conf that it sees (the host's, --dns-opt, dns_opt or dnsConfig.options)"
        )
        yield Change("resolv-conf", text, _with_file(situation, "resolv.conf", after))


def resolv_conf_cure(situation: Situation) -> tuple[tuple[str, ...], str]:
    """Return the words of resolv.conf that lead into libc, in their order, and the text without them; none: neither."""
    file, decision = situation.context.files.get("resolv.conf"), situation.decision
    if file is None or file.text is None or not isinstance(decision, Decision):
        return (), ""
    wheres = [reason.where or "" for reason in decision.reasons]
    places = [where.split(":")[1:] for where in wheres if where.startswith("resolv.conf:")]
    lines = file.text.split("\n")
    words: list[str] = []
    for line, column in sorted(((int(a), int(b)) for a, b in places), reverse=True):
        text = lines[line - 1]
        word = text[column - 1 :].split()[0]
        words.insert(0, word)
        is_keyword = not text[: column - 1].strip()
        lines[line - 1] = "" if is_keyword else (text[: column - 1] + text[column - 1 + len(word) :]).rstrip()
    return tuple(words), "\n".join(lines)


def _nsswitch_cures(situation: Situation) -> Iterator[Change]:
    file = situation.context.files.get("nsswitch.conf")
    if file is None or file.special is not None:
        return
    database = _database(situation)
    plain = "files dns" if database == "hosts" else "files"
    kept = [line for line in (file.text or "").split("\n") if line.partition(":")[0].strip() != database]
    text = "\n".join([*kept, f"{database}: {plain}"]) + "\n"
    yield Change(
        "nsswitch",
        f"write '{database}: {plain}' into the image's /etc/nsswitch.conf",
        _with_file(situation, "nsswitch.conf", text),
    )


def _base_image_cures(situation: Situation) -> Iterator[Change]:
    inside = situation.binary.libc.version
    if not situation.is_static_glibc or inside is None or situation.rootfs.libc.version == inside:
        return
    modules = situation.rootfs.nss or ("dns", "files")
    rootfs = replace(situation.rootfs, libc=ImageLibc(kind="glibc", version=inside), nss=modules)
    text = f"use a base image with glibc {inside}, the one that is inside the binary"
    yield Change("base-image", text, situation.changed(rootfs=rootfs))


def _database(situation: Situation) -> str:
    if situation.call in USER_CALLS:
        return "group" if situation.call in {"group", "groupids"} else "passwd"
    return "services" if situation.call == "port" else "hosts"


# ── what breaks ──────────────────────────────────────────────────────────────────────────────────────────────────


_MEANINGS: dict[Call, str] = {
    "current": " (os/user.Current)",
    "user": " (os/user.Lookup)",
    "uid": " (os/user.LookupId)",
    "group": " (os/user.LookupGroup)",
    "groupids": " (os/user.User.GroupIds)",
    "port": " (net.LookupPort, or an address that names a service for its port)",
}


def dangers(situation: Situation) -> Iterator[Change]:
    """Yield changes that may make a safe situation crash; the caller judges each."""
    if not situation.known:
        how = "the C code in it" if situation.call == "clib" else "the program"
        uid = situation.context.uid
        whose = f" (for its own uid, {uid})" if situation.call == "current" and uid is not None else ""
        meaning = _MEANINGS.get(situation.call, "")
        yield Change("call", f"{how} makes the call {situation.call}{whose or meaning}", situation.changed(known=True))
    elif not situation.is_static_glibc:
        return
    if situation.call not in USER_CALLS and situation.call != "clib" and situation.binary.go is not None:
        yield from _resolver_dangers(situation)
    yield from _module_dangers(situation)
    yield from _base_image_dangers(situation)


def _resolver_dangers(situation: Situation) -> Iterator[Change]:
    decision = situation.decision
    if not isinstance(decision, Decision) or decision.decision != "go":
        return
    godebug = situation.context.env.get("GODEBUG")
    if godebug is not None and "netdns=go" in godebug:
        yield Change("env", "GODEBUG loses netdns=go", _with_env(situation, "GODEBUG", None))
    file = situation.context.files.get("resolv.conf")
    if file is not None and file.special is None:
        for option in _unknown_options(situation):
            text = f"{(file.text or '').rstrip()}\noptions {option}\n"
            yield Change(
                "resolv-conf", f"'options {option}' in resolv.conf", _with_file(situation, "resolv.conf", text)
            )
    yield Change("env", "GODEBUG=netdns=cgo", _with_env(situation, "GODEBUG", "netdns=cgo"))
    yield Change("env", "LOCALDOMAIN set", _with_env(situation, "LOCALDOMAIN", ""))


def _unknown_options(situation: Situation) -> Iterator[str]:
    """Yield options that this Go release does not know, those first that hosts are known to have."""
    minor = situation.minor or 0
    if minor < 20:
        yield "edns0"
    if minor < 13:
        yield "single-request-reopen"
    yield _NO_RELEASE_KNOWS


def _module_dangers(situation: Situation) -> Iterator[Change]:
    file = situation.context.files.get("nsswitch.conf")
    if file is None or file.special is not None or situation.rootfs.nss is None:
        return
    yield from _package_dangers(situation)
    database = _database(situation)
    plain = "files {} dns" if database == "hosts" else "files {}"
    kept = [line for line in (file.text or "").split("\n") if line.partition(":")[0].strip() != database]
    for module in [name for name in situation.rootfs.nss if name not in INSIDE][:_MAX_MODULES]:
        line = f"{database}: {plain.format(module)}"
        after = _with_file(situation, "nsswitch.conf", "\n".join([*kept, line]) + "\n")
        yield Change("nsswitch", f"'{line}' in the image's nsswitch.conf", after)


def _package_dangers(situation: Situation) -> Iterator[Change]:
    """A module that nsswitch.conf names already and that a package would bring."""
    named = [source.name for source in situation.asked(_database(situation))]
    there = situation.rootfs.nss or ()
    for module in [name for name in named if name not in there and name not in INSIDE][:_MAX_MODULES]:
        after = situation.changed(rootfs=replace(situation.rootfs, nss=(*there, module)))
        yield Change("base-image", f"libnss_{module}.so.2 in the image: nsswitch.conf names it already", after)


def _base_image_dangers(situation: Situation) -> Iterator[Change]:
    """A base image with another glibc: its next version, and for a new static glibc one before 2.32."""
    inside, there = version_of(situation.binary.libc.version), version_of(situation.rootfs.libc.version)
    if situation.rootfs.libc.kind == "none" or inside is None:
        return
    others = ["2.36", "2.41"] if era_of(situation.binary) == "before-2.34" else ["2.31", "2.41", "2.36"]
    for version in others:
        if version_of(version) in {inside, there}:
            continue
        modules = situation.rootfs.nss or ("dns", "files")
        rootfs = replace(
            situation.rootfs, libc=ImageLibc(kind="glibc", version=version), nss=modules, loader_dl_var_init=None
        )
        yield Change(
            "base-image", f"a base image with another glibc, such as {version}", situation.changed(rootfs=rootfs)
        )
        return
