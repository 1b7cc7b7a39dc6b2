"""Opening hours in the words of a language: `Mon-Sat 9:00-18:00` is `lun-sab 9:00-18:00` in Spanish.

The author's own text but for the days and `to`. Accents that GSM-7 lacks are left out: one would make a message of
one segment cost two or three.
"""

import re
from collections.abc import Mapping

from bot.text.languages import main_language

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: Of each language: the days short and in full, `daily`, and what stands between two ends.
_NAMES: Mapping[str, tuple[str, str, str, str]] = {
    "es": ("lun mar mié jue vie sab dom", "lunes martes miércoles jueves viernes sabado domingo", "todos los dias",
           "a"),
    "fr": ("lun mar mer jeu ven sam dim", "lundi mardi mercredi jeudi vendredi samedi dimanche", "tous les jours", "à"),
    "de": ("Mo Di Mi Do Fr Sa So", "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag", "täglich", "bis"),
    "it": ("lun mar mer gio ven sab dom", "lunedì martedì mercoledì giovedì venerdì sabato domenica", "tutti i giorni",
           "a"),
    "pt": ("seg ter qua qui sex sab dom", "segunda terca quarta quinta sexta sabado domingo", "todos os dias", "a"),
    "nl": ("ma di wo do vr za zo", "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag", "dagelijks", "tot"),
    "sv": ("mån tis ons tors fre lör sön", "måndag tisdag onsdag torsdag fredag lördag söndag", "dagligen", "till"),
    "da": ("man tir ons tor fre lør søn", "mandag tirsdag onsdag torsdag fredag lørdag søndag", "dagligt", "til"),
    "no": ("man tir ons tor fre lør søn", "mandag tirsdag onsdag torsdag fredag lørdag søndag", "daglig", "til"),
}  # fmt: skip
_WORD = re.compile(
    r"\b(?:(?P<day>mon|tue|wed|thu|fri|sat|sun)(?P<rest>day|s|sday|nesday|r|rs|rsday|urday)?|(?P<daily>daily)"
    r"|(?P<to>to))\b",
    re.IGNORECASE,
)


def hours_in(text: str, language: str | None) -> str:
    """Opening hours in a language; in one whose days are not known here, and in English, as they are written."""
    names = _NAMES.get(main_language(language or ""))
    if names is None:
        return text
    short, full, daily, to = names

    def named(found: re.Match[str]) -> str:
        if found["daily"]:
            return daily
        if found["to"]:
            return to
        at = _DAYS.index(found["day"].lower())
        return (full if "day" in (found["rest"] or "") else short).split()[at]

    return _WORD.sub(named, text)
