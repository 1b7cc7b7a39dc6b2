"""Runs what a command does: a function of another module, imported only now."""

import importlib
from typing import Any


def run_body(place: str, options: dict[str, Any]) -> None:
    """Call the function at `module:name` with a command's options; a test holds its parameters to theirs."""
    from bot.rulebook.collector import frozen_afterwards  # noqa: PLC0415 - `--help` runs nothing

    module, _, name = place.partition(":")
    with frozen_afterwards():
        body = getattr(importlib.import_module(module), name)
    body(**options)
