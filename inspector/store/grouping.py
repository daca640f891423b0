"""What of a binary and of its image verdicts depend on, and nothing else: equal digests have equal verdicts.

Many images hold few distinct builds on few distinct bases. Judging each pair once answers for all of them.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from inspector.fabric import role_of
from inspector.facts import RESOLVER_VARIABLES, BinaryFacts, ImageConfig, RootFsFacts, Target
from inspector.store.nouns import Base

_DECIDING_FILES = ("nsswitch.conf", "mdns.allow", "passwd", "group", "services")


def build_of(binary: BinaryFacts) -> BinaryFacts:
    """Return a binary without what tells it from another one of the same build.

    Of its path only a Fabric program's name remains: which calls are known, and which remedies there are, goes by it.
    """
    role = role_of(binary.path)
    path = "" if role is None else binary.path if role.startswith("ccaas-") else f"/{role}"
    return replace(binary, path=path, layer=None, sha256=None, size=0, build_id=None, found=())


def base_of(target: Target) -> Base:
    """Return what a target gives each of its binaries."""
    config = target.config
    if config is not None:
        env = {name: config.env[name] for name in sorted(RESOLVER_VARIABLES) if name in config.env}
        config = ImageConfig(env=env, user=config.user)
    return Base(
        rootfs=_deciding(target.rootfs),
        config=config,
        script_variables=target.script_variables,
        script_files=target.script_files,
        platform=target.platform,
    )


def _deciding(rootfs: RootFsFacts | None) -> RootFsFacts | None:
    if rootfs is None or rootfs.files is None:
        return rootfs
    files = {name: rootfs.files[name] for name in _DECIDING_FILES if name in rootfs.files}
    special = {name: kind for name, kind in sorted(rootfs.special.items()) if name in files}
    return replace(rootfs, files=files, special=special)


def digest_of(content: bytes) -> str:
    """Return the name under which a build or a base is kept."""
    return hashlib.sha256(content).hexdigest()


def target_of(build: BinaryFacts, base: Base) -> Target:
    """Return a target that is judged as every image with this pair is."""
    return Target(
        reference="",
        platform=base.platform,
        config=base.config,
        rootfs=base.rootfs,
        script_variables=base.script_variables,
        script_files=base.script_files,
        binaries=(build,),
    )
