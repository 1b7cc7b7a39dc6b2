"""Any one bit of the evidence that is changed is found; and how long 100,000 opt-outs take to be imported.

    .venv/bin/python -m benchmarks.evidence_soak --flips 10000 --opt-outs 100000

Imports a list of opt-outs with `bot opt-outs import`, twice; writes the evidence of some of them with `bot evidence`,
changes bits at random, one at a time, in all of its files, verify.py among them, and runs the folder's own verifier.
Exit status 0, or 1 with what is wrong.
"""

import argparse
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from tests.support.bit_flips import found_flips
from tests.support.processes import run_bot

#: Opt-outs whose evidence is changed: the verifier reads all of it each time.
_PROVEN = 100
#: Seconds of processor time that an import may take.
_LONGEST = 10.0


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--flips", type=int, default=10_000)
    parser.add_argument("--opt-outs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    faults = []
    with tempfile.TemporaryDirectory(prefix="evidence-") as text:
        folder = Path(text)
        faults += _import(folder / "all", given.opt_outs)
        _import(folder / "some", _PROVEN)
        _run(folder / "some", "evidence", "proof", "--since", "1h")
        found, missed = found_flips(folder / "some" / "proof", given.flips, random.Random(given.seed))
        print(f"{found:,} of {given.flips:,} changes of a bit found, seed {given.seed}")
        faults += [f"not found: bit {bit} of {name}" for name, bit in missed]
    print("\n".join(faults) or "Nothing is amiss.")
    return 1 if faults else 0


def _import(folder: Path, count: int) -> list[str]:
    """Import a list twice; what is wrong."""
    folder.mkdir()
    (folder / "rules").mkdir()
    (folder / "rules" / "rules.yaml").write_text("rules: [{name: any, when: anything, reply: Hello.}]\n")
    _run(folder, "db", "upgrade")
    lines = [
        f"+1 (555) {number // 10_000:03d}-{number % 10_000:04d},2026-01-02T03:04:05Z"
        for number in range(count)
    ]
    (folder / "list.csv").write_text("phone,opted out at\n" + "\n".join(lines) + "\n")
    faults = []
    for words in (f"{count:,} new, 0 known before", f"0 new, {count:,} known before"):
        before, spent = time.perf_counter(), _processor_time()
        said = _run(folder, "opt-outs", "import", "list.csv", "--reason", "a soak")
        took, spent = time.perf_counter() - before, _processor_time() - spent
        print(
            f"{count:,} opt-outs imported in {took:.1f} s, {spent:.1f} s of them the processor's: {said.strip()}"
        )
        if words not in said or spent > _LONGEST:
            faults.append(f"an import took {spent:.1f} s of processor time and said: {said.strip()}")
    return faults


def _processor_time() -> float:
    """That of the commands so far; what went by tells of the machine's other work, too."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _run(folder: Path, *arguments: str) -> str:
    done = run_bot(
        *arguments, folder=folder, environ={"BOT_DATABASE_URL": f"sqlite+aiosqlite:///{folder}/bot.db"}
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
