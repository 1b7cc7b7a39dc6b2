"""Texts that a phone or a mailbox sends by itself: driving, out of office, automatic reply."""

import re

from bot.text.normal_forms import normalize
from bot.text.words import APOSTROPHES

#: Without one of these as a word, no text in plain ASCII is an automatic reply.
_SIGNS_TEXT = (
    "driving drive office automatic automatically automated auto autoreply autoresponse autoresponder ooo "
    "vacation notifications leave monitored unmonitored unattended away contacting reaching automatische "
    "automatisch automatica automatico automatique conduis volant conduciendo manejando oficina guidando ufficio "
    "dirigindo conduzindo autosvar automatyczna automatyczny prowadze otomatik rijden afwezig abwesenheitsnotiz "
    "abwesend escritorio rumah mengemudi kor korer kjorer ajan"
)
SIGNS = frozenset(_SIGNS_TEXT.split())

_STARTS = re.compile(
    r"(?:"
    # driving: iPhones and Android Auto
    r"(?:sorry,? )?i(?:'m| am) (?:currently |now )?driving(?: right now| now| at the moment)?"
    r"(?:[.!]*$|[.!,;: -]+(?:and |so |but )?(?:i |i'll|i'm|will |can't|cannot|my phone|please|talk |text |call |sent from"
    r"|with (?:do not disturb|(?:\w+ )?focus)|\(|this (?:is|message|text)))"
    r"|i(?:'m| am) not receiving notifications"
    r"|i have (?:do not disturb|notifications|my (?:phone|notifications)) (?:turned |silenced|off|on)"
    r"|ich (?:fahre|sitze) gerade (?:auto|am steuer)|ich (?:fahre|bin) (?:gerade )?(?:auto|am steuer)(?:$|[.!,])"
    r"|je conduis|je suis (?:au volant|en train de conduire)|estoy (?:conduciendo|manejando)|sto guidando|sono alla guida"
    r"|estou (?:dirigindo|a conduzir|conduzindo)|ik (?:ben aan het rijden|zit achter het stuur|rijd nu)"
    r"|jag kör (?:bil|just nu)|jeg kører bil|jeg (?:kjører|kjorer) (?:bil|nå)|ajan (?:autoa|parhaillaan)"
    r"|prowadzę (?:samochód|teraz|auto)|я (?:сейчас )?за рул[её]м|я веду машину|řídím|araç kullanıyorum|araba kullanıyorum"
    r"|tôi đang lái xe|saya (?:sedang )?(?:mengemudi|menyetir|memandu)|我(?:正在|在|現在|现在)?(?:开车|開車)|正在(?:开车|開車|驾驶|駕駛)"
    r"|(?:ただいま|現在|今)?、?運転中|(?:지금 )?운전 ?중|أنا أقود|אני (?:נוהג|בנהיגה)|ฉันกำลังขับรถ|मैं गाड़ी चला"
    # automatic replies, by their title
    r"|[\[(<*]*\s*auto(?:matic|mated|matically generated)?[ -]?(?:reply|response|responder|message|answer|generated)\b"
    r"|this is an? auto(?:matic|mated|matically generated|-?generated)?[ -]?(?:reply|response|message|text|answer|sms)"
    r"|(?:re: )?out[ -]of[ -](?:the )?office\b|ooo\s*[:.-]"
    r"|automatische (?:antwort|nachricht|abwesenheit\w*)|abwesenheits(?:notiz|nachricht|meldung)|automatisch antwoord"
    r"|automatische? (?:antwoord|beantwoording|reactie)|réponse automatique|message automatique|respuesta automática"
    r"|mensaje automático|risposta automatica|messaggio automatico|resposta automática|mensagem automática|autosvar"
    r"|automatisk svar|automatiskt svar|automaattinen vastaus|automatyczna odpowiedź|автоответ|автоматический ответ"
    r"|автовідповід\w+|automatická odpověď|automatikus válasz|răspuns automat|otomatik (?:yanıt|cevap)|αυτόματη απάντηση"
    r"|trả lời tự động|balasan otomatis|(?:自动|自動)(?:回复|回覆|回復|答复|答覆)|自動(?:応答|返信)|자동 ?(?:응답|회신)|رد تلقائي"
    r"|מענה אוטומטי|תשובה אוטומטית|ข้อความตอบกลับอัตโนมัติ"
    r")",
    re.IGNORECASE,
)
_ANYWHERE = re.compile(
    r"\bi(?:'m| am|'ll be| will be)? (?:currently |now )?(?:out of(?: the)? office|away from (?:the|my) (?:office|desk))"
    r"|\bi(?:'m| am) (?:currently )?(?:on (?:annual|parental|maternity|paternity|sick|medical) leave|on vacation|on leave)"
    r" (?:until|till|through|from|and (?:will|have))"
    r"|\b(?:this (?:number|inbox|mailbox|line|phone) is (?:not monitored|unmonitored|unattended))"
    r"|\bi'll see your message when i get where i'm going"
    r"|\bthank(?:s| you) for (?:contacting|reaching out to|your message to) [^.!?\n]{1,60}[.!?]\s*"
    r"(?:we(?:'re| are)|we'll|we will|our|please let us know|someone)"
    r"|\bich bin (?:derzeit |zurzeit |aktuell |bis \S+ )?(?:nicht im büro|außer haus|im urlaub bis|abwesend)"
    r"|\bje suis (?:actuellement )?(?:absente? (?:du bureau|jusqu'au)|en congés? jusqu'au)"
    r"|\b(?:estoy|estaré) (?:fuera de la oficina|de vacaciones hasta)|\bsono fuori (?:ufficio|sede)"
    r"|\b(?:estou|estarei) fora do escritório|\bik ben (?:momenteel )?(?:niet op kantoor|afwezig)",
    re.IGNORECASE,
)
_APOSTROPHES = str.maketrans(dict.fromkeys(APOSTROPHES, "'"))
#: A text of a phone says so at its beginning.
_LOOKED_AT = 400


def is_auto_reply(text: str) -> bool:
    """Whether a phone or a mailbox wrote a text by itself."""
    plain = normalize("NFC", text[:_LOOKED_AT]).translate(_APOSTROPHES)
    plain = " ".join(plain.replace("\u200e", "").split()).lstrip("\U0001f697 (")
    return _STARTS.match(plain) is not None or _ANYWHERE.search(plain) is not None
