"""What goes wrong in the sandbox, and how slow it is: asked wherever a fault could happen."""

import msgspec


class Weather(msgspec.Struct, frozen=True, kw_only=True):
    """Fair weather."""

    #: How long after a message was accepted its delivery report is published.
    report_delay_ms: float = 300
