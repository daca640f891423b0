"""Pods of Kubernetes manifests to workloads: what a container starts, and what it sees.

What a pod's resolv.conf becomes: kubelet, pkg/kubelet/network/dns/dns.go (``GetPodDNS``). ``ClusterFirst`` takes the
cluster's nameserver, its search domains before the node's, and ``ndots:5`` in the place of the node's options;
``Default``, and ``ClusterFirst`` on the node's network, take the node's file; ``None`` takes nothing. ``dnsConfig`` is
merged into each of them, an option of the same name replaced. Nodes with systemd-resolved are read by kubelet's
``resolvConf: /run/systemd/resolve/resolv.conf``, which kubeadm sets (kubeadm, "Configuring DNS").
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from collections.abc import Mapping as Dictionary
from collections.abc import Sequence as List
from dataclasses import dataclass, field, replace
from functools import partial

from inspector.environments.docker import DockerHost, uses_resolved
from inspector.environments.documents import (
    ManifestDamaged,
    Mapping,
    Place,
    Scalar,
    Sequence,
    Spending,
    damage,
    items_of,
    mapping_of,
    scalar_of,
    unread,
)  # fmt: skip
from inspector.environments.hosts import Host
from inspector.environments.manifests import CONTAINERS, WORKLOADS, Manifests, Pod, text_of
from inspector.environments.mounts import clean, lay_over
from inspector.environments.names import MAX_NAMES, names_in, variables_set_in
from inspector.environments.pods import PodDns
from inspector.errors import InspectorError, LimitExceeded
from inspector.escaping import printable
from inspector.facts import (
    RESOLVER_VARIABLES,
    ContextFile,
    Environment,
    ManifestPlace,
    Mounted,
    Start,
    Workload,
)

CLUSTER_DOMAIN = "cluster.local"
_CLUSTER_DNS = "10.96.0.10"
_POLICIES = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
"""Of the API reference, "PodSpec v1 core"; another one is refused by the cluster."""
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
_MAX_VALUE = 64 * 1024


# ── workloads ────────────────────────────────────────────────────────────────────────────────────────────────────


def workloads_of(manifests: Manifests, hosts: List[Host]) -> tuple[Workload, ...]:
    """Return a workload for each container, with an environment for each kind of node.

    Where a pod takes nothing of the node's resolv.conf, all nodes are one. A pod without containers is a workload with
    that problem: a template that came out wrong is not a pod that is safe. So is whatever cannot be understood.
    """
    return tuple(workload for workload, _ in containers_of(manifests, hosts))


Container = tuple[Pod, Mapping]


def containers_of(manifests: Manifests, hosts: List[Host]) -> Iterator[tuple[Workload, Container | None]]:
    """Yield each workload, as ``workloads_of`` returns it, with the container that it is; None: there is none."""
    for pod in manifests.pods:
        listed = pod.spec.get("containers")
        if pod.kind in WORKLOADS and (listed is None or (isinstance(listed, Sequence) and not listed.items)):
            yield _without_containers(pod), None
        for name, container in pod.containers():
            full = f"{_label(pod)}/{name}"
            if isinstance(container, ManifestDamaged):
                yield unread(full, container.place, container), None
                continue
            try:
                yield _workload(manifests, pod, container, full, hosts), (pod, container)
            except LimitExceeded:
                raise
            except InspectorError as error:
                yield unread(full, container.place, error), None
    yield from ((workload, None) for workload in manifests.unread)


def _workload(manifests: Manifests, pod: Pod, container: Mapping, name: str, hosts: List[Host]) -> Workload:
    image = scalar_of(container.get("image"), "image")
    place = str(image.place if image else container.place)
    nodes = hosts if _asks_node(pod) else hosts[:1]
    variables = _variables(manifests, pod, container)
    bare = Workload(
        name=name,
        where=place,
        image=image.text if image else None,
        start=_start(container, variables),
        waivers=pod.waivers,
        problems=pod.problems,
    )
    environments = tuple(_environment(manifests, pod, container, node, bare, variables) for node in nodes)
    return replace(bare, environments=environments)


def _start(container: Mapping, variables: _Variables) -> Start:
    """Return what is started in the place of what the image says, and what lies over the image.

    ``command`` is the entrypoint, ``args`` are its arguments; an empty list is as good as none (API reference,
    "Container v1 core").
    """
    open_ones = {name: value for name, value in variables.values.items() if name not in variables.secret}
    words = {key: tuple(_expand(word, open_ones) for word in _words(container, key)) for key in ("command", "args")}
    mounts = [
        Mounted(target=text_of(mount, "mountPath") or "", where=str(mount.place)) for mount in _mounts_of(container)
    ]
    return Start(
        entrypoint=words["command"] or None,
        command=words["args"] or None,
        working_dir=text_of(container, "workingDir"),
        search_path=open_ones.get("PATH"),
        bash_env=variables.values.get("BASH_ENV"),
        mounts=tuple(mounts),
    )


def _words(container: Mapping, key: str) -> list[str]:
    return [scalar.text for item in items_of(container.get(key), key) if (scalar := scalar_of(item, key))]


def _mounts_of(container: Mapping) -> list[Mapping]:
    """Return what is mounted, a directory before what is mounted inside of it."""
    items = items_of(container.get("volumeMounts"), "volumeMounts")
    mounts = [mount for item in items if (mount := mapping_of(item, "volumeMounts"))]
    return sorted(mounts, key=lambda mount: clean(text_of(mount, "mountPath") or "").count("/"))


def _without_containers(pod: Pod) -> Workload:
    text = "it has no containers: nothing of it could be judged"
    problems = (text, *pod.problems)
    return Workload(name=_label(pod), where=str(pod.place), image=None, problems=problems, waivers=pod.waivers)


def _label(pod: Pod) -> str:
    namespace = f"{pod.namespace}/" if pod.namespace != "default" else ""
    return f"k8s:{namespace}{pod.kind}/{pod.name}"


def _asks_node(pod: Pod) -> bool:
    return _policy(pod) == "Default"


def _policy(pod: Pod) -> str:
    """Return Cluster, Default (the node's) or None."""
    policy = text_of(pod.spec, "dnsPolicy") or "ClusterFirst"
    if policy not in _POLICIES:
        place = pod.spec.entries["dnsPolicy"].key.place
        raise damage(place, f"dnsPolicy '{printable(policy, limit=60)}': there are {', '.join(_POLICIES)}")
    network = pod.spec.get("hostNetwork")
    on_host = isinstance(network, Scalar) and network.is_true
    if policy == "Default" or (policy == "ClusterFirst" and on_host):
        return "Default"
    return "None" if policy == "None" else "Cluster"


def _environment(
    manifests: Manifests, pod: Pod, container: Mapping, node: Host, workload: Workload, variables: _Variables
) -> Environment:
    words = [*_words(container, "command"), *_words(container, "args")]
    files, unknown = _files(manifests, pod, container, node)
    named = names_in({k: v for k, v in variables.values.items() if k not in variables.secret}, words)
    return Environment(
        name=workload.name,
        title=_title(pod, node),
        where=workload.where,
        files=files,
        unknown_files=unknown,
        env=variables.values,
        env_origin=variables.origin,
        env_unknown=variables_set_in(words),
        env_elsewhere=tuple(dict.fromkeys(variables.unknown)),
        names=_names(manifests, pod, named),
        user=_user(pod, container),
        system_hostname=text_of(pod.spec, "hostname") or pod.name or "pod",
        manifest=_manifest_place(pod, container),
        options=pod_dns(pod, node.files) if files.get("resolv.conf") == _resolv_conf(pod, node) else None,
    )


def _manifest_place(pod: Pod, container: Mapping) -> ManifestPlace:
    """Return where the container is written; without a name nothing can be laid over it."""
    listed = next(
        (key for key in CONTAINERS if any(node is container for node in items_of(pod.spec.get(key), key))),
        CONTAINERS[0],
    )
    return ManifestPlace(
        kind="kubernetes",
        name=text_of(container, "name"),
        way=pod.way,
        listed=listed,
        file=container.place.named_file,
    )


def _title(pod: Pod, node: Host) -> str:
    policy = _policy(pod)
    if policy == "Default":
        return f"the node's resolv.conf, {node.title}"
    return "the cluster's DNS" if policy == "Cluster" else "dnsPolicy None"


def _names(manifests: Manifests, pod: Pod, named: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is looked up: what variables and command name, the services beside it, else a full service name."""
    beside = [name for namespace, name in manifests.services if namespace == pod.namespace and name]
    found = [*named, *beside]
    if not named:
        full = [f"{name}.{space}.svc.{CLUSTER_DOMAIN}" for space, name in manifests.services if name]
        found += full or [f"kubernetes.default.svc.{CLUSTER_DOMAIN}"]
    return tuple(dict.fromkeys(found))[:MAX_NAMES]


def _user(pod: Pod, container: Mapping) -> str | None:
    for holder in (container, pod.spec):
        context = holder.get("securityContext")
        user = text_of(context, "runAsUser") if isinstance(context, Mapping) else None
        if user is not None:
            return user
    return None


# ── variables ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Variables:
    """A container's variables as they are gathered."""

    spending: Spending
    values: dict[str, str] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    secret: set[str] = field(default_factory=set)

    def put(self, name: str, value: str, place: Place) -> None:
        self.spending.take(value)
        self.values[name], self.origin[name] = value, str(place)
        if name in self.unknown:
            self.unknown = [each for each in self.unknown if each != name]

    def lose(self, name: str) -> None:
        self.values.pop(name, None)
        if name in RESOLVER_VARIABLES:
            self.unknown.append(name)


def _variables(manifests: Manifests, pod: Pod, container: Mapping) -> _Variables:
    """Gather ``envFrom``, then ``env`` over it, as kubelet does (kubelet_pods.go, makeEnvironmentVariables)."""
    found = _Variables(manifests.spending)
    for item in items_of(container.get("envFrom"), "envFrom"):
        _add_all(manifests, pod, mapping_of(item, "envFrom"), found)
    for item in items_of(container.get("env"), "env"):
        entry = mapping_of(item, "env")
        name = text_of(entry, "name") if entry else None
        if entry is None or name is None:
            raise damage(item.place, "a variable without a name")
        value_from = mapping_of(entry.get("valueFrom"), "valueFrom")
        if value_from is not None:
            _add_one(manifests, pod, name, value_from, found)
            continue
        value = scalar_of(entry.get("value"), f"value of {printable(name, limit=60)}")
        found.put(name, _expand(value.text, found.values) if value else "", entry.place)
    return found


def _expand(text: str, values: Dictionary[str, str]) -> str:
    """Substitute ``$(NAME)`` of earlier variables; unknown ones stay as they are written."""
    if "$" not in text:
        return text
    done = _REFERENCE.sub(lambda m: "$" if m[1] is None else values.get(m[1], m[0]), text[:_MAX_VALUE])
    return done[:_MAX_VALUE]


def _add_all(manifests: Manifests, pod: Pod, entry: Mapping | None, found: _Variables) -> None:
    prefix = (text_of(entry, "prefix") if entry else None) or ""
    for key, objects in (("configMapRef", manifests.config_maps), ("secretRef", manifests.secrets)):
        reference = mapping_of(entry.get(key), key) if entry else None
        if reference is None:
            continue
        item = objects.get((pod.namespace, text_of(reference, "name") or ""))
        if item is None:
            # The cluster may have it, with whatever variables.
            for name in RESOLVER_VARIABLES:
                if name.startswith(prefix):
                    found.lose(name)
            continue
        for name, (value, place) in _data(manifests, item).items():
            found.put(prefix + name, value, place)
            found.secret |= {prefix + name} if key == "secretRef" else set()


def _add_one(manifests: Manifests, pod: Pod, name: str, value_from: Mapping, found: _Variables) -> None:
    for key, objects in (("configMapKeyRef", manifests.config_maps), ("secretKeyRef", manifests.secrets)):
        reference = mapping_of(value_from.get(key), key)
        item = objects.get((pod.namespace, text_of(reference, "name") or "")) if reference else None
        if reference is None or item is None:
            continue
        value = _data(manifests, item).get(text_of(reference, "key") or "")
        if value is not None:
            found.put(name, value[0], value[1])
            found.secret |= {name} if key == "secretKeyRef" else set()
            return
    found.lose(name)


def _data(manifests: Manifests, item: Mapping) -> dict[str, tuple[str, Place]]:
    """Return the texts of a ConfigMap or Secret, each with its place; what is no text is left out."""
    known = manifests.data.get(id(item))
    if known is None:
        known = manifests.data[id(item)] = _read_data(item)
    return known


def _read_data(item: Mapping) -> dict[str, tuple[str, Place]]:
    found: dict[str, tuple[str, Place]] = {}
    encoded = text_of(item, "kind") == "Secret"
    for part in ("data", "stringData"):
        texts = mapping_of(item.get(part), part)
        for key, entry in (texts.entries if texts else {}).items():
            if not isinstance(entry.value, Scalar):
                raise damage(entry.value.place, f"'{printable(key, limit=60)}' must be a text")
            text = "" if entry.value.is_null else entry.value.text
            if encoded and part == "data":
                try:
                    text = base64.b64decode(text, validate=True).decode()
                except (binascii.Error, ValueError):
                    continue
            found[key] = (text, entry.key.place)
    return found


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _files(
    manifests: Manifests, pod: Pod, container: Mapping, node: Host
) -> tuple[dict[str, ContextFile], dict[str, str]]:
    files = {
        "resolv.conf": _resolv_conf(pod, node),
        "hosts": ContextFile(text=_hosts(pod), origin="written by kubelet"),
    }
    unknown: dict[str, str] = {}
    volumes = {
        text_of(volume, "name"): volume
        for item in items_of(pod.spec.get("volumes"), "volumes")
        if (volume := mapping_of(item, "volumes"))
    }
    for mount in _mounts_of(container):
        content = partial(_content, manifests, pod, mount, volumes.get(text_of(mount, "name")))
        lay_over(clean(text_of(mount, "mountPath") or ""), content, files, unknown)
    return files, unknown


def _resolv_conf(pod: Pod, node: Host) -> ContextFile:
    origin = f"made by kubelet ({_title(pod, node)}{_dns_config_place(pod)})"
    return ContextFile(text=pod_dns(pod, node.files).resolv_conf, origin=origin)


def _dns_config_place(pod: Pod) -> str:
    config = pod.spec.entries.get("dnsConfig")
    return f", dnsConfig at {config.key.place}" if config else ""


def pod_dns(pod: Pod, node: DockerHost) -> PodDns:
    """Return what the resolv.conf of a pod's containers on a node is made of."""
    servers, searches, options = _of_node(node)
    policy = _policy(pod)
    if policy == "None":
        servers, searches, options = [], [], {}
    elif policy == "Cluster":
        own = [f"{pod.namespace}.svc.{CLUSTER_DOMAIN}", f"svc.{CLUSTER_DOMAIN}", CLUSTER_DOMAIN]
        servers, searches, options = [_CLUSTER_DNS], [*own, *searches], {"ndots": "5"}
    config = mapping_of(pod.spec.get("dnsConfig"), "dnsConfig")
    given: list[tuple[str, str]] = []
    if config is not None:
        servers += [
            s.text for i in items_of(config.get("nameservers"), "nameservers") if (s := scalar_of(i, "nameservers"))
        ]
        searches += [s.text for i in items_of(config.get("searches"), "searches") if (s := scalar_of(i, "searches"))]
        for item in items_of(config.get("options"), "options"):
            option = mapping_of(item, "options")
            name = text_of(option, "name") if option else None
            if option is not None and name:
                given.append((name, text_of(option, "value") or ""))
    return PodDns(servers=tuple(servers), searches=tuple(searches), base=tuple(options.items()), config=tuple(given))


def _of_node(node: DockerHost) -> tuple[list[str], list[str], dict[str, str]]:
    """Return nameservers, search domains and options of a node as kubelet reads its file: the last lines count."""
    text = node.resolved if uses_resolved(node.resolv_conf) else node.resolv_conf
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    for line in (text or "").split("\n"):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "nameserver":
            servers += words[1:2]
        elif words[0] == "search":
            searches = [word.removesuffix(".") or "." for word in words[1:]]
        elif words[0] == "options":
            options = words[1:]
    return servers, searches, {name: value for name, _, value in (option.partition(":") for option in options)}


def _hosts(pod: Pod) -> str:
    lines = [
        "# Kubernetes-managed hosts file.", "127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback",
        f"10.244.0.2\t{text_of(pod.spec, 'hostname') or pod.name or 'pod'}",
    ]  # fmt: skip
    for item in items_of(pod.spec.get("hostAliases"), "hostAliases"):
        alias = mapping_of(item, "hostAliases")
        names = items_of(alias.get("hostnames") if alias else None, "hostnames")
        hosts = [scalar.text for each in names if (scalar := scalar_of(each, "hostnames"))]
        if alias is not None and hosts:
            lines.append("\t".join([text_of(alias, "ip") or "", *hosts]))
    return "".join(f"{line}\n" for line in lines)


def _content(manifests: Manifests, pod: Pod, mount: Mapping, volume: Mapping | None, inside: str) -> ContextFile | str:
    """Return the file at a path of what is mounted, or why it is not known."""
    place = str(mount.place)
    if text_of(mount, "subPathExpr") is not None:
        return f"what is mounted over it ({place}, by subPathExpr) is not known from the manifests"
    path = "/".join(part for part in (text_of(mount, "subPath") or "", inside) if part)
    if volume is None:
        return f"what is mounted over it ({place}) is not among the pod's volumes"
    if volume.get("emptyDir") is not None or "emptyDir" in volume.entries:
        return ContextFile(origin=place) if path else ContextFile(special="dir", origin=place)
    source = mapping_of(volume.get("configMap"), "configMap")
    if source is None:
        return f"what is mounted over it ({place}) is not known from the manifests"
    name = text_of(source, "name") or ""
    item = manifests.config_maps.get((pod.namespace, name))
    if item is None:
        return f"the ConfigMap '{printable(name, limit=80)}' that is mounted over it ({place}) is not in the input"
    data = _data(manifests, item)
    if source.get("items") is not None:
        data = {
            text_of(each, "path") or "": data[key]
            for node in items_of(source.get("items"), "items")
            if (each := mapping_of(node, "items")) and (key := text_of(each, "key") or "") in data
        }
    if not path:
        return ContextFile(special="dir", origin=place)
    if path in data:
        return ContextFile(text=data[path][0], origin=f"ConfigMap {printable(name, limit=80)} at {data[path][1]}")
    return ContextFile(origin=place)
