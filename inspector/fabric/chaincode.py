"""The image that a peer would build for Go chaincode: what is known of it before it exists.

The peer compiles chaincode in a container of ``chaincode.builder`` (fabric-ccenv) and copies the program into an image
of ``chaincode.golang.runtime`` (fabric-baseos), linked ``-linkmode external -extldflags '-static'`` unless
``chaincode.golang.dynamicLink`` is true (core/chaincode/platforms/golang/platform.go, all releases from 1.0 to 3.1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from inspector.errors import UsageError
from inspector.escaping import printable
from inspector.fabric.images import identify
from inspector.facts import BinaryFacts, Call, Exposure, GoBuild, Libc, Problem, RootFsFacts, Status, Target
from inspector.records import dataclass

PATH = "/usr/local/bin/chaincode"
STATIC_FLAGS = "-linkmode external -extldflags '-static'"
MAX_CORE_YAML = 1024 * 1024
"""Bytes of a core.yaml; Fabric's own has some 35,000."""
DYNAMIC_LINK = "CORE_CHAINCODE_GOLANG_DYNAMICLINK"
_TRUE, _FALSE = (
    frozenset({"1", "t", "T", "TRUE", "true", "True"}),
    frozenset({"0", "f", "F", "FALSE", "false", "False"}),
)
"""What viper takes for a boolean (Go's strconv.ParseBool)."""
_INTERPRETERS: Mapping[str, tuple[str, str]] = {
    "x86-64": ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1"),
    "aarch64": ("/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-aarch64.so.1"),
    "s390x": ("/lib/ld64.so.1", "/lib/ld-musl-s390x.so.1"),
    "ppc64le": ("/lib64/ld64.so.2", "/lib/ld-musl-powerpc64le.so.1"),
}
"""Machine → loaders of glibc and of musl (sysdeps of glibc; musl's configure)."""
_USER_CALLS: frozenset[Call] = frozenset({"current", "user", "uid", "group", "groupids"})
_ONE_LIBC = (2, 34)
"""From glibc 2.34 on a program with threads needs GLIBC_2.34: libpthread went into libc (glibc NEWS, 2.34)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreSettings:
    """What a peer's configuration says of Go chaincode."""

    dynamic_link: bool = False
    where: str = "Fabric's default"
    """What sets ``dynamic_link``."""
    builder: str | None = None
    runtime: str | None = None
    network_mode: str | None = None
    """``vm.docker.hostConfig.NetworkMode``: the network of chaincode containers."""


