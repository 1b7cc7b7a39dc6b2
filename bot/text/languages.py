"""Codes of languages, as BCP 47 writes them: `en`, `pt-BR`, `zh-Hant`."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeVar

_Given = TypeVar("_Given")

#: ISO 639-1, and languages without a code of two letters in which people are texted.
_WRITTEN = (
    "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo"
    " es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka"
    " kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng"
    " nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su"
    " sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
    " ceb chr fil haw hmn kok mai quc tzm yue"
)
_CODES = frozenset(_WRITTEN.split())
#: What people write for a code: names, codes of three letters, and countries.
_MEANT = {
    "english": "en", "eng": "en", "inglés": "en", "ingles": "en", "uk-english": "en-GB",
    "spanish": "es", "spa": "es", "sp": "es", "esp": "es", "español": "es", "espanol": "es", "castellano": "es",
    "french": "fr", "fra": "fr", "fre": "fr", "français": "fr", "francais": "fr",
    "german": "de", "deu": "de", "ger": "de", "deutsch": "de", "dt": "de",
    "italian": "it", "ita": "it", "italiano": "it", "portuguese": "pt", "por": "pt", "português": "pt", "br": "pt-BR",
    "dutch": "nl", "nld": "nl", "dut": "nl", "nederlands": "nl", "polish": "pl", "pol": "pl", "polski": "pl",
    "russian": "ru", "rus": "ru", "ukrainian": "uk", "ukr": "uk", "ua": "uk", "chinese": "zh", "chi": "zh", "zho": "zh",
    "cn": "zh", "mandarin": "zh", "cantonese": "yue", "japanese": "ja", "jpn": "ja", "jp": "ja", "korean": "ko",
    "kor": "ko", "vietnamese": "vi", "vie": "vi", "vn": "vi", "arabic": "ar", "ara": "ar", "hebrew": "he", "iw": "he",
    "turkish": "tr", "tur": "tr", "greek": "el", "gre": "el", "ell": "el", "gr": "el", "swedish": "sv", "swe": "sv",
    "danish": "da", "dan": "da", "dk": "da", "norwegian": "no", "nor": "no", "finnish": "fi", "fin": "fi",
    "czech": "cs", "cze": "cs", "ces": "cs", "cz": "cs", "hungarian": "hu", "hun": "hu", "romanian": "ro", "ron": "ro",
    "hindi": "hi", "hin": "hi", "tagalog": "tl", "tgl": "tl", "filipino": "fil", "ph": "fil", "haitian": "ht",
    "creole": "ht", "hat": "ht", "somali": "so", "som": "so", "persian": "fa", "farsi": "fa", "fas": "fa", "urdu": "ur",
    "hawaiian": "haw", "hmong": "hmn", "catalan": "ca", "cat": "ca", "basque": "eu", "galician": "gl", "welsh": "cy",
    "irish": "ga",
}  # fmt: skip
_SHAPE = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|\d{3}))?")


@lru_cache(maxsize=1_000)
def language_code(text: str) -> str | None:
    """A code as it is usually written, `pt_br` as `pt-BR`; None where it is none."""
    found = _SHAPE.fullmatch(text.strip())
    if found is None or found[1].lower() not in _CODES:
        return None
    script, region = found[2], found[3]
    return "-".join(
        part for part in (found[1].lower(), script and script.title(), region and region.upper()) if part
    )


def code_meant(text: str) -> str | None:
    """The code that a name or a wrong code stands for: `Spanish`, `sp`."""
    return _MEANT.get(text.strip().lower())


def main_language(code: str) -> str:
    """The language without its script and region: `pt` of `pt-BR`."""
    return code.partition("-")[0]


def in_language(given: Mapping[str, _Given], *languages: str | None) -> _Given | None:
    """What is given in the first of some languages that has it: for `pt-BR` that in `pt` will do."""
    for each in languages:
        if each is not None:
            for code in (each, main_language(each)):
                if code in given:
                    return given[code]
    return None
