"""A router that is made for one application."""

from typing import Any, Self

from litestar import Router


class OneAppRouter(Router):
    """A router that litestar need not copy when it is registered, as nobody registers it twice.

    Copying all handlers of the API and the console took a quarter of the time in which an application is built.
    """

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        """The router itself."""
        return self
