"""The search for an example that breaks a property: every property test of `tests/`, on many new examples.

No benchmark. `make test` tries each property on the same few examples every time; this tries twenty times as many,
which follow from one random seed. It prints the seed first: with `--seed` the same search is made again. What a find
prints replays that example alone: put its `@reproduce_failure` over the test, or better, its example as an `@example`.
"""

import argparse
import secrets
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run pytest; its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, help="a search that was made before; default: a new one")
    parser.add_argument(
        "paths", nargs="*", default=[str(ROOT / "tests")], help="tests to search in; default: all"
    )
    options = parser.parse_args()
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    again = f"{Path(sys.executable).name} -m benchmarks.search --seed {seed}"
    print(f"Searching by seed {seed}. To search again as now: {again}", flush=True)
    command = [
        sys.executable, "-m", "pytest", "-q", "-m", "hypothesis", "-p", "no:cacheprovider",
        "-o", "faulthandler_timeout=3600",
        # The profiles are named before the tests' conftest is read, which would have pytest look into them, too.
        "-W", "ignore::pytest.PytestAssertRewriteWarning",
        "-p", "tests.support.properties", "--hypothesis-profile", "search", f"--hypothesis-seed={seed}",
        "-c", str(ROOT / "pyproject.toml"), *options.paths,
    ]  # fmt: skip
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    if status == 1:
        print(
            f"Something was found. To search again as now: {again}\n"
            "To replay one example: put the @reproduce_failure(...) that stands above over its test, and run the test.",
            flush=True,
        )
    return status


if __name__ == "__main__":
    sys.exit(main())
