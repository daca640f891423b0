#!/usr/bin/env python3
"""Facts of a 45 MB unstripped Go binary beside the least that any program could do: find a few texts in it.

    .venv/bin/python benchmarks/binary.py [PROGRAM]

Without PROGRAM it builds one (static glibc, cgo, symbols and debug data kept) of generated code, and keeps it in the
tests' cache. Each is timed in a process of its own, the file in the page cache, best of nine; binary.md has a result.
"""

import mmap
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import toolchains

TEXTS = (
    b"\xff Go buildinf:", b"net._C2func_getaddrinfo", b"os/user._Cfunc_mygetpwnam_r", b"libnss_%s.so.%d.%d",
    b"libnss_%s.so%s", b"Name does not resolve", b"_dl_var_init",
)  # fmt: skip
"""What a script would look for: build info, Go's two ways into NSS, both eras of glibc, musl, the loader's variable."""
FILES, FUNCTIONS = 30, 1600


def program() -> Path:
    """Build the program, once."""
    source = toolchains.cache() / f"benchmark-source-{FILES}-{FUNCTIONS}"
    with toolchains.making(source) as work:
        if work:
            work.mkdir()
            (work / "go.mod").write_text("module example.com/large\n\ngo 1.21\n")
            for number in range(FILES):
                (work / f"part{number}.go").write_text(part(number))
            calls = "\n".join(f"\tpart{number}(os.Args)" for number in range(FILES))
            (work / "main.go").write_text(
                'package main\n\nimport (\n\t"net"\n\t"os"\n\t"os/user"\n)\n\nfunc main() {\n'
                f'\tnet.LookupHost("a")\n\tuser.Lookup("a")\n{calls}\n}}\n'
            )
    static = '-linkmode external -extldflags "-static"'
    return toolchains.build(source, toolchains.Build(go="1.27", ldflags=static))


def part(number: int) -> str:
    """Return one file of many functions, none of which is like another."""
    text = ['package main\n\nimport "fmt"\n']
    text += [
        f"//go:noinline\nfunc f{number}x{index}(words []string) string {{\n"
        f'\tif len(words) > {index} {{ return fmt.Sprintf("%s {number} %d", words[{index}], len(words)) }}\n'
        f'\tfor i, word := range words {{ if word == "{number}-{index}" {{ return fmt.Sprint(i, word, words) }} }}\n'
        f'\treturn fmt.Sprintln(words, {index}, "{index}")\n}}\n'
        for index in range(FUNCTIONS)
    ]
    calls = "\n".join(f"\tf{number}x{index}(words)" for index in range(FUNCTIONS))
    return "\n".join([*text, f"func part{number}(words []string) {{\n{calls}\n}}\n"])


def find(data: bytearray | mmap.mmap) -> None:
    """Find, nothing else."""
    for text in TEXTS:
        data.find(text)


def examine(data: bytearray | mmap.mmap) -> None:
    """Give the facts."""
    from inspector.binaries import examine

    examine(data, "/usr/local/bin/large")


def mapped(path: Path, run: Callable[[bytearray | mmap.mmap], None]) -> None:
    """Map the file, as the scanner has large ones, and run."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        run(data)


def in_memory(path: Path, run: Callable[[bytearray | mmap.mmap], None]) -> None:
    """Read the file into a buffer, as the scanner has most, and run."""
    data = bytearray(path.stat().st_size)
    with path.open("rb") as file:
        file.readinto(data)
    run(data)


TIMED = {
    f"{run.__name__} {place.__name__}": (place, run) for place in (mapped, in_memory) for run in (find, examine)
}  # fmt: skip


def main() -> None:
    if len(sys.argv) == 3:
        (place, run), path = TIMED[sys.argv[1]], Path(sys.argv[2])
        times = []
        for _ in range(9):
            start = time.process_time()
            place(path, run)
            times.append(time.process_time() - start)
        print(min(times))
        return
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else program()
    print(f"{path.stat().st_size / 1e6:.1f} MB")
    seconds = {}
    for name in TIMED:
        done = subprocess.run([sys.executable, __file__, name, path], capture_output=True, text=True, check=True)
        seconds[name] = float(done.stdout)
    for name, taken in seconds.items():
        floor = seconds[f"find {name.partition(' ')[2]}"]
        print(f"{name:17} {taken * 1000:7.1f} ms  {taken / floor:.2f} x")


if __name__ == "__main__":
    main()
