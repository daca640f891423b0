"""A variable, or the options of resolv.conf, as a manifest has them.

It is YAML to lay over a Compose file or a pod's template, or to paste into either.

Compose lays one file over another by services and merges their variables (Compose Specification, 13-merge.md);
Kubernetes lays a patch over a pod by names of containers and of variables (API conventions, "Strategic Merge Patch").
Compose appends to ``dns_opt`` what another file has there, but for ``!override``; ``dnsConfig.options`` is replaced as
a whole (core/v1, PodDNSConfig, listType atomic).
"""

from __future__ import annotations

import re
import shlex

from inspector.escaping import printable
from inspector.facts import ManifestPlace

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_=,./+-]{0,250}")
_NO_TEXT = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
"""Words that YAML 1.1 or 1.2 takes for something else than a text."""


def variable_snippet(manifest: ManifestPlace, name: str, value: str, *, elsewhere: bool = False) -> str:
    """Return the YAML that sets a variable where ``manifest`` says; its comments name what else can.

    A manifest that is only a kind of one gives the attribute alone, to be pasted into the service or the container.

    Args:
        manifest: the service or container.
        name: the variable.
        value: all of its value.
        elsewhere: something not at hand may set it (``valueFrom``), which may not stand beside a value.
    """
    if manifest.kind == "compose":
        lines = ["environment:", f"  {quoted(name)}: {quoted(value.replace('$', '$$'))}"]
        around = [] if manifest.name is None else ["services:", f"{quoted(manifest.name)}:"]
    else:
        # $(NAME) is a reference to another variable, $$( is not (core/v1, EnvVar).
        lines = ["env:", f"  - name: {quoted(name)}", f"    value: {quoted(value.replace('$(', '$$('))}"]
        lines += ["    valueFrom: null"] if elsewhere else []
        around = []
        if manifest.name is not None:
            around = [f"{key}:" for key in (*manifest.way, manifest.listed)]
            lines = [f"- name: {quoted(manifest.name)}", *(f"  {line}" for line in lines)]
    return "".join(f"{line}\n" for line in [*_comment(manifest), *_indented(around, lines)])


def options_snippet(manifest: ManifestPlace, options: tuple[str, ...], *, replaces: bool) -> str:
    """Return the YAML that gives the options of resolv.conf; as ``variable_snippet``, for the service or the pod.

    Args:
        manifest: the service, or a container of the pod.
        options: all of them, as resolv.conf writes them.
        replaces: the service has such a list already.
    """
    if manifest.kind == "compose":
        replaced = " !override" if replaces else ""
        comment = "# in the place of all options of the host's and of the engine's"
        comment += "; !override: from Compose 2.24.4 on" if replaced else ""
        lines = [f"dns_opt:{replaced}", *(f"  - {quoted(word.replace('$', '$$'))}" for word in options)]
        around = [] if manifest.name is None else ["services:", f"{quoted(manifest.name)}:"]
    else:
        comment = "# all options that the pod is to add to its policy's; they are its containers' in common"
        lines = ["dnsConfig:", "  options:" if options else "  options: []"]
        for word in options:
            name, colon, value = word.partition(":")
            lines.append(f"    - name: {quoted(name)}")
            lines += [f"      value: {quoted(value)}"] if colon else []
        around = [] if manifest.name is None else [f"{key}:" for key in manifest.way]
    return "".join(f"{line}\n" for line in [comment, *_indented(around, lines)])


def _indented(around: list[str], lines: list[str]) -> list[str]:
    outer = [f"{'  ' * depth}{line}" for depth, line in enumerate(around)]
    return outer + [f"{'  ' * len(around)}{line}" for line in lines]


def _comment(manifest: ManifestPlace) -> list[str]:
    if manifest.file is None:
        return []
    return [f"# the same is written by: inspector fix --write {printable(shlex.quote(manifest.file), limit=300)}"]


def quoted(text: str) -> str:
    """Return a text as one YAML scalar on one line, of printable ASCII."""
    if _PLAIN.fullmatch(text) and text.lower() not in _NO_TEXT:
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if " " <= character <= "~":
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
