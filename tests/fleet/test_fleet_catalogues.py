"""Where repositories come from. Docker Hub, Harbor and GitLab cannot run here: a server on loopback speaks the shapes that
their documentation records (docs.docker.com/reference/api/hub, goharbor/harbor api/v2.0/swagger.yaml,
docs.gitlab.com/api/container_registry), in front of a real registry whose own catalogue it closes."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import fleets
import parts
import pytest

from inspector.errors import InspectorError, LimitExceeded, TargetDamaged, TargetUnauthorised, TargetUnreachable
from inspector.fleet.catalogue import Interface, find_repositories, find_tags
from inspector.fleet.places import Selection, parse_place
from inspector.fleet.registries import Reach, Registries

Answer = tuple[int, dict[str, str], bytes]


def registries() -> Registries:
    return Registries(Reach(), threading.Event())


def found(place: str, interface: Interface | None = None) -> list[str]:
    return list(find_repositories(parse_place(place), interface or Interface(), registries()))


def as_json(document: object, **headers: str) -> Answer:
    return 200, {"Content-Type": "application/json", **headers}, json.dumps(document).encode()


def paged(entries: list[Any], request: Any, size_name: str) -> tuple[list[Any], str]:
    """Return a page of two entries (the largest that this server gives), and the next page's query."""
    query = parse_qs(urlsplit(request.path).query)
    assert int(query[size_name][0]) <= 100
    page = int(query.get("page", ["1"])[0])
    return entries[2 * page - 2 : 2 * page], f"page={page + 1}&{size_name}=2" if 2 * page < len(entries) else ""


# ── the registry's own ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[parts.Registry]:
    with parts.registry(tmp_path_factory.mktemp("registry")) as running, fleets.Pushing(running.host) as pushing:
        for name in ("group/app", "group/app-two", "group/sub/app", "other/app", "top"):
            for tag in ("1", "2", "latest"):
                pushing.image(name, tag, [fleets.layer({"etc/name": f"{name}{tag}".encode()})])
        yield running


@pytest.mark.needs("docker-registry")
def test_a_real_catalogue_and_what_a_prefix_means(registry: parts.Registry) -> None:
    host = registry.host
    assert found(host) == ["group/app", "group/app-two", "group/sub/app", "other/app", "top"]
    assert found(f"{host}/group") == ["group/app", "group/app-two", "group/sub/app"]
    assert found(f"{host}/group/app") == ["group/app"], "a prefix ends at a slash"
    with pytest.raises(InspectorError, match="no such repository"):
        found(f"{host}/absent")


def test_pages_are_followed_by_their_links() -> None:
    names = [f"team/service-{number:03}" for number in range(7)]

    def before(request: Any) -> Answer:
        parts_ = urlsplit(request.path)
        last = parse_qs(parts_.query).get("last", [""])[0]
        rest = [name for name in names if name > last]
        link = {"Link": f'</v2/_catalog?last={rest[2]}&n=3>; rel="next"'} if len(rest) > 3 else {}
        return as_json({"repositories": rest[:3]}, **link)

    with fleets.front("", before) as way:
        assert found(way.host) == names
        assert len(way.seen) == 3


def test_pages_without_end_end() -> None:
    def before(request: Any) -> Answer:
        return as_json({"repositories": ["a/b"]}, Link='</v2/_catalog?last=a>; rel="next"')

    with fleets.front("", before) as way, pytest.raises(LimitExceeded, match="no end"):
        found(way.host)


@pytest.mark.parametrize("link", ["http://evil.example/v2/_catalog", "//evil.example/x", "http://127.0.0.1:1/x"])
def test_a_next_page_elsewhere_is_not_followed(link: str) -> None:
    with (
        fleets.front("", lambda _: as_json({"repositories": []}, Link=f'<{link}>; rel="next"')) as way,
        pytest.raises(TargetDamaged, match="elsewhere"),
    ):
        found(way.host)


def test_names_that_no_repository_has_are_left_out() -> None:
    hostile = [
        "ok/one",
        "../../etc",
        "a b",
        "UPPER",
        "x" * 300,
        7,
        None,
        "a/b:tag",
        "a?b=c",
        "ok/\u202etwo",
        ["x"],
        "ok/two",
    ]
    with fleets.front("", lambda _: as_json({"repositories": hostile})) as way:
        assert found(way.host) == ["ok/one", "ok/two"]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"repositories": {}}', b"[" * 100_000])
