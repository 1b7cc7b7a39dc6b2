"""What a check of `bot doctor` found."""

from typing import Literal

from msgspec import Struct

Verdict = Literal["ok", "warning", "error"]


class DoctorFinding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a check found, and what to do about it."""

    check: str
    status: Verdict
    found: str
    mend: str | None = None


def ok(check: str, found: str) -> DoctorFinding:
    """Nothing to do."""
    return DoctorFinding(check=check, status="ok", found=found)


def warning(check: str, found: str, mend: str) -> DoctorFinding:
    """Somebody should look."""
    return DoctorFinding(check=check, status="warning", found=found, mend=mend)


def error(check: str, found: str, mend: str) -> DoctorFinding:
    """It must be mended."""
    return DoctorFinding(check=check, status="error", found=found, mend=mend)
