"""Objects of Kubernetes manifests, in YAML or JSON: pods and pod templates of every kind, and what they refer to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field, replace

from inspector.environments.documents import (
    ManifestDamaged,
    Mapping,
    Node,
    Place,
    Sequence,
    Spending,
    damage,
    items_of,
    mapping_of,
    parse_documents,
    read_documents,
    read_text,
    scalar_of,
    unread,
    waivers_in,
)
from inspector.errors import LimitExceeded, TargetDamaged
from inspector.escaping import printable
from inspector.facts import WaiverText, Workload

MAX_CONTAINERS = 5000
WAIVE = "rollout-inspector/waive"
"""The annotation that holds waivers, as YAML or JSON."""
_MAX_ITEMS_DEPTH = 3
CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
WORKLOADS = frozenset(
    {
        "Pod",
        "PodTemplate",
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "ReplicaSet",
        "ReplicationController",
        "Job",
        "CronJob",
    }
)
"""Kinds that start containers, by the API reference's "Workload Resources": without one they are not whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod, or the template of one."""

    kind: str
    name: str
    namespace: str
    place: Place
    spec: Mapping
    way: tuple[str, ...] = ()
    """Keys from the object to ``spec``."""
    waivers: tuple[WaiverText, ...] = ()
    problems: tuple[str, ...] = ()

    def containers(self) -> Iterator[tuple[str, Mapping | ManifestDamaged]]:
        """Yield (name, container or what is wrong with it), init containers and ephemeral ones too."""
        for key in CONTAINERS:
            try:
                nodes = items_of(self.spec.get(key), key)
            except ManifestDamaged as fault:
                yield key, fault
                continue
            for number, node in enumerate(nodes):
                yield _container(node, f"{key}[{number}]", key)


def _container(node: Node, name: str, what: str) -> tuple[str, Mapping | ManifestDamaged]:
    try:
        container = mapping_of(node, what)
        return text_of(container, "name") or name, container
    except ManifestDamaged as fault:
        return name, fault


@dataclass(frozen=True, slots=True)
class Manifests:
    """Everything that one input holds, as far as it matters here."""

    pods: tuple[Pod, ...]
    config_maps: Dictionary[tuple[str, str], Mapping]
    """(namespace, name) → the object."""
    secrets: Dictionary[tuple[str, str], Mapping]
    services: tuple[tuple[str, str], ...]
    """(namespace, name)."""
    unread: tuple[Workload, ...] = ()
    """What stands for documents and objects that cannot be understood."""
    spending: Spending = field(default_factory=Spending, compare=False)
    data: dict[int, dict[str, tuple[str, Place]]] = field(default_factory=dict, compare=False)
    """Texts of ConfigMaps and Secrets, by the object's identity, each read once."""


def load_manifests(files: Iterable[str], texts: Dictionary[str, str] | None = None) -> Manifests:
    """Load the objects of several files; ``texts`` has what to take in place of what a file holds.

    Raises:
        UsageError: if a file cannot be read.
        TargetDamaged: where there is nothing but what cannot be understood, with file and line; where nothing at all
            was given, as by a pipe from a command that failed.
        LimitExceeded: for more containers than any cluster's manifests have.
    """
    loading = _Loading()
    empty, whole = [], False
    for file in files:
        name = "standard input" if file == "-" else file
        text = texts[file] if texts and file in texts else read_text(file)
        documents = read_documents(text, name)
        whole |= bool(documents)
        if not documents:
            empty.append(name)
        for document in documents:
            loading.take(document, 0)
    if empty and (not whole or "standard input" in empty):
        raise TargetDamaged(
            f"{', '.join(printable(name) for name in empty[:5])} is empty: there is no manifest in it",
            advice="did the command that writes it fail?",
        )
    return loading.manifests()


class _Loading:
    """Objects as they are gathered, and what cannot be understood of them."""

    def __init__(self) -> None:
        self.pods: list[Pod] = []
        self.named: dict[str, dict[tuple[str, str], Mapping]] = {"ConfigMap": {}, "Secret": {}, "Service": {}}
        self.faults: list[tuple[str, ManifestDamaged]] = []

    def take(self, node: Node | ManifestDamaged, depth: int) -> None:
        """Take a document or an item of a List; a List's items one by one."""
        what = "document" if depth == 0 else "item"
        try:
            if isinstance(node, ManifestDamaged):
                raise node
            self._take(mapping_of(node, f"this {what}"), depth)
        except ManifestDamaged as fault:
            self.faults.append((f"k8s:{what}", fault))

    def _take(self, item: Mapping, depth: int) -> None:
        kind = text_of(item, "kind") or ""
        if "items" in item.entries and (kind or "List").endswith("List"):
            if depth >= _MAX_ITEMS_DEPTH:
                raise damage(item.place, "lists within lists within lists")
            for each in items_of(item.get("items"), "items"):
                self.take(each, depth + 1)
            return
        key = _identity(item)
        if kind in self.named:
            self.named[kind][key] = item
        self.pods += pods_of(item)

    def manifests(self) -> Manifests:
        """Return what was taken."""
        if self.faults and not self.pods and not any(self.named.values()):
            raise self.faults[0][1]
        containers = sum(1 for pod in self.pods for _ in pod.containers())
        if max(containers, len(self.pods)) + len(self.faults) > MAX_CONTAINERS:
            raise LimitExceeded(f"more than {MAX_CONTAINERS} containers or pods")
        unreadable = tuple(unread(name, fault.place, fault) for name, fault in self.faults)
        named = self.named
        return Manifests(
            tuple(self.pods), named["ConfigMap"], named["Secret"], tuple(named["Service"]), unread=unreadable
        )


