"""The least that a scan of an image must do, in one process and with nothing around it.

    floor.py registry HOST NAME TAG | archive FILE | oci-dir DIRECTORY

Get the bytes (http.client, or plain reads), hash them, inflate them by isal, walk the tar once, and search each ELF
file once for one name. What it prints is what it found, so that nothing can be left out.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator

READ = 256 * 1024
PIECE = 1024 * 1024
NEEDLE = b"net._C2func_getaddrinfo\0"

Read = Callable[[int], bytes]


def inflated(read: Read, digest: str) -> Iterator[bytes]:
    """Yield the plain bytes of a gzip blob, whose digest is checked."""
    from isal import igzip_lib

    inflater = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    hashed = hashlib.sha256()
    while data := read(READ):
        hashed.update(data)
        while not inflater.eof:
            piece = inflater.decompress(data, PIECE)
            data = b""
            if piece:
                yield piece
            elif inflater.needs_input:
                break
    assert f"sha256:{hashed.hexdigest()}" == digest


def plain(read: Read, digest: str) -> Iterator[bytes]:
    """Yield the bytes of a layer that is not compressed, whose diff ID is checked."""
    hashed = hashlib.sha256()
    while data := read(READ):
        hashed.update(data)
        yield data
    assert f"sha256:{hashed.hexdigest()}" == digest


class Tar:
    """One walk over a tar."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces, self.piece, self.at = pieces, b"", 0

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        parts, missing = [], size
        while missing:
            if self.at >= len(self.piece):
                self.piece, self.at = next(self.pieces, b""), 0
                if not self.piece:
                    break
            part = self.piece[self.at : self.at + missing]
            self.at += len(part)
            missing -= len(part)
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def skip(self, size: int) -> None:
        """Pass over the next bytes."""
        while size > 0:
            step = min(size, len(self.piece) - self.at)
            self.at += step
            size -= step
            if size:
                self.piece, self.at = next(self.pieces), 0

    def walk(self) -> tuple[int, int]:
        """Return how many members there are, and how many ELF files hold the name."""
        members = found = 0
        while (header := self.take(512)).strip(b"\0"):
            members += 1
            size = int(header[124:136].rstrip(b"\0 ") or b"0", 8)
            padded = size + -size % 512
            if header[156:157] in b"0\0" and size > 4:
                head = self.take(4)
                if head == b"\x7fELF":
                    found += self.take(size - 4).find(NEEDLE) >= 0
                    self.skip(padded - size)
                else:
                    self.skip(padded - 4)
            elif header[156:157] not in b"123456":
                self.skip(padded)
        for _ in self.pieces:
            pass
        return members, found


def registry(host: str, name: str, tag: str) -> Iterator[Iterator[bytes]]:
    """Yield each layer's plain bytes from a registry (OCI distribution-spec, pull)."""
    import http.client

    connection = http.client.HTTPConnection(host)
    accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}

    def get(kind: str, reference: str) -> http.client.HTTPResponse:
        connection.request("GET", f"/v2/{name}/{kind}/{reference}", headers=accept)
        return connection.getresponse()

    manifest = json.loads(get("manifests", tag).read())
    json.loads(get("blobs", manifest["config"]["digest"]).read())
    for layer in manifest["layers"]:
        yield inflated(get("blobs", layer["digest"]).read, layer["digest"])


def oci_dir(directory: str) -> Iterator[Iterator[bytes]]:
    """Yield each layer's plain bytes from an OCI image layout."""

    def path(descriptor: dict[str, str]) -> str:
        return f"{directory}/blobs/{descriptor['digest'].replace(':', '/')}"

    def load(name: str) -> dict[str, list[dict[str, str]]]:
        with open(name, "rb") as file:  # noqa: PTH123 - pathlib costs its import
            return json.load(file)

    manifest = load(path(load(f"{directory}/index.json")["manifests"][0]))
    for layer in manifest["layers"]:
        with open(path(layer), "rb", buffering=0) as file:  # noqa: PTH123
            yield inflated(file.read, layer["digest"])


def archive(name: str) -> Iterator[Iterator[bytes]]:
    """Yield each layer's bytes from what ``docker save`` wrote: the members' places first, then the members."""
    with open(name, "rb", buffering=0) as file:  # noqa: PTH123
        places, links, at = {}, {}, 0
        while (header := file.read(512)).strip(b"\0"):
            key, size = header[:100].rstrip(b"\0").decode(), int(header[124:136].rstrip(b"\0 ") or b"0", 8)
            at += 512
            if header[156:157] == b"2":
                links[key] = header[157:257].rstrip(b"\0").decode().removeprefix("../")
            else:
                places[key] = at, size
            at += size + -size % 512
            file.seek(at)

        def reader(key: str) -> Read:
            place, left = places[links.get(key, key)]
            file.seek(place)

            def read(size: int) -> bytes:
                nonlocal left
                data = file.read(min(size, left))
                left -= len(data)
                return data

            return read

        (manifest,) = json.loads(reader("manifest.json")(1 << 20))
        config = json.loads(reader(manifest["Config"])(1 << 20))
        for layer, digest in zip(manifest["Layers"], config["rootfs"]["diff_ids"], strict=True):
            yield plain(reader(layer), digest)


def main() -> None:
    source, *arguments = sys.argv[1:]
    layers = {"registry": registry, "archive": archive, "oci-dir": oci_dir}[source](*arguments)
    members, found = map(sum, zip(*(Tar(layer).walk() for layer in layers), strict=True))
    print(f"{members} members, {found} with {NEEDLE[:-1].decode()}")


if __name__ == "__main__":
    main()