def test_what_is_no_catalogue_is_said(body: bytes) -> None:
    with fleets.front("", lambda _: (200, {}, body)) as way, pytest.raises(TargetDamaged):
        found(way.host)


def test_large_pages_that_are_refused_are_asked_for_smaller() -> None:
    def before(request: Any) -> Answer:
        if "n=1000" in request.path:
            return 400, {}, b'{"errors": [{"code": "PAGINATION_NUMBER_INVALID", "message": "invalid"}]}'
        return as_json({"repositories": ["a/b"]})

    with fleets.front("", before) as way:
        assert found(way.host) == ["a/b"]


# ── Harbor ───────────────────────────────────────────────────────────────────────────────────────────────────────


def harbor(way: list[fleets.Front]) -> Any:
    """A Harbor as its swagger.yaml has it: the catalogue is for administrators, names hold the project."""
    projects = {"group": ["group/app", "group/app-two", "group/sub/app"], "other": ["other/app"], "empty": []}

    def before(request: Any) -> Answer | None:
        path = unquote(urlsplit(request.path).path)
        if path == "/v2/_catalog":
            return 401, {"WWW-Authenticate": 'Basic realm="harbor"'}, b'{"errors":[{"code":"UNAUTHORIZED"}]}'
        if path == "/api/v2.0/projects":
            page, link = paged(
                [{"project_id": n, "name": name} for n, name in enumerate(projects)], request, "page_size"
            )
            return as_json(page, **({"Link": f'</api/v2.0/projects?{link}>; rel="next"'} if link else {}))
        if path.startswith("/api/v2.0/projects/"):
            project = path.split("/")[4]
            if project not in projects:
                return 404, {}, b'{"errors":[{"code":"NOT_FOUND","message":"project not found"}]}'
            entries = [{"id": n, "name": name, "artifact_count": 3} for n, name in enumerate(projects[project])]
            page, link = paged(entries, request, "page_size")
            return as_json(page, **({"Link": f'<{path}?{link}>; rel="next"'} if link else {}))
        return None

    return before


def test_harbor_is_found_where_the_catalogue_is_closed(registry: parts.Registry) -> None:
    with fleets.front(registry.host, harbor([])) as way:
        assert found(way.host) == ["group/app", "group/app-two", "group/sub/app", "other/app"]
        assert found(f"{way.host}/group") == ["group/app", "group/app-two", "group/sub/app"]
        assert found(f"{way.host}/group/sub") == ["group/sub/app"]
        assert found(f"{way.host}/group", Interface(kind="harbor")) == ["group/app", "group/app-two", "group/sub/app"]
        with pytest.raises(TargetUnauthorised, match="catalogue is closed"):
            found(f"{way.host}/absent")


def test_a_whole_batch_by_harbor(registry: parts.Registry, tmp_path: Path) -> None:
    with fleets.front(registry.host, harbor([])) as way:
        done = parts.inspector("batch", way.host, "--cache-dir", str(tmp_path), "--format", "json", "--quiet")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["summary"]["images"] == 12
    assert report["work"]["repositories"] == 4


# ── a catalogue that is closed, with nothing behind it ───────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_a_closed_catalogue_leaves_a_repository_that_is_named(registry: parts.Registry, status: int) -> None:
    def before(request: Any) -> Answer | None:
        closed = request.path.startswith(("/v2/_catalog", "/api/"))
        return (status, {}, b"") if closed else None

    with fleets.front(registry.host, before) as way:
        assert found(f"{way.host}/group/app") == ["group/app"]
        with pytest.raises(InspectorError) as raised:
            found(way.host)
    assert "catalogue is closed" in str(raised.value)
    assert "gitlab" in raised.value.advice


# ── Docker Hub ───────────────────────────────────────────────────────────────────────────────────────────────────