def read_core_yaml(text: str, name: str) -> CoreSettings:
    """Read a peer's core.yaml.

    Args:
        text: the file's content, from anywhere.
        name: what to call it in an error.

    Raises:
        UsageError: if it is no YAML mapping, is too large, or a setting in it is not of its kind.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if len(text) > MAX_CORE_YAML:
        raise UsageError(f"{name}: larger than {MAX_CORE_YAML} bytes, which no core.yaml is")
    try:
        # Aliases become references to one object, so that they cannot multiply.
        tree: Any = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError) as error:
        first = (str(error).strip().splitlines() or ["?"])[-1].strip()
        raise UsageError(f"{name}: not YAML: {printable(first, limit=200)}") from None
    except RecursionError:
        raise UsageError(f"{name}: nested deeper than any core.yaml") from None
    if tree is not None and not isinstance(tree, dict):
        raise UsageError(f"{name}: not a core.yaml: the document is no mapping")
    golang = _below(tree, "chaincode", "golang")
    link = golang.get("dynamiclink")
    return CoreSettings(
        dynamic_link=False if link is None else _boolean(link, f"{name}: chaincode.golang.dynamicLink"),
        where=f"{name} does not set chaincode.golang.dynamicLink" if link is None else name,
        builder=_text(_below(tree, "chaincode").get("builder")),
        runtime=_text(golang.get("runtime")),
        network_mode=_text(_below(tree, "vm", "docker", "hostconfig").get("networkmode")),
    )


def with_peer_environment(settings: CoreSettings, env: Mapping[str, str]) -> CoreSettings:
    """Lay the peer's CORE_… variables over its core.yaml, as viper does.

    Raises:
        UsageError: if a value is not of its kind.
    """
    if DYNAMIC_LINK in env:
        link = _boolean(env[DYNAMIC_LINK], DYNAMIC_LINK)
        settings = replace(settings, dynamic_link=link, where=DYNAMIC_LINK)
    return replace(
        settings,
        builder=env.get("CORE_CHAINCODE_BUILDER", settings.builder),
        runtime=env.get("CORE_CHAINCODE_GOLANG_RUNTIME", settings.runtime),
        network_mode=env.get("CORE_VM_DOCKER_HOSTCONFIG_NETWORKMODE", settings.network_mode),
    )


_PLACEHOLDER = re.compile(r"\$\(([A-Z_]+)\)")
_VERSION = re.compile(r"v?(\d{1,4}\.\d{1,4})\.\d{1,4}(-[0-9A-Za-z.-]{1,40})?")


def image_named(template: str, *, version: str | None, architecture: str) -> str:
    """Return the image that a setting names, expanded as the peer expands it (``ParseDockerfileTemplate``).

    Args:
        template: as ``$(DOCKER_NS)/fabric-ccenv:$(TWO_DIGIT_VERSION)``.
        version: the peer's, ``2.5.4``; None: not known.
        architecture: as Go names it, ``amd64``.

    Raises:
        UsageError: if something in it cannot be expanded.
    """
    match = _VERSION.fullmatch(version or "")
    if version is not None and match is None:
        raise UsageError(f"'{printable(version, limit=60)}' is no version of Fabric's", advice="give one as 2.5.4")
    known = {"DOCKER_NS": "hyperledger", "ARCH": architecture}
    if version is not None and match is not None:
        known |= {"PROJECT_VERSION": version.removeprefix("v"), "TWO_DIGIT_VERSION": match[1]}
    absent = next((name for name in _PLACEHOLDER.findall(template) if name not in known), None)
    if absent is not None:
        by_version = absent in {"PROJECT_VERSION", "TWO_DIGIT_VERSION"}
        raise UsageError(
            f"'{printable(template, limit=200)}': $({absent}) cannot be expanded",
            advice="say the peer's version by --fabric" if by_version else "name the image by --ccenv or --baseos",
        )
    return _PLACEHOLDER.sub(lambda found: known[found[1]], template)


def _below(tree: Any, *keys: str) -> dict[str, Any]:
    """Return the mapping at a path, its keys in lower case as viper compares them; empty where there is none."""
    for key in keys:
        tree = _lowered(tree).get(key)
    return _lowered(tree)


def _lowered(tree: Any) -> dict[str, Any]:
    return {str(key).lower(): value for key, value in tree.items()} if isinstance(tree, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _boolean(value: Any, what: str) -> bool:
    if isinstance(value, bool):
        return value
    if str(value) in _TRUE:
        return True
    if str(value) in _FALSE:
        return False
    raise UsageError(f"{what} is {printable(str(value), limit=60)}, neither true nor false")


# ── the image ────────────────────────────────────────────────────────────────────────────────────────────────────


def chaincode_target(
    ccenv: Target, baseos: Target, settings: CoreSettings, *, go: str | None = None, calls: Sequence[Call] = ()
) -> Target:
    """Return the facts of the image that a peer would build, marked as such.

    Args:
        ccenv: facts of the builder's image; its Go and its C library decide the program.
        baseos: facts of the runtime's image; its root filesystem is the chaincode's.
        settings: how the peer links.
        go: the Go release that builds it, where that is not ccenv's own.
        calls: what the chaincode is known to call; one of os/user's puts os/user into it.

    Returns:
        A target whose one program does not exist yet. What neither image tells is a problem, and the program is then
        one that could not be analysed.
    """
    toolchain = find_go(ccenv)
    problems = [*_damages("ccenv", ccenv), *_damages("baseos", baseos)]
    version = go or (toolchain.go.version if toolchain and toolchain.go else None)
    libc = (ccenv.rootfs or RootFsFacts()).libc
    if version is None:
        problems.append(Problem(stage="ccenv", message=f"{ccenv.reference} has no go command that tells its release"))
    if libc.kind not in {"glibc", "musl"}:
        what = "holds no C library" if libc.kind == "none" else "does not tell its C library"
        problems.append(
            Problem(stage="ccenv", message=f"{ccenv.reference} {what}: it is no image that builds chaincode")
        )
    told = version is not None and libc.kind in {"glibc", "musl"}
    exposures = _exposures(ccenv, calls) if told else None
    binary = _program(ccenv, settings, version or "", toolchain, exposures)
    status: Status = "incomplete" if problems else "analysed"
    return Target(
        reference=f"chaincode built in {ccenv.reference} for {baseos.reference}",
        platform=baseos.platform,
        status=status,
        notes=tuple(_notes(ccenv, baseos, settings, binary, given=go is not None)),
        problems=tuple(problems),
        config=replace(baseos.config, entrypoint=(), cmd=("chaincode",)) if baseos.config else None,
        rootfs=baseos.rootfs,
        script_variables=(),
        binaries=(binary,),
    )


def find_go(ccenv: Target) -> BinaryFacts | None:
    """Return the go command of a builder's image: the official place first, then any ``bin/go``."""
    commands = [b for b in ccenv.binaries if b.path.endswith("/bin/go") and b.go is not None]
    return min(commands, key=lambda b: (b.path != "/usr/local/go/bin/go", b.path), default=None)


