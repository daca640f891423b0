"""What a root file system offers a loader, read from Debian's own packages and held against what is known of them."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import parts
import pytest
import toolchains

MODULES = ("libc6", "libnss-mdns", "libnss-myhostname", "libnss-systemd")
WANTED = ("ld-linux", "libc.so.6", "libc-2", "ld-2", "libnss_", "libresolv", "os-release", "nsswitch.conf", "passwd")


def loader_root(release: str, architecture: str, directory: Path) -> Path:
    """Return a root with what a loader looks at, and nothing else, of a release's packages."""
    root = toolchains.debian_root(release, MODULES, architecture=architecture)
    for path in root.rglob("*"):
        if path.name.startswith(WANTED) and not path.is_dir():
            target = directory / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target, follow_symlinks=False)
    for path in root.iterdir():  # /lib is a link to usr/lib, or both are directories
        if path.is_symlink():
            (directory / path.name).symlink_to(path.readlink())
    return directory


def rootfs(directory: Path) -> dict[str, Any]:
    return parts.facts(f"dir:{directory}")["rootfs"]


@pytest.mark.needs("root")
@pytest.mark.parametrize(
    ("release", "architecture", "relr", "dl_var_init", "tls"),
    [
        # DT_RELR in Debian's libc.so.6: amd64 from 2.36, arm64 in 2.41 only. _dl_var_init: arm64's loaders before 2.34.
        ("bookworm", "amd64", True, False, True),
        ("trixie", "arm64", True, False, False),
        ("bullseye", "arm64", False, True, False),
    ],
)
def test_facts_of_debian_s_roots(
    release: str, architecture: str, *, relr: bool, dl_var_init: bool, tls: bool, tmp_path: Path
) -> None:
    found = rootfs(loader_root(release, architecture, tmp_path))
    assert found["libc"] == {"kind": "glibc", "version": toolchains.LIBC[release], "relr": relr}
    assert found["loader_dl_var_init"] is dl_var_init
    assert found["libresolv"] is True and found["ld_so_cache"] is False
    assert {"compat", "files", "mdns4_minimal", "myhostname", "systemd"} <= set(found["nss"])
    # arm64 uses TLS descriptors, which ask no loader.
    assert ("systemd" in found["nss_tls"]) is tls
    assert "mdns4_minimal" not in found["nss_tls"]
    assert f"VERSION_CODENAME={release}" in (found["files"]["os-release"] or f"VERSION_CODENAME={release}")


@pytest.mark.needs("root", "ldconfig")
def test_a_module_elsewhere_is_reached_by_ld_so_cache_only(tmp_path: Path) -> None:
    root = loader_root("bookworm", "amd64", tmp_path)
    (module,) = (path for path in root.rglob("libnss_mdns4_minimal.so.2") if path.is_file())
    (root / "opt/nss").mkdir(parents=True)
    module.rename(root / "opt/nss/libnss_mdns4_minimal.so.2")
    (root / "etc").mkdir(exist_ok=True)
    assert "mdns4_minimal" not in rootfs(root)["nss"]
    (root / "etc/ld.so.conf").write_text("/opt/nss\n")
    subprocess.run([shutil.which("ldconfig", path="/sbin:/usr/sbin") or "ldconfig", "-r", root], check=True)
    found = rootfs(root)
    assert "mdns4_minimal" in found["nss"] and found["ld_so_cache"] is True
    shutil.copy(root / "etc/ld.so.cache", root / "kept")
    (root / "etc/ld.so.cache").write_bytes((root / "kept").read_bytes()[:100])
    assert "mdns4_minimal" not in rootfs(root)["nss"]


def test_os_release_is_a_fact_through_its_link(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/os-release").write_text("ID=debian\n")
    (tmp_path / "etc/os-release").symlink_to("../usr/lib/os-release")
    assert rootfs(tmp_path)["files"]["os-release"] == "ID=debian\n"