def hub(request: Any) -> Answer | None:
    parts_ = urlsplit(request.path)
    if parts_.path == "/v2/namespaces/group/repositories":
        entries = [
            {"name": name, "namespace": "group", "repository_type": "image"} for name in ("app", "app-two", "third")
        ]
        page, link = paged(entries, request, "page_size")
        here = f"http://{request.headers['Host']}{parts_.path}"
        return as_json({"count": 3, "next": f"{here}?{link}" if link else None, "previous": None, "results": page})
    if parts_.path == "/v2/namespaces/group/repositories/app/tags":
        tags = [
            {"name": "latest", "tag_last_pushed": "2026-03-01T10:00:00.123456Z", "digest": "sha256:" + "0" * 64},
            {"name": "2", "tag_last_pushed": "2026-02-01T10:00:00Z"},
            {"name": "1", "tag_last_pushed": None, "last_updated": "2025-02-01T10:00:00Z"},
        ]
        page, link = paged(tags, request, "page_size")
        here = f"http://{request.headers['Host']}{parts_.path}"
        return as_json({"count": 3, "next": f"{here}?{link}" if link else None, "results": page})
    return 404, {}, b'{"message": "object not found"}'


def test_an_organisation_of_docker_hub() -> None:
    with fleets.front("", hub) as way:
        interface = Interface(url=f"http://{way.host}")
        assert found("docker.io/group", interface) == ["group/app", "group/app-two", "group/third"]
        assert found("docker.io/group/app", interface) == ["group/app"], "a repository needs no catalogue"
        with pytest.raises(InspectorError, match="there is none"):
            found("docker.io/absent", interface)
        with pytest.raises(InspectorError, match="no catalogue of everything"):
            found("docker.io", interface)


def test_docker_hub_tells_when_a_tag_was_pushed() -> None:
    with fleets.front("", hub) as way:
        tags = find_tags(
            "docker.io", "group/app", Selection(newest=2), Interface(url=f"http://{way.host}"), registries()
        )
        assert [tag for tag, _ in tags] == ["latest", "2"]


def test_credentials_of_docker_hub_are_exchanged_and_go_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import base64

    (tmp_path / "config.json").write_text(
        json.dumps({"auths": {"https://index.docker.io/v1/": {"auth": base64.b64encode(b"alice:secret").decode()}}})
    )
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    seen: list[tuple[str, str | None, bytes]] = []

    def before(request: Any) -> Answer | None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        seen.append((urlsplit(request.path).path, request.headers.get("Authorization"), body))
        if request.path == "/v2/auth/token":
            return as_json({"access_token": "jwt"})
        return hub(request)

    with fleets.front("", before) as way:
        found("docker.io/group", Interface(url=f"http://{way.host}"))
    assert seen[0][0] == "/v2/auth/token"
    assert seen[0][1] is None
    assert json.loads(seen[0][2]) == {"identifier": "alice", "secret": "secret"}
    assert {authorisation for _, authorisation, _ in seen[1:]} == {"Bearer jwt"}


@pytest.mark.parametrize("said", ["the proxy answered 405", "upstream answered 400"])
def test_a_registry_is_taken_by_its_status_and_not_by_what_it_says(registry: parts.Registry, said: str) -> None:
    def before(request: Any) -> Answer | None:
        if request.path.startswith("/v2/_catalog"):
            return 410, {}, json.dumps({"errors": [{"code": "UNKNOWN", "message": said}]}).encode()
        return None

    with fleets.front(registry.host, before) as way:
        with pytest.raises(TargetUnreachable, match="answered 410") as raised:
            found(f"{way.host}/group/app")
        assert raised.value.status == 410
        assert way.seen == ["GET /v2/_catalog?n=1000"], "neither asked again in smaller pages nor taken for closed"


# ── what is not there ────────────────────────────────────────────────────────────────────────────────────────────


def run(tmp_path: Path, *words: str) -> tuple[int, dict[str, Any]]:
    done = parts.inspector("batch", *words, "--cache-dir", str(tmp_path), "--format", "json", "--quiet")
    return done.returncode, json.loads(done.stdout)


@pytest.mark.needs("docker-registry")
@pytest.mark.parametrize("kind", ["auto", "registry"])
def test_a_repository_that_a_catalogue_does_not_name_is_3(registry: parts.Registry, tmp_path: Path, kind: str) -> None:
    code, report = run(tmp_path, f"{registry.host}/group/absent", "--catalogue", kind)
    assert code == 3
    assert [(each["where"], "no such repository" in each["message"]) for each in report["problems"]] == [
        (f"{registry.host}/group/absent", True)
    ]
    code, report = run(tmp_path, f"{registry.host}/top", f"{registry.host}/absent", "--catalogue", kind, "--tag", "1")
    assert (len(report["images"]), len(report["problems"])) == (1, 1), "one that is not there is not the end"
    assert code == 4


