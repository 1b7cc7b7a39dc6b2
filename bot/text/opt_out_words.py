"""The words by which people opt out in their own language, beside the English ones that carriers require everywhere.

`ARRET` is asked for by Canada's carriers (CTA short code guidelines); the others are what people of a language are used
to from their senders. Each is a whole message, as `bot.text.words` splits it.
"""

from collections.abc import Mapping

Words = tuple[str, ...]

OPT_OUT_WORDS: Mapping[str, tuple[Words, ...]] = {
    "es": (("alto",), ("baja",), ("parar",)),
    "fr": (("arret",), ("arrêt",), ("désabonner",)),
    "de": (("stopp",), ("abmelden",), ("abbestellen",)),
    "it": (("basta",), ("annulla",), ("disiscrivimi",)),
    "pt": (("parar",), ("sair",), ("cancelar",)),
    "nl": (("stoppen",), ("afmelden",), ("uitschrijven",)),
    "sv": (("stopp",), ("avsluta",)),
    "da": (("afmeld",),),
    "no": (("stopp",), ("avslutt",)),
    "pl": (("rezygnuję",), ("wypisz",)),
    "tr": (("iptal",), ("dur",)),
    "ht": (("kanpe",), ("sispann",)),
    "vi": (("dung",), ("dừng",), ("huy",)),
    "ru": (("стоп",), ("отписаться",)),
    "uk": (("стоп",), ("відписатися",)),
    "zh": (("退订",), ("停止",)),
    "ja": (("停止",), ("解除",)),
    "ko": (("중지",), ("수신거부",)),
}
