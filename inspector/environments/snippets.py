"""A variable as a manifest has it: YAML to lay over a Compose file or a pod's template, or to paste into either.

Compose lays one file over another by services and merges their variables (Compose Specification, 13-merge.md);
Kubernetes lays a patch over a pod by names of containers and of variables (API conventions, "Strategic Merge Patch").
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
    indented = [f"{'  ' * depth}{line}" for depth, line in enumerate(around)]
    indented += [f"{'  ' * len(around)}{line}" for line in lines]
    return "".join(f"{line}\n" for line in [*_comment(manifest), *indented])


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
