"""Time ``inspector resolve --batch`` over 20,000 random cases: ``python benchmarks/resolve.py``."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
CASES = 20_000


def main() -> None:
    from resolver import observing, random_cases

    flavours = list(observing.FLAVOURS.values())
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        for number in range(CASES):
            case = {**random_cases.case(1, number), **flavours[number % len(flavours)], "go": f"1.{5 + number % 23}"}
            file.write(json.dumps(case) + "\n")
        file.flush()
        start = time.perf_counter()
        done = subprocess.run(
            [Path(sys.executable).parent / "inspector", "resolve", "--batch", file.name],
            stdout=subprocess.PIPE,
            check=False,
        )
        seconds = time.perf_counter() - start
    print(f"{CASES} cases in {seconds:.1f} s, exit code {done.returncode}, {len(done.stdout) / 1e6:.1f} MB of answers")


if __name__ == "__main__":
    main()
