"""The sign beside each state of a message, the same in the console and on a terminal."""

from typing import Final

#: A state is a glyph and a word, never a colour alone.
GLYPHS: Final = {
    "received": "←",
    "queued": "◌",
    "sent": "✓",
    "delivered": "✓✓",
    "failed": "✕",
    "suppressed": "⊘",
    "unconfirmed": "?",
}
