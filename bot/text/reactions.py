"""Reactions that phones send as texts: `Liked “See you at 8”`, `👍 to “See you at 8”`, `Loved an image`.

A phone that cannot send a reaction as such sends a sentence in its owner's language, which quotes the message that was
reacted to. What stands around the quote tells it from a text that a person wrote: a verb of the table below, or an emoji
with no word beside it but those that phones put there.
"""

import re

import msgspec

from bot.text.normal_forms import normalize
from bot.text.words import APOSTROPHES, split_plain_words, split_words


class Reaction(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody's phone says that they did to one of our texts."""

    #: As an emoji without its skin tone: 👍 for "Liked"; None where a reaction is taken back, or is a sticker.
    emoji: str | None
    #: The text that was reacted to; None for an image and the like.
    quoted: str | None = None

    def is_to(self, text: str) -> bool:
        """Whether a text is the one that was reacted to; phones cut long ones."""
        if self.quoted is None:
            return False
        quoted, words = split_words(self.quoted), split_words(text)
        if not quoted or quoted == words:
            return bool(quoted)
        at = len(quoted) - 1
        is_cut = self.quoted.rstrip().endswith(("\u2026", "..."))
        return is_cut and at < len(words) and words[:at] == quoted[:at] and words[at].startswith(quoted[at])


#: What iPhones write before the quote, for each of the six they have, in the languages that people have them in.
_VERBS: dict[str | None, str] = {
    "👍": "liked|le gustó|le ha gustado|le gusta|me gusta|le dio me gusta a|indicó me gusta en|a aimé|a ajouté un j'aime à"
    "|aime|gefällt|gefiel|mag|mochte|hat gefallen|hat mit gefällt mir markiert|ha messo mi piace a|piace|è piaciuto"
    "|ha apprezzato|curtiu|gostou de|gosta de|leuk gevonden|vond leuk|vindt leuk|gillade|gillar|syntes godt om"
    "|synes godt om|kan lide|likte|liker|tykkäsi|tykkäsi viestistä|polubiono|polubił|polubiła|polubił(a)|lubi"
    "|понравилось|нравится|понравилось сообщение|поставил(а) нравится на|líbí se mi|líbilo se|kedvelte|tetszik"
    "|i-a plăcut|îi place|beğendi|beğenildi|beğenilen|đã thích|thích|menyukai|disukai|suka|喜欢|喜歡|点赞|點讚|赞了|讚了"
    "|いいね|좋아함|좋아요|أعجبه|أعجبها|أعجبني|أحب|אהב|אהבה|אהב/ה|ถูกใจ|पसंद किया",
    "❤": "loved|le encantó|le ha encantado|le encanta|adoró|a adoré|adore|liebte|liebt|hat geliebt|ha adorato|adorato|amou"
    "|adorou|prachtig gevonden|vond geweldig|geweldig gevonden|älskade|älskar|elskede|elsker|elsket|rakasti"
    "|uwielbia|pokochano|очень понравилось|обожает|zamiloval si|imádta|i-a plăcut mult|bayıldı|đã yêu thích|menyukai sekali"
    "|最爱|最愛|爱心|大好き|하트|أحبه|אוהב|รักเลย",
    "👎": "disliked|no le gustó|no le ha gustado|no le gusta|n'a pas aimé|n'aime pas|gefällt nicht|gefiel nicht"
    "|mochte nicht|mag nicht|hat nicht gefallen|non è piaciuto|non piace|non ha apprezzato|não gostou de|não curtiu"
    "|niet leuk gevonden|vond niet leuk|ogillade|ogillar|syntes ikke om|synes ikke om|mislikte|misliker"
    "|ei tykännyt|nie polubiono|nie lubi|nie spodobało się|не понравилось|не нравится|nelíbí se|nem kedvelte"
    "|nu i-a plăcut|beğenmedi|không thích|tidak menyukai|不喜欢|不喜歡|よくないね|싫어함|싫어요|لم يعجبه|לא אהב",
    "😂": "laughed at|se rió de|se ha reído de|se rió con|a ri de|a ri à|rit de|lachte über|hat gelacht über|lacht über"
    "|hat über gelacht|ha riso per|ha riso di|ha riso a|riu de|riu-se de|gelachen om|lachte om|moest lachen om"
    "|skrattade åt|skrattar åt|grinede ad|lo ad|grinte av|lo av|nauroi|nauroi viestille|zaśmiano się z|śmieje się z"
    "|посмеялся над|рассмешило|смеётся над|zasmál se|nevetett ezen|a râs de|güldü|cười|tertawa pada|menertawakan"
    "|大笑|哈哈|笑|웃음|ضحك على|צחק על",
    "‼": "emphasized|emphasised|enfatizó|ha enfatizado|destacó|resaltó|puso énfasis en|exclamó por|a souligné"
    "|a mis en évidence|a mis l'accent sur|a insisté sur|betonte|hat betont|hervorgehoben|hob hervor|ha enfatizzato"
    "|ha messo in evidenza|ha evidenziato|enfatizou|destacou|benadrukt|benadrukte|betonade|framhävde|fremhævede"
    "|understregede|fremhevet|understreket|korosti|podkreślono|wyróżniono|подчеркнуто|выделил|выделено|zdůraznil"
    "|kiemelte|a subliniat|vurguladı|nhấn mạnh|menekankan|强调|強調|강조|أكد على|הדגיש",
    "❓": "questioned|cuestionó|ha cuestionado|preguntó por|a questionné|a posé une question sur|s'est interrogé sur"
    "|s'est interrogé(e) sur|hinterfragte|hat hinterfragt|fragte nach|ha messo in dubbio|ha dubitato di"
    "|ha messo un punto interrogativo a|ha chiesto|questionou|duvidou de|in twijfel getrokken|vraagtekens gezet bij"
    "|twijfelde aan|ifrågasatte|satte spørgsmålstegn ved|stilte spørsmål ved|kyseenalaisti|zakwestionowano"
    "|поставил под вопрос|под вопросом|zpochybnil|megkérdőjelezte|a pus la îndoială|sorguladı|đặt câu hỏi"
    "|mempertanyakan|质疑|質疑|疑問|물음표|شكك في|הטיל ספק",
    None: "reacted with a sticker to|reaccionó con una pegatina a|a réagi avec un autocollant à"
    "|hat mit einem sticker reagiert auf|reacted to|reaccionó a|a réagi à|hat reagiert auf|ha reagito a|reagiu a",
}
#: What stands behind the quote, where a language puts the verb last.
_LAST: dict[str | None, str] = {
    "👍": "leuk|gefallen|beğendi|beğenildi|mesajını beğendi|geliked|にいいねしました|をいいねと評価しました|に「いいね」しました"
    "|をいいねしました|에 좋아요를 표시함|에 좋아함|을 좋아함|를 좋아함|을(를) 좋아함|에 대한 좋아요|很赞|很讚|पसंद किया|को पसंद किया",
    "❤": "geweldig|prachtig|geliebt|mesajına bayıldı|bayıldı|にハートを付けました|にハートしました|が大好きです"
    "|에 하트를 표시함|을(를) 사랑함|很棒",
    "👎": "niet leuk|nicht gefallen|beğenmedi|mesajını beğenmedi|によくないねしました|에 싫어요를 표시함|을(를) 싫어함|很差",
    "😂": "gelacht|mesajına güldü|güldü|に笑いました|を笑いました|에 웃음을 표시함|에 웃음|很好笑|很搞笑",
    "‼": "betont|hervorgehoben|mesajını vurguladı|vurguladı|を強調しました|에 강조를 표시함|을(를) 강조함",
    "❓": "hinterfragt|mesajını sorguladı|sorguladı|に疑問を示しました|に質問しました|에 물음표를 표시함|有疑问|有疑問",
}
#: Words that phones put around the emoji and before or behind the quote.
_AROUND_TEXT = (
    "to reacted react with a an from removed reaction using reaccionó reaccionaste con al le a la el un une uno "
    "una quitó réagi avec par à réaction en réponse de du retiré supprimé hat auf mit zu reagiert reagierte "
    "reaktion eine von entfernt ha reagito con reazione al rimosso rimossa da reagiu com ao reação removeu heeft "
    "op met gereageerd reageerde reactie verwijderd reagerade med på till reaktion tog bort från reagerede på til "
    "fjernede fra reagerte til reagoi viestiin kohteeseen zareagowano zareagował zareagowała na do reakcja użyto "
    "usunięto z реакция реагирует отреагировал отреагировала поставил поставила на к с ставит добавил добавила "
    "удалил reagoval reagovala zareagoval reagált erre ezzel a reacționat cu la tepki verdi ile mesajına mesaja "
    "için bıraktı tepkisi đã bày tỏ cảm xúc với về bereaksi memberi reaksi terhadap pada dengan تفاعل بـ مع على "
    "باستخدام הגיב ב על עם でリアクションしました にリアクションしました に を で 回应 回應 对 對 表示 为 為 添加了 加上 回复 에 로 으로 반응함 반응을 대한 반응"
)
_AROUND = frozenset(_AROUND_TEXT.split())
#: What is reacted to, where it is no text.
_OBJECTS = (
    r"(?:an? )?(?:image|photo|picture|movie|video|gif|attachment|link|audio message|voice message|sticker|location|contact"
    r"|file|memoji|message|text|digital touch message|handwritten message)s?"
    r"|\d+ (?:images|photos|videos|attachments)"
    r"|(?:una|la|tu|su) (?:imagen|foto|ubicación|nota de voz)|(?:un|el) (?:vídeo|video|archivo|enlace|mensaje de audio)"
    r"|une (?:image|photo|vidéo|pièce jointe)|un (?:lien|message audio|fichier)"
    r"|ein(?:en|em)? (?:bild|foto|video|anhang|link)|einer sprachnachricht|eine (?:datei|sprachnachricht)"
    r"|un(?:'| )?(?:immagine|foto|video|allegato)|uma? (?:imagem|foto|vídeo|anexo)|een (?:afbeelding|foto|video|bijlage)"
    r"|en bild|ett foto|et billede|et bilde|en video|kuvan|kuvaa|zdjęcie|obraz|obrazek|изображение|фото|видео|obrázek"
    r"|egy képet|o imagine|bir resmi|bir fotoğrafı|một hình ảnh|sebuah gambar|一张图片|一張圖片|图片|画像|이미지|صورة|תמונה"
)
_REMOVED = re.compile(
    r"(?:removed (?:an? |the )?(?:like|heart|love|dislike|laugh|exclamation(?: mark| point)?|emphasis|question(?: mark)?"
    r"|reaction|sticker) from"
    r"|(?:quitó|eliminó|ha quitado|ha eliminado) (?:un|una|el|la) (?:me gusta|corazón|no me gusta|risa|exclamación|énfasis"
    r"|signo de interrogación|interrogación|reacción) (?:de|a)"
    r"|a (?:supprimé|retiré|enlevé) (?:un|une|le|la|l') ?(?:j'aime|cœur|coeur|je n'aime pas|rire|exclamation"
    r"|point d'exclamation|point d'interrogation|réaction) (?:de|à|sur)"
    r"|hat (?:ein|eine|einen|das|die) (?:gefällt mir|herz|gefällt mir nicht|lachen|ausrufezeichen|fragezeichen|reaktion)"
    r" (?:von|bei|für|aus)"
    r"|ha (?:rimosso|eliminato|tolto) (?:un |una |il |la )?(?:mi piace|cuore|non mi piace|risata|esclamazione"
    r"|punto interrogativo|reazione) (?:da|a)"
    r"|removeu (?:um|uma|o|a) (?:curtida|gosto|coração|não gosto|risada|exclamação|interrogação|reação) (?:de|em)"
    r"|(?:удалил|удалила|убрал|убрала|удалил\(а\)) (?:отметку )?(?:нравится|реакцию|сердечко) (?:с|к|на|из))"
)
_LABEL = re.compile(
    r"[\u201c\"\u201e\u00ab\u2018'\u300c\u2039]\s*(mi piace|non mi piace|me gusta|no me gusta|j'aime|je n'aime pas"
    r"|gefällt mir|gefällt mir nicht|нравится|いいね|like|curtir)\s*[\u201d\"\u201c\u00bb\u2019'\u300d\u203a]",
    re.IGNORECASE,
)

_OPEN, _CLOSE = (
    '\u201c"\u201e\u201f\u201d\u00ab\u00bb\u301d\uff02\u300c\u300e\u300a',
    '\u201d"\u201c\u201f\u00bb\u00ab\u301e\uff02\u300d\u300f\u300b',
)
_SINGLE_OPEN, _SINGLE_CLOSE = "\u2018\u201a\u2039\u2019'", "\u2019'\u2018\u203a"
_QUOTE = re.compile(
    rf"(?P<before>[^{_OPEN}]*)[{_OPEN}](?P<quoted>.*)[{_CLOSE}](?P<after>[^{_CLOSE}]*)", re.DOTALL
)
_SINGLE_QUOTE = re.compile(
    rf"(?P<before>[^{_OPEN}]*?)(?:^|(?<=\s))[{_SINGLE_OPEN}](?P<quoted>.*)[{_SINGLE_CLOSE}](?P<after>\W*)",
    re.DOTALL,
)
#: A text that was cut before its quote ends; straight quotes must end.
_CUT = re.compile(
    "(?P<before>[^\u201c\u201e\u00ab\u300c]*)[\u201c\u201e\u00ab\u300c](?P<quoted>.*)(?P<after>)", re.DOTALL
)
_MARKS = dict.fromkeys(map(ord, "\u200b\u200c\u200e\u200f\u2060\u2068\u2069\u202a\u202c\ufeff\u00ad"))
_APOSTROPHES = str.maketrans(dict.fromkeys(APOSTROPHES.replace("`", ""), "'"))
#: Phones write no more than a few words around the quote.
_LONGEST_AROUND = 80


def _plain(text: str) -> str:
    """Words around a quote: in small letters, with one apostrophe and single spaces, without what follows a colon."""
    text = normalize("NFC", text).translate(_APOSTROPHES).casefold().replace("\ufe0f", "")
    return " ".join(text.split()).rstrip(" :.。").strip()


def _by_phrase(table: dict[str | None, str]) -> dict[str, str | None]:
    return {_plain(phrase): emoji for emoji, phrases in table.items() for phrase in phrases.split("|")}


_BEFORE, _AFTER = _by_phrase(_VERBS), _by_phrase(_LAST)
_AROUND_PLAIN = frozenset(word for each in _AROUND for word in split_words(each))
_OBJECT = re.compile(rf"(?P<before>.+?)[ ]?(?:{_OBJECTS})(?P<after>.*)", re.IGNORECASE)
_SHOWS_OBJECT = re.compile(_OBJECTS, re.IGNORECASE)

#: Without one of these as a word, no text in plain ASCII is a reaction.
SIGNS = frozenset(
    phrase.split()[0]
    for phrase in (*_BEFORE, "removed a", "reacted", "hat", "ha", "a", "le", "se")
    if phrase.isascii()
)


def read_reaction(text: str) -> Reaction | None:
    """The reaction that a text is, in any of the languages above; None for what a person may have written."""
    text = _LABEL.sub(r"\1", text.translate(_MARKS).strip())
    for form in (_QUOTE, _SINGLE_QUOTE, _CUT):
        if found := form.fullmatch(text):
            return _reading(found["before"], found["quoted"].strip(), found["after"])
    return _of_an_object(text)


def _reading(before: str, quoted: str, after: str) -> Reaction | None:
    if len(before) + len(after) > _LONGEST_AROUND or not quoted:
        return None
    said, last = _plain(before), _plain(after)
    if not last and said in _BEFORE:
        return Reaction(emoji=_BEFORE[said], quoted=quoted)
    if not last and _REMOVED.fullmatch(said):
        return Reaction(emoji=None, quoted=quoted)
    if last in _AFTER and len(split_words(said)) <= 2:
        return Reaction(emoji=_AFTER[last], quoted=quoted)
    around = f"{before} {after}"
    if emoji := _only_emoji(around):
        is_removed = any(
            each in _plain(around)
            for each in ("remov", "rimoss", "supprim", "retir", "entfern", "quit", "удал")
        )
        return Reaction(emoji=None if is_removed else emoji, quoted=quoted)
    return None


def _of_an_object(text: str) -> Reaction | None:
    if len(text) > _LONGEST_AROUND:
        return None
    said = _plain(text)
    found = _OBJECT.fullmatch(said)
    if found is None or (found["after"] and found["after"].strip() not in _AFTER):
        return None
    before = found["before"].strip()
    if before in _BEFORE and not found["after"]:
        return Reaction(emoji=_BEFORE[before])
    if _REMOVED.fullmatch(before):
        return Reaction(emoji=None)
    emoji = _only_emoji(before)
    return Reaction(emoji=emoji) if emoji and split_plain_words(before) else None


def _only_emoji(around: str) -> str | None:
    """The one emoji of a text in which every other word is one that phones put beside it."""
    plain = split_plain_words(around)
    emoji = [word for word in split_words(around) if word not in plain]
    return emoji[0] if len(emoji) == 1 and _AROUND_PLAIN.issuperset(plain) else None
