"""Time ``inspector judge --batch`` over 20,000 cases of the oracle: ``python benchmarks/judge.py``."""

import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

ROOT = Path(__file__).parent.parent
ORACLE = ROOT / "tests" / "oracle" / "crash.jsonl.gz"
CASES = 20_000


def main() -> None:
    with gzip.open(ORACLE, "rt") as lines:
        cases = [json.loads(line)["case"] for line in lines]
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        for number, case in enumerate(islice(cycle(cases), CASES)):
            # Names differ, so that no case is the same as one before.
            name = case["name"] if number < len(cases) or not case["name"] else f"n{number}.{case['name']}"
            file.write(json.dumps({**case, "name": name}) + "\n")
        file.flush()
        start = time.perf_counter()
        done = subprocess.run(
            [Path(sys.executable).parent / "inspector", "judge", "--batch", file.name],
            stdout=subprocess.PIPE,
            check=False,
        )
        seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = used.ru_utime + used.ru_stime
    print(
        f"{CASES} cases in {seconds:.1f} s, {processor:.1f} s of processor time, exit code {done.returncode}, "
        f"{len(done.stdout) / 1e6:.1f} MB of answers"
    )


if __name__ == "__main__":
    main()
