"""`bot doctor`: checks all that the bot stands on, a line each with the mend."""

import asyncio
import os
from collections.abc import Awaitable

import rich_click as click

from bot.cli.doctor_checks import check_acs, check_notify, check_rules, check_settings, check_stored
from bot.cli.doctor_findings import DoctorFinding, error
from bot.cli.doctor_webhook import check_webhook
from bot.cli.errors import AnswerIsNo
from bot.cli.output import print_json
from bot.settings import Settings, WrongSetting, load, read_environment
from bot.text.inert import shown_in_terminal

_SIGNS = {"ok": "ok", "warning": "look", "error": "MEND"}


def doctor(url: str | None, *, as_json: bool) -> None:
    """Check everything; exit status 1 when something must be mended."""
    findings = examine(url)
    if as_json:
        print_json({"ok": all(each.status != "error" for each in findings), "checks": findings})
    else:
        for each in findings:
            mend = f" Mend: {each.mend}" if each.mend else ""
            click.echo(f"{_SIGNS[each.status]:<5} {each.check:<14} {shown_in_terminal(each.found + mend)}")
    if any(each.status == "error" for each in findings):
        raise AnswerIsNo


def examine(url: str | None) -> list[DoctorFinding]:
    """What all checks found, in the order in which somebody would mend it."""
    try:
        settings = load(read_environment())
    except WrongSetting as wrong:
        return [error("configuration", str(wrong), "correct it, then run this again.")]
    findings = asyncio.run(_ask(settings))
    if url is not None:
        findings += check_webhook(settings, url)
    return findings


async def _ask(settings: Settings) -> list[DoctorFinding]:
    # One after the other: to read a rule book holds up all else, and would count as the clock's fault.
    findings = [
        *await _asked("configuration", check_settings(settings, os.environ)),
        *await _asked("rules", check_rules(settings)),
    ]
    looks = {
        "database": check_stored(settings),
        "acs": check_acs(settings),
        "notify": check_notify(settings),
    }
    for found in await asyncio.gather(*(_asked(check, look) for check, look in looks.items())):
        findings += found
    return findings


async def _asked(check: str, looking: Awaitable[list[DoctorFinding]]) -> list[DoctorFinding]:
    """What a check found; what may not be read ends it, and not the checks after it."""
    try:
        return await looking
    except OSError as wrong:
        return [_unreadable(check, wrong)]


def _unreadable(check: str, wrong: OSError) -> DoctorFinding:
    where = f"{wrong.filename} can't be read" if wrong.filename else "It can't be looked at"
    mend = "give the bot's user the right to it, or set another place."
    return error(check, f"{where}: {wrong.strerror or wrong}.", mend)
