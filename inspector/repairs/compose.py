"""``GODEBUG=netdns=go`` written into a Compose file's services, in the syntax that each uses."""

from __future__ import annotations

from inspector.environments.documents import Entry, Mapping, Scalar, Sequence, mapping_of, parse_documents
from inspector.repairs.godebug import NETDNS_GO, add_netdns_go
from inspector.repairs.patches import Document, Patch, PatchImpossible

_NAME = "GODEBUG"
_PASSED_ON = f"{NETDNS_GO},${{{_NAME}-}}"
"""For a variable without a value, which Compose takes from the shell."""


def patch_service(text: str, file: str, name: str, inherited: str) -> tuple[Patch | None, str]:
    """Return the patch that gives a service the variable; None with why not, or with nothing if it is not here.

    Args:
        text: the Compose file.
        file: its name, for errors.
        name: the service.
        inherited: value of GODEBUG that comes from elsewhere (a base service, an env_file).
    """
    (root,) = parse_documents(text, file)
    listed = mapping_of(root.get("services") if isinstance(root, Mapping) else None, "services")
    entry = listed.entries.get(name) if listed else None
    if listed is None or entry is None:
        return None, ""
    try:
        return _patch_service(Document(text), entry, inherited, prefers_list=_prefers_list(listed)), ""
    except PatchImpossible as error:
        return None, str(error)


def _prefers_list(services: Mapping) -> bool:
    """Whether the file's first service with variables has them as a list; mappings are the fallback."""
    for entry in services.entries.values():
        node = entry.value.get("environment") if isinstance(entry.value, Mapping) else None
        if node is not None:
            return isinstance(node, Sequence)
    return False


def _patch_service(document: Document, service: Entry, inherited: str, *, prefers_list: bool) -> Patch:
    node = service.value
    value = add_netdns_go(inherited.replace("$", "$$"))
    if isinstance(node, Scalar) and node.is_null and not service.alias:
        raise PatchImpossible("it is empty here")
    if not isinstance(node, Mapping):
        raise PatchImpossible("it is no mapping")
    environment = node.entries.get("environment")
    if environment is None:
        return _new_environment(document, node, value, as_list=prefers_list)
    if environment.alias and environment in node.own and isinstance(environment.value, Mapping):
        return _merged_environment(document, node, environment, value)
    held = environment.value
    if isinstance(held, Mapping):
        return _in_mapping(document, held, value)
    if isinstance(held, Sequence):
        return _in_list(document, held, value)
    if not held.is_null:
        raise PatchImpossible("its environment is neither a mapping nor a list")
    return _fill(document, node, environment, value, as_list=prefers_list)


def _in_mapping(document: Document, node: Mapping, value: str) -> Patch:
    own = next((entry for entry in node.own if entry.key.text == _NAME), None)
    if own is not None:
        if not isinstance(own.value, Scalar):
            raise PatchImpossible("its GODEBUG is no single value")
        if own.value.is_null and not own.alias:
            return _after_colon(document, own, document.word(_PASSED_ON, flow=node.flow))
        return document.replace(own.start, own.end, add_netdns_go(own.value.text), like=own.value, flow=node.flow)
    brought = node.entries.get(_NAME)
    if brought is not None and isinstance(brought.value, Scalar):
        value = add_netdns_go(brought.value.text)
    key = document.word(_NAME, flow=True)
    return document.append(
        node,
        f"{key}: {document.word(value, flow=True)}",
        [f"{document.indent(node)}{_NAME}: {document.word(value, flow=False)}"],
    )


def _after_colon(document: Document, entry: Entry, word: str) -> Patch:
    """Return the patch that gives a value to a key that has none."""
    colon = document.text.find(":", entry.key.end)
    return Patch(colon + 1, colon + 1, f" {word}")


def _in_list(document: Document, node: Sequence, value: str) -> Patch:
    for item in reversed(node.items):
        if not isinstance(item, Scalar):
            continue
        name, equals, held = item.text.partition("=")
        if name != _NAME:
            continue
        if not node.start <= item.start <= node.end:
            raise PatchImpossible("its GODEBUG is an alias")
        changed = f"{_NAME}={add_netdns_go(held) if equals else _PASSED_ON}"
        return document.replace(item.start, item.end, changed, like=item, flow=node.flow)
    assignment = f"{_NAME}={value}"
    return document.append(
        node,
        document.word(assignment, flow=True),
        [f"{document.indent(node)}- {document.word(assignment, flow=False)}"],
    )


def _merged_environment(document: Document, service: Mapping, environment: Entry, value: str) -> Patch:
    """Return the patch that turns ``environment: *anchor`` into a mapping that merges the anchor."""
    alias = document.text[environment.start : environment.end]
    held = environment.value
    brought = held.entries.get(_NAME) if isinstance(held, Mapping) else None
    if brought is not None and isinstance(brought.value, Scalar):
        value = add_netdns_go(brought.value.text)
    if service.flow:
        return Patch(environment.start, environment.end, f"{{<<: {alias}, {_NAME}: {document.word(value, flow=True)}}}")
    indent = document.indent(service) + "  "
    lines = [f"{indent}<<: {alias}", f"{indent}{_NAME}: {document.word(value, flow=False)}"]
    blanks = len(document.text[: environment.start]) - len(document.text[: environment.start].rstrip(" "))
    return Patch(environment.start - blanks, environment.end, document.newline + document.newline.join(lines))


def _fill(document: Document, service: Mapping, environment: Entry, value: str, *, as_list: bool) -> Patch:
    """Return the patch that fills an ``environment:`` without a value."""
    if service.flow or environment not in service.own:
        raise PatchImpossible("its environment is empty in a place that is not changed by machine")
    line = f"- {_NAME}={value}" if as_list else f"{_NAME}: {document.word(value, flow=False)}"
    if environment.end > environment.start:  # null is written out
        return Patch(environment.start, environment.end, f"{{{_NAME}: {document.word(value, flow=True)}}}")
    return document.after_line(environment.key.end, [f"{document.indent(service)}  {line}"])


def _new_environment(document: Document, service: Mapping, value: str, *, as_list: bool) -> Patch:
    """Return the patch that adds the attribute, behind the image where that is written here."""
    if not service.own:
        raise PatchImpossible("it is empty here")
    after = next((entry for entry in service.own if entry.key.text == "image"), service.own[-1])
    indent = document.indent(service)
    key = document.word("environment", flow=True)
    pair = f"{document.word(_NAME, flow=True)}: {document.word(value, flow=True)}"
    line = f"- {_NAME}={value}" if as_list else f"{_NAME}: {document.word(value, flow=False)}"
    return document.entry_after(service, after, f"{key}: {{{pair}}}", [f"{indent}environment:", f"{indent}  {line}"])
