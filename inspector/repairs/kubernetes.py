"""``GODEBUG=netdns=go`` written into the containers of Kubernetes manifests, init containers too."""

from __future__ import annotations

from collections.abc import Iterable

from inspector.environments.documents import Mapping, Scalar, Sequence
from inspector.repairs.godebug import add_netdns_go
from inspector.repairs.patches import Document, Patch, PatchImpossible

_NAME = "GODEBUG"


def patch_container(document: Document, pod: Mapping, container: Mapping, inherited: str) -> Patch:
    """Return the patch that gives one container the variable.

    Args:
        document: the manifest's text.
        pod: the pod's spec, for how its lists are indented.
        container: the container in it.
        inherited: value of GODEBUG that ``envFrom`` brings.

    Raises:
        PatchImpossible: if its variables have a form that is not changed by machine.
    """
    env = container.entries.get("env")
    value = add_netdns_go(inherited.replace("$(", "$$("))
    if env is None or (isinstance(env.value, Scalar) and env.value.is_null):
        if env is not None:
            raise PatchImpossible("its env is empty")
        return _new_env(document, pod, container, value)
    if not isinstance(env.value, Sequence):
        raise PatchImpossible("its env is no list")
    own = _own(env.value.items)
    return _add(document, env.value, value) if own is None else _extend(document, own)


def _own(items: Iterable[object]) -> Mapping | None:
    """Return the last item that sets the variable: it is the one that counts."""
    found = None
    for item in items:
        name = item.get("name") if isinstance(item, Mapping) else None
        if isinstance(name, Scalar) and name.text == _NAME and isinstance(item, Mapping):
            found = item
    return found


def _extend(document: Document, item: Mapping) -> Patch:
    value = item.entries.get("value")
    if item.get("valueFrom") is not None:
        raise PatchImpossible("its GODEBUG is taken from a ConfigMap or Secret")
    if value is None or not isinstance(value.value, Scalar) or value not in item.own:
        raise PatchImpossible("its GODEBUG has no value here")
    if value.value.is_null and value.end <= value.start:
        raise PatchImpossible("its GODEBUG has no value here")
    held = "" if value.value.is_null else value.value.text
    return document.replace(value.start, value.end, add_netdns_go(held), like=value.value, flow=item.flow)


def _flow_item(document: Document, value: str) -> str:
    name, word = document.word("name", flow=True), document.word("value", flow=True)
    return f"{{{name}: {document.word(_NAME, flow=True)}, {word}: {document.word(value, flow=True)}}}"


def _add(document: Document, env: Sequence, value: str) -> Patch:
    indent = document.indent(env)
    lines = [f"{indent}- name: {_NAME}", f"{indent}  value: {document.word(value, flow=False)}"]
    return document.append(env, _flow_item(document, value), lines)


def _new_env(document: Document, pod: Mapping, container: Mapping, value: str) -> Patch:
    after = next((entry for entry in container.own if entry.key.text == "image"), None)
    if after is None:
        raise PatchImpossible("its image is not written here")
    indent = document.indent(container)
    dash = indent + " " * _dash_offset(document, container, pod)
    lines = [f"{indent}env:", f"{dash}- name: {_NAME}", f"{dash}  value: {document.word(value, flow=False)}"]
    key = document.word("env", flow=True)
    return document.entry_after(container, after, f"{key}: [{_flow_item(document, value)}]", lines)


def _dash_offset(document: Document, *holders: Mapping) -> int:
    """Return how far lists are indented in the container, or else in the pod; 0 where neither has one."""
    for holder in holders:
        for entry in () if holder.flow else holder.own:
            if isinstance(entry.value, Sequence) and not entry.value.flow and not entry.alias:
                return max(document.column(entry.value) - document.column(holder), 0)
    return 0
