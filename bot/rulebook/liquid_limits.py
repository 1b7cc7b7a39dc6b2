"""Liquid with bounds: no template can cost much, and the same input gives the same text."""

import datetime as dt
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from liquid import BoundTemplate, Environment, Expression, Node, RenderContext
from liquid.builtin.expressions.primitive import IntegerLiteral, RangeLiteral
from liquid.exceptions import FilterArgumentError, LiquidSyntaxError
from liquid.filter import with_context

from bot.rulebook.background import give_way

#: A template's source, in characters. A reply is at most 2,048.
LONGEST_SOURCE = 4_000
_LONGEST_TEXT = 20_000
_LONGEST_ARGUMENT = 1_000
_MOST_ITEMS = 1_000
_LARGEST_NUMBER = 10**18

#: The beginning of a loop.
LOOP = re.compile(r"{%-?\s*for\b")

#: Not for a text message: they read other files, write HTML, count across renderings or undo safety.
_TAGS_LEFT_OUT = ("include", "render", "tablerow", "ifchanged", "cycle", "increment", "decrement", "doc")
_FILTERS_LEFT_OUT = ("escapejs", "newline_to_br", "safe", "escape_once", "base64_url_safe_decode")


class BoundedLiquid(Environment):
    """The Liquid that rule files are written in."""

    loop_iteration_limit = 200
    output_stream_limit = 16_000
    local_namespace_limit = 60_000
    context_depth_limit = 10
    block_nesting_limit = 10

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Take the standard ones, without those that have no place in a text message, each with bounds."""
        super().setup_tags_and_filters(extra=extra)
        for name in _TAGS_LEFT_OUT:
            self.tags.pop(name, None)
        for name in _FILTERS_LEFT_OUT:
            self.filters.pop(name, None)
        self.filters["date"] = _date
        self.filters = {name: _bounded(each) for name, each in self.filters.items()}


def refuse_wide_ranges(template: BoundTemplate) -> None:
    """Refuse `(1..1000000000)`, which Liquid goes through one by one even where it only compares."""
    waiting: list[Node | Expression] = list(template.nodes)
    context = RenderContext(template)
    while waiting:
        part = waiting.pop()
        if isinstance(part, Node):
            waiting += part.expressions()
            waiting += part.children(context)
            continue
        waiting += part.children()
        if isinstance(part, RangeLiteral):
            start, stop = part.start, part.stop
            if not (isinstance(start, IntegerLiteral) and isinstance(stop, IntegerLiteral)):
                raise LiquidSyntaxError("a range goes from one whole number to another", token=part.token)
            if stop.value - start.value >= _MOST_ITEMS or abs(start.value) > _LARGEST_NUMBER:
                raise LiquidSyntaxError(f"a range of more than {_MOST_ITEMS:,} numbers", token=part.token)


def _bounded(filter_: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, refusing to take or give more than a text message could use."""

    @wraps(filter_)  # takes with_context, with_environment and validate along
    def bounded(left: Any, *args: Any, **kwargs: Any) -> Any:
        give_way()  # within one template these can take a second
        _refuse_large(left, _LONGEST_TEXT)
        for each in args:
            _refuse_large(each, _LONGEST_ARGUMENT)
        given = filter_(left, *args, **kwargs)
        _refuse_large(given, _LONGEST_TEXT)
        return given

    return bounded


def _refuse_large(value: object, longest: int) -> None:
    if isinstance(value, str):
        if len(value) > longest:
            raise FilterArgumentError(f"a text of more than {longest:,} characters", token=None)
    elif isinstance(value, range | list | tuple):
        if len(value) > _MOST_ITEMS:
            raise FilterArgumentError(f"a list of more than {_MOST_ITEMS:,} items", token=None)
        if sum(len(each) if isinstance(each, str) else 20 for each in value) > _LONGEST_TEXT:
            raise FilterArgumentError(f"a list of more than {_LONGEST_TEXT:,} characters", token=None)
    elif isinstance(value, int | float) and abs(value) > _LARGEST_NUMBER:
        raise FilterArgumentError("a number of more than 18 digits", token=None)


@with_context
def _date(value: Any, form: object = "%Y-%m-%d", *, context: RenderContext) -> str:
    """Write a time; "now" is the time of the decision in the file's zone, not the machine's clock."""
    if isinstance(value, str):
        if value.strip().lower() in {"now", "today"}:
            value = context.resolve("now")
        else:
            try:
                value = dt.datetime.fromisoformat(value.strip())
            except ValueError:
                return str(value)
    form = str(form)
    if not isinstance(value, dt.date):
        return "" if value is None else str(value)
    if len(form) > 100:
        raise FilterArgumentError("a date format of more than 100 characters", token=None)
    try:
        return value.strftime(form)
    except ValueError as error:
        raise FilterArgumentError(f"a date format that is not known: {error}", token=None) from error