def pods_of(item: Mapping) -> Iterator[Pod]:
    """Yield the pod that an object is or has a template of: Deployment, StatefulSet, CronJob and whatever is alike."""
    kind = text_of(item, "kind") or ""
    namespace, name = _identity(item)
    spec, path = _pod_spec(item, kind)
    if kind not in WORKLOADS:
        yield from _nested(item, kind, spec if kind else None)
    if not kind:
        return
    if spec is None and kind in WORKLOADS:
        spec = replace(item, entries={}, own=())
    if spec is not None:
        waivers, problems = _waivers(item, path)
        yield Pod(
            kind=kind, name=name, namespace=namespace, place=item.place, spec=spec, waivers=waivers, problems=problems,
            way=path if path[-1:] == ("spec",) else (*path, "spec"),
        )  # fmt: skip


def _nested(item: Mapping, kind: str, known: Mapping | None) -> Iterator[Pod]:
    """Yield the pods that an object of another kind has anywhere inside, as a JobSet or a Rollout of pods has.

    What holds a list of containers with images is one: whatever reads the object starts them, as they are or changed.
    """
    namespace, name = _identity(item)
    seen: set[int] = set()
    rest: list[tuple[Node, tuple[str, ...]]] = [(item, ())]
    while rest:
        node, path = rest.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Sequence):
            rest += [(each, (*path[:-1], f"{''.join(path[-1:])}[{n}]")) for n, each in enumerate(node.items)][::-1]
        if not isinstance(node, Mapping):
            continue
        if node is not known and any(_has_images(node.get(key)) for key in CONTAINERS):
            waivers, problems = _waivers(item, ())
            where = "/".join([name, *(step for step in path if step not in {"spec", "template"})])
            yield Pod(
                kind=kind or "object", name=where, namespace=namespace, place=node.place, spec=node, waivers=waivers,
                problems=problems,
            )  # fmt: skip
        rest += [(entry.value, (*path, key)) for key, entry in node.entries.items()][::-1]


def _has_images(node: Node | None) -> bool:
    items = node.items if isinstance(node, Sequence) else ()
    return any(isinstance(each, Mapping) and each.get("image") is not None for each in items)


def _pod_spec(item: Mapping, kind: str) -> tuple[Mapping | None, tuple[str, ...]]:
    """Return a pod's spec with the way to its holder, None where there is none."""
    for path in (("spec",), ("spec", "template", "spec"), ("spec", "jobTemplate", "spec", "template", "spec")):
        found: Node | None = item
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(found, Mapping) and "containers" in found.entries:
            return found, path
    template = item.get("template")
    inner = template.get("spec") if kind == "PodTemplate" and isinstance(template, Mapping) else None
    return (inner, ("template",)) if isinstance(inner, Mapping) else (None, ())


def _waivers(item: Mapping, path: tuple[str, ...]) -> tuple[tuple[WaiverText, ...], tuple[str, ...]]:
    """Return the waivers in the annotations of an object and of each template down to its pod, and what is none."""
    found: list[WaiverText] = []
    problems = []
    holder: Node | None = item
    for key in ("", *path):
        holder = holder.get(key) if key and isinstance(holder, Mapping) else holder
        metadata = holder.get("metadata") if isinstance(holder, Mapping) else None
        annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
        try:
            text = scalar_of(annotations.get(WAIVE), WAIVE) if isinstance(annotations, Mapping) else None
            if text is not None:
                for document in parse_documents(text.text, f"annotation {WAIVE} at {text.place}"):
                    found += waivers_in(document, WAIVE, text.place)
        except TargetDamaged as error:
            problems.append(str(error))
    return tuple(found), tuple(problems)


def _identity(item: Mapping) -> tuple[str, str]:
    metadata = item.get("metadata")
    if not isinstance(metadata, Mapping):
        return "default", ""
    name = text_of(metadata, "name") or text_of(metadata, "generateName") or ""
    return text_of(metadata, "namespace") or "default", name


def text_of(mapping: Mapping, key: str) -> str | None:
    """Return a key's single value, None where there is none.

    Raises:
        TargetDamaged: if it is a list or a mapping.
    """
    found = scalar_of(mapping.get(key), key)
    return None if found is None else found.text