@pytest.mark.parametrize("kind", ["harbor", "gitlab"])
def test_a_part_in_which_an_interface_names_nothing_is_3(tmp_path: Path, kind: str) -> None:
    with fleets.front("", lambda _: as_json([])) as way:
        words = ["--catalogue", kind, "--catalogue-url", f"http://{way.host}"]
        code, report = run(tmp_path, f"{way.host}/group/absent", *words)
    assert code == 3
    assert "no such repository" in report["problems"][0]["message"]


def test_a_repository_of_docker_hub_that_is_not_there_is_3(tmp_path: Path) -> None:
    with fleets.front("", hub) as way:
        words = ["--newest", "1", "--catalogue-url", f"http://{way.host}"]
        code, report = run(tmp_path, "docker.io/group/absent", *words)
    assert code == 3
    assert [each["where"] for each in report["problems"]] == ["docker.io/group/absent"]


def test_what_a_catalogue_names_and_has_no_more_is_told_only_where_it_was_asked_for_by_name(tmp_path: Path) -> None:
    def before(request: Any) -> Answer:
        if request.path.startswith("/v2/_catalog"):
            return as_json({"repositories": ["group/gone"]})
        return 404, {}, b'{"errors":[{"code":"NAME_UNKNOWN"}]}'

    with fleets.front("", before) as way:
        for word in (way.host, f"{way.host}/group"):
            code, report = run(tmp_path, word)
            assert (code, report["problems"]) == (0, [])
        code, report = run(tmp_path, f"{way.host}/group/gone")
    assert code == 3
    assert [each["where"] for each in report["problems"]] == [f"{way.host}/group/gone"]


# ── GitLab ───────────────────────────────────────────────────────────────────────────────────────────────────────


def gitlab(request: Any) -> Answer | None:
    parts_ = urlsplit(request.path)
    path = unquote(parts_.path)
    groups = {
        "/api/v4/groups/group/registry/repositories": ["group/app", "group/app-two", "group/sub/app"],
        "/api/v4/groups/group/sub/registry/repositories": ["group/sub/app"],
        "/api/v4/projects/group/app/registry/repositories": ["group/app", "group/app/tool"],
    }
    if request.headers.get("Authorization") != "Bearer glpat-test":
        return 401, {}, b'{"message":"401 Unauthorized"}'
    if path not in groups:
        return 404, {}, b'{"message":"404 Group Not Found"}'
    entries = [
        {"id": n, "name": "", "path": name, "project_id": 9, "location": f"registry.example.com/{name}", "created_at": "2019-01-10T13:38:57.391Z"}
        for n, name in enumerate(groups[path])
    ]  # fmt: skip
    page, link = paged(entries, request, "per_page")
    headers = {"Link": f'<http://{request.headers["Host"]}{parts_.path}?{link}>; rel="next"'} if link else {}
    return as_json(page, **headers)


def test_groups_and_projects_of_gitlab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITLAB_TOKEN", "glpat-test")
    with fleets.front("", gitlab) as way:
        interface = Interface(kind="gitlab", url=f"http://{way.host}")
        host = "registry.example.com"
        assert found(f"{host}/group", interface) == ["group/app", "group/app-two", "group/sub/app"]
        assert found(f"{host}/group/sub", interface) == ["group/sub/app"]
        assert found(f"{host}/group/app", interface) == ["group/app", "group/app/tool"]
        assert found(f"{host}/group/app/tool", interface) == ["group/app/tool"], "below a project"
        monkeypatch.setenv("GITLAB_TOKEN", "")
        with pytest.raises(TargetUnauthorised) as raised:
            found(f"{host}/group", interface)
    assert "GITLAB_TOKEN" in raised.value.advice


def test_gitlab_must_be_told_where_it_is() -> None:
    with pytest.raises(InspectorError) as raised:
        found("registry.example.com/group", Interface(kind="gitlab"))
    assert "--catalogue-url" in raised.value.advice


@pytest.mark.parametrize("url", ["ftp://x", "https://user:pw@x", "nothing", "https://127.0.0.1:1"])
def test_an_address_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(InspectorError):
        found("registry.example.com/group", Interface(kind="gitlab", url=url))
