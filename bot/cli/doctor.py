"""`bot doctor`: checks all that the bot stands on, a line each with the mend."""

import asyncio
import os

import rich_click as click

from bot.cli.doctor_checks import (
    DoctorFinding,
    check_acs,
    check_notify,
    check_rules,
    check_settings,
    check_stored,
    check_webhook,
    error,
)
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
    findings = [*check_settings(settings, os.environ), *check_rules(settings)]
    findings += asyncio.run(_ask(settings))
    if url is not None:
        findings += check_webhook(settings, url)
    return findings


async def _ask(settings: Settings) -> list[DoctorFinding]:
    looks = (check_stored(settings), check_acs(settings), check_notify(settings))
    return [finding for found in await asyncio.gather(*looks) for finding in found]