def _damages(which: str, target: Target) -> list[Problem]:
    """What could not be read of an image, as far as it may concern a chaincode's image."""
    told = [problem for problem in target.problems if problem.stage == "layers" or target.status == "failed"]
    return [Problem(stage=which, message=f"{target.reference}: {problem.message}") for problem in told]


def _program(
    ccenv: Target,
    settings: CoreSettings,
    version: str,
    toolchain: BinaryFacts | None,
    exposures: tuple[Exposure, ...] | None,
) -> BinaryFacts:
    told = exposures is not None
    machine = toolchain.machine if toolchain else _machine(ccenv.platform)
    libc = (ccenv.rootfs or RootFsFacts()).libc
    musl = libc.kind == "musl"
    static = not settings.dynamic_link
    loaders = _INTERPRETERS.get(machine)
    needs = None if static or musl or _number(libc.version) < _ONE_LIBC else "2.34"
    return BinaryFacts(
        path=PATH,
        size=0,
        machine=machine,
        linkage="static" if static else "dynamic",
        interpreter=None if static or loaders is None else loaders[musl],
        needs_glibc=needs,
        missing=(),
        stripped=False,
        libc=Libc(kind=libc.kind, version=libc.version if static and not musl else None),
        go=GoBuild(version=version, cgo=True, ldflags=STATIC_FLAGS if static else None) if told else None,
        exposures=exposures,
        found=("hypothetical", "fabric:chaincode"),
        problems=() if told else ("the builder's Go or C library is not known",),
    )


def _exposures(ccenv: Target, calls: Sequence[Call]) -> tuple[Exposure, ...]:
    dns = Exposure(kind="dns", evidence=("assumed: the chaincode's shim dials the peer by name, with cgo on",))
    if _has_user_code(ccenv):
        return (dns, Exposure(kind="user", evidence=("assumed: the shim of Fabric 1.x has os/user",)))
    if _USER_CALLS & set(calls):
        return (dns, Exposure(kind="user", evidence=("given: the chaincode calls os/user",)))
    return (dns,)


def _has_user_code(ccenv: Target) -> bool:
    """Chaincode built from 1.4.12 has os/user code, that from 2.5.16 has none."""
    image = identify(ccenv.reference, ccenv.config.env if ccenv.config else {}, ())
    return image is not None and image.release is not None and image.release < (2, 0, 0)


def _machine(platform: str | None) -> str:
    names = {"amd64": "x86-64", "arm64": "aarch64"}
    architecture = (platform or "linux/unknown").split("/")[1]
    return names.get(architecture, architecture)


def _number(version: str | None) -> tuple[int, int]:
    parts = (version or "").split(".")
    return (int(parts[0]), int(parts[1])) if len(parts) > 1 and parts[0].isdigit() and parts[1].isdigit() else (0, 0)


def _notes(ccenv: Target, baseos: Target, settings: CoreSettings, binary: BinaryFacts, *, given: bool) -> list[str]:
    libc = f"{binary.libc.kind} {(ccenv.rootfs or RootFsFacts()).libc.version or ''}".strip()
    how = f"static ({STATIC_FLAGS})" if binary.linkage == "static" else "dynamic"
    version = binary.go.version if binary.go else "of unknown release"
    program = f"Go {version} with cgo, {how}, {libc} of {ccenv.reference}"
    has_user = any(exposure.kind == "user" for exposure in binary.exposures or ())
    notes = [
        f"hypothetical: this image does not exist yet, verdicts are inferred; program: {program}",
        f"dynamicLink is {str(settings.dynamic_link).lower()}: {settings.where}",
        "assumed: the chaincode looks host names up, as its shim does to reach the peer; "
        + ("os/user is in it" if has_user else "os/user is not in it (--call user, if it is)"),
    ]
    if not given:
        notes.append(
            "assumed: ccenv's own Go builds it; a go.mod that asks for a later one may bring that (--go says which)"
        )
    for key, wanted, target in (("builder", settings.builder, ccenv), ("golang.runtime", settings.runtime, baseos)):
        if wanted and "$(" not in wanted and not _is_same(wanted, target.reference):
            notes.append(f"the peer's configuration names another chaincode.{key}: {printable(wanted, limit=200)}")
    if settings.network_mode:
        notes.append(f"chaincode containers get network mode {printable(settings.network_mode, limit=60)}")
    return notes


def _is_same(wanted: str, reference: str) -> bool:
    name = reference.partition("@")[0]
    return name == wanted or name.endswith((f"/{wanted}", f":{wanted}"))
