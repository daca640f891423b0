"""What is wrong with the words, or about them, is told once, in one line, with the documented exit code."""

from pathlib import Path

import parts
import pytest

LOG = "samples/logs/kernel.log"


@pytest.mark.parametrize("release", ["x", "99.1", "2.0", "1.4"])
def test_no_release_of_go_is_usage(release: str) -> None:
    done = parts.inspector("resolve", "--go", release)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert done.stderr.startswith("inspector: --go: ")


def test_an_image_that_cannot_be_had_is_told_once() -> None:
    done = parts.inspector("explain", LOG, "--image", "docker-archive:/no/such.tar", "--no-cache", cwd=parts.ROOT)
    assert (done.returncode, len(done.stderr.splitlines())) == (3, 1)


@pytest.mark.parametrize("seconds", ["nan", "1e400", "inf", "0"])
def test_a_time_that_is_none_is_usage(seconds: str) -> None:
    done = parts.inspector("scan", "--timeout", seconds, str(parts.PEER))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_what_cannot_be_stored_is_told_as_all_is_and_not_with_quiet() -> None:
    words = ("scan", "-e", "docker-bridge", "--cache-dir", "/proc/nothing", str(parts.PEER))
    said = parts.inspector(*words).stderr
    assert all(line.startswith("inspector: ") for line in said.splitlines())
    assert "nothing is stored" in said
    assert parts.inspector(*words, "-q").stderr == ""


def test_a_safe_service_has_its_line(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text("services:\n  quiet:\n    image: some/peer:1\n    env_file: /dev/zero\n")
    image = parts.ROOT / "samples" / "images" / "peer-netgo.tar"
    words = ("compose", str(file), "--image", f"some/peer:1={image}", "--host", "plain", "--offline", "--no-cache")
    done = parts.inspector(*words)
    text = " ".join(done.stdout.split())
    assert f"in compose:quiet ({file}:2)" in text
    assert "is no regular file" in text


def test_a_manifest_of_which_no_image_can_be_had_says_why(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text("services:\n  quiet:\n    image: some/peer:1\n")
    done = parts.inspector("compose", str(file), "--offline", "--no-cache")
    assert done.returncode == 3
    assert "some/peer:1" in done.stdout
    assert "--offline" in done.stdout
