"""Runs what a command does: a function of another module, imported only now."""

import importlib
import sys
from typing import Any, Final

import click

#: The root context's object where a command is the process's own, which then sets up the logs: a test has its own.
OWN_PROCESS: Final = object()


def run_body(place: str, options: dict[str, Any]) -> None:
    """Call the function at `module:name` with a command's options; a test holds its parameters to theirs."""
    from bot.rulebook.collector import frozen_afterwards  # noqa: PLC0415 - `--help` runs nothing

    module, _, name = place.partition(":")
    with frozen_afterwards():
        _import_structlog()
        _set_up_logs()
        body = getattr(importlib.import_module(module), name)
    body(**options)


def _set_up_logs() -> None:
    context = click.get_current_context(silent=True)
    if context is not None and context.find_root().obj is OWN_PROCESS:
        from bot.cli.log_setup import log_on_demand  # noqa: PLC0415 - needs structlog

        log_on_demand()


def _import_structlog() -> None:
    """Import structlog without rich: its tracebacks, which no log of ours has, would take Pygments and 4 MiB."""
    rich = sys.modules.get("rich")
    sys.modules["rich"] = None  # type: ignore[assignment]  # Python's own way to say that there is none
    try:
        importlib.import_module("structlog")
    finally:
        del sys.modules["rich"]
        if rich is not None:
            sys.modules["rich"] = rich
