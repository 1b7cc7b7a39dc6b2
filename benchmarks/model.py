"""Checks the model of the outbox (docs/model/) with spin: every order of events, then with each mend taken back.

Needs spin and a C compiler (Debian: `apt install spin gcc`). The exit status is 1 unless the model holds and each mend
that is taken back is caught on its invariant.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

MODEL = Path(__file__).parents[1] / "docs" / "model" / "outbox.pml"

#: One text with time and mishaps; two texts, with little time, for their order and for STOP.
ONE = ("TEXTS=1", "MISHAPS=3")
TWO = ("TEXTS=2", "MISHAPS=2", "LAST_TICK=1")
TWO_WITH_STOP = (*TWO, "STOP=true")
SCENARIOS = (ONE, (*ONE, "CLOCK_OFF=1"), TWO, TWO_WITH_STOP)

#: What is taken back (or, last, assumed wrongly) → where it shows, and on which invariant.
REVERTS = {
    "REVERT_DUPLICATES_KNOWN": (ONE, "at_most_one_sms"),
    "REVERT_COMMIT_BEFORE_200": (ONE, "nothing_lost"),
    "REVERT_OWNED_CLAIM": (ONE, "one_caller"),
    "REVERT_OUR_WINDOW": (ONE, "at_most_one_sms"),
    "REVERT_DOUBT_ENDS": (ONE, "every_message_ends"),
    "REVERT_PAIR_KEPT_IN_DOUBT": (ONE, "at_most_one_sms"),
    "REVERT_503_IS_DOUBT": (ONE, "at_most_one_sms"),
    "REVERT_OWN_TRY_ALONE": (ONE, "at_most_one_sms"),
    "REVERT_LATE_CALL_NOT_MADE": (ONE, "at_most_one_sms"),
    "REVERT_SILENCE_AFTER_STOP": (TWO_WITH_STOP, "silent_after_stop"),
    "REVERT_ORDER": (TWO, "in_order"),
    "ACS_WINDOW=3": (ONE, "at_most_one_sms"),
}


def check(switches: tuple[str, ...]) -> tuple[str | None, int]:
    """The invariant that is broken, None when all hold; and how many states were looked at."""
    with tempfile.TemporaryDirectory(prefix="bot-model-") as folder:
        define = [f"-D{each}" for each in switches]
        run_tool(["spin", "-a", *define, str(MODEL)], folder)
        compiler = ["gcc", "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", "-DVECTORSZ=2048"]
        run_tool([*compiler, "-o", "pan", "pan.c"], folder)
        said = run_tool(["./pan", "-m100000", "-n"], folder)
    if "max search depth too small" in said or "out of memory" in said:
        raise SystemExit(said)
    broken = re.search(r"assertion violated (\w+)", said)
    states = re.search(r"(\d+) states, stored", said)
    if states is None or (broken is None and "errors: 0" not in said):
        raise SystemExit(said)
    return broken[1] if broken else None, int(states[1])


def missing_tools() -> list[str]:
    """Which of the tools that this needs are not here."""
    return [each for each in ("spin", "gcc") if shutil.which(each) is None]


def run_tool(command: list[str], folder: str, environ: Mapping[str, str] | None = None) -> str:
    """What a command that goes well prints, run in a folder."""
    done = subprocess.run(
        command, cwd=folder, check=False, capture_output=True, encoding="utf-8", env=environ
    )
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stdout}{done.stderr}")
    return done.stdout


def main() -> int:
    """Check all, and say of each what came of it."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    if missing := missing_tools():
        print(f"The model is not checked: {missing[0]} is not here (Debian: apt install spin gcc).")
        return 1
    good = True
    for scenario in SCENARIOS:
        broken, states = check(scenario)
        good &= broken is None
        print(f"{' '.join(scenario):40} {states:>10,} states  {broken or 'holds'}", flush=True)
    for revert, (scenario, invariant) in REVERTS.items():
        broken, states = check((*scenario, revert))
        good &= broken == invariant
        verdict = f"caught on {broken}" if broken == invariant else f"{broken} in the place of {invariant}"
        print(f"{revert:40} {states:>10,} states  {verdict}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
