"""An environment laid over what the image itself gives: the whole of what the process will see."""

from __future__ import annotations

from collections.abc import Mapping

from inspector.facts import ContextFile, Environment, ImageConfig, ResolverContext, RootFsFacts

_FROM_IMAGE = ("nsswitch.conf", "mdns.allow", "passwd", "group", "services")
"""What engines and kubelets leave to the image; resolv.conf, hosts and hostname they mount over it."""


def context_of(
    environment: Environment,
    *,
    rootfs: RootFsFacts | None,
    config: ImageConfig | None,
    script_variables: tuple[str, ...] = (),
    script_files: tuple[str, ...] = (),
    env: Mapping[str, str] | None = None,
    resolv_conf: ContextFile | None = None,
    nsswitch_conf: ContextFile | None = None,
) -> ResolverContext:
    """Return what a process of the image will see there.

    Args:
        environment: what the engine or kubelet gives.
        rootfs: the image's own files; None, or one whose ``files`` are None: they are not known.
        config: the image's variables and user.
        script_variables: variables that the entrypoint's script sets; their values cannot be told.
        script_files: files under /etc that it writes: their contents cannot be told, nor by what is given here.
        env: variables of the caller's, which outrank all others but a script's.
        resolv_conf: outranks the environment's.
        nsswitch_conf: outranks the image's.
    """
    files = _image_files(rootfs)
    if not files and (rootfs is None or rootfs.files is None):
        files.update(environment.own_files)
    files.update(environment.files)
    for name in environment.unknown_files:
        files.pop(name, None)
    if resolv_conf is not None:
        files["resolv.conf"] = resolv_conf
    if nsswitch_conf is not None:
        files["nsswitch.conf"] = nsswitch_conf
    for name in script_files:
        files.pop(name, None)
    variables, origins = _variables(environment, config, env or {})
    return ResolverContext(
        files=files,
        env=variables,
        env_origin=origins,
        env_unknown=(
            *environment.env_unknown,
            *environment.env_elsewhere,
            *script_variables,
        ),
        uid=environment.uid if environment.uid is not None else _uid(_user(environment, config), rootfs),
        system_hostname=environment.system_hostname,
    )


def _image_files(rootfs: RootFsFacts | None) -> dict[str, ContextFile]:
    if rootfs is None or rootfs.files is None:
        return {}
    return {
        name: ContextFile(text=rootfs.files[name], special=rootfs.special.get(name), origin="image")
        for name in _FROM_IMAGE
        if name in rootfs.files
    }


def _variables(
    environment: Environment, config: ImageConfig | None, env: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    variables: dict[str, str] = {}
    origins: dict[str, str] = {}
    given = (("image", config.env if config else {}), (environment.name, environment.env), ("command line", env))
    for origin, values in given:
        for name, value in values.items():
            variables[name], origins[name] = value, origin
            if origin == environment.name:
                origins[name] = environment.env_origin.get(name, origin)
    return variables, origins


def _user(environment: Environment, config: ImageConfig | None) -> str | None:
    """Return the user as a manifest or the image names it; None: neither is known."""
    if environment.user is not None:
        return environment.user
    return None if config is None else config.user or "0"


def _uid(given: str | None, rootfs: RootFsFacts | None) -> int | None:
    """Return the user's number: as given, or by the image's passwd (OCI image-spec, config.md, User); None: unknown."""
    if given is None:
        return None
    user = given.partition(":")[0] or "0"
    if user.isascii() and user.isdigit() and len(user) < 11:
        return int(user)
    text = ((rootfs.files or {}).get("passwd") if rootfs else None) or ""
    for line in text.split("\n"):
        fields = line.split(":")
        if len(fields) > 2 and fields[0] == user and fields[2].isdigit():
            return int(fields[2])
    return None
