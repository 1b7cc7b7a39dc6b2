"""How people ask to get no more messages, by language: whole messages, phrases, and what politeness adds.

Phrases are expressions over the plain form of a message: small letters, without accents, one space between words
(`bot.text.consent`). They are written here with their accents and lose them in the same way.
"""

from typing import NamedTuple


class Language(NamedTuple):
    """What asks for silence in one language."""

    #: Alone, or with nothing but politeness around it, each is an opt-out.
    words: str
    #: Anywhere in a message.
    phrases: tuple[str, ...]
    #: What says nothing.
    polite: str = ""


#: Alternatives with a bar between them.
LANGUAGES: dict[str, Language] = {
    "es": Language(
        "baja|alto|parar|para|para ya|ya no quiero|pare|detener|cancelar|cancela|cancelen|salir|basta|borrarme|eliminar|eliminarme"
        "|darse de baja|dar de baja|darme de baja|desuscribir|desuscribirse|desuscribirme|desuscribete|desinscribir"
        "|desinscribirme|quitarme|no más|no mas sms|anular suscripción|detente|stop",
        (
            r"no (?:quiero|deseo|me interesa|necesito)(?: \w+){0,3} (?:mensajes?|textos?|sms|msjs?|mensajitos|publicidad|notificaciones)",
            r"no (?:más|mas) (?:mensajes?|textos?|sms|msjs?|publicidad)",
            r"ya no (?:quiero|deseo) (?:más|recibir|mensajes|sms|sus|estos|que me)",
            r"no (?:quiero|deseo) (?:recibir|que me (?:escriban|manden|envíen|contacten|llamen))",
            r"deje?n? de (?:enviar|mandar|escribir|molestar|contactar|textear|llamar)\w*",
            r"para(?:r|d|n)? de (?:enviar|mandar|escribir|molestar)\w*",
            r"no me (?:envíen?|envies|manden?|mandes|escriban?|escribas|molesten?|molestes|contacten?|texteen?|textees)(?: más)?",
            r"(?:dar|darme|dame|denme|deme|quiero darme|quiero la) (?:de )?baja\b(?! (?:california|temporada|en))",
            r"cancel(?:ar|en|e|a) (?:mi |la |esta )?(?:suscripción|los mensajes|mensajes|los sms)",
            r"(?:quíten?me|quitame|sáquen?me|sacame|bórren?me|borrame|elimínen?me|eliminame) (?:de (?:la|su|esta|tu|sus) )?(?:lista|base)?",
            r"(?:borr|elimin|quit)(?:ar|en|e|a) mi (?:número|teléfono|numero)",
            r"déjen?me en paz|dejame en paz|no molest(?:ar|en|es)",
        ),
        "por favor|porfa|gracias|ya|hola|quiero|los|las|mensajes|sms|señor",
    ),
    "fr": Language(
        "arrêt|arrêter|arrêtez|arrete|désabonner|désabonnement|désinscrire|désinscription|désabonnez moi|résilier"
        "|me désabonner|se désabonner|me désinscrire|plus de sms|stop sms|stop pub|stop aux messages|stop aux sms|ne plus recevoir|ne plus recevoir de messages|halte|supprimer|supprimez moi",
        (
            r"plus (?:de|aucun|jamais de) (?:messages?|sms|textos?|pub|publicité|mails?)",
            r"ne (?:me |m'|plus )?(?:\w+ ){0,2}(?:m'?envoye[rz]|m'?envoie|envoye[rz]|écrive[rz]|écrire|contacte[rz]|appele[rz]|dérange[rz]|texte[rz])(?: \w+)? ?(?:plus|pas)?",
            r"n'envoyez plus|ne m'(?:envoyez|envoie|écrivez|écris|appelez) (?:plus|pas)",
            r"arr[êe]te[rz]?(?: \w+)? (?:de |d')(?:m'|me |nous )?(?:envoyer|écrire|contacter|déranger|harceler|texter|spammer)",
            r"arr[êe]te[rz]? (?:les |ces |vos |tes )(?:messages?|sms|textos?|pubs?)",
            r"(?:je )?(?:ne )?(?:veux|souhaite|désire) (?:plus|pas) (?:de|recevoir|être contactée?|que vous|vos|ces|d'autres)",
            r"désabonne[rz]?(?: |-)?(?:moi|nous)|(?:me|vous|veux me|comment me) (?:désabonner|désinscrire)|désinscri\w+",
            r"(?:retire|enlève|supprime|efface|raye)[rz]?(?:s|nt)?(?: |-)(?:moi|mon numéro|mes coordonnées)",
            r"(?:laisse|foute|fiche)[rz]?(?: |-)moi (?:tranquille|la paix)",
        ),
        "s'il vous plaît|s'il te plaît|svp|stp|merci|bonjour|les|ces|messages|sms|je|veux|tout de suite",
    ),
    "de": Language(
        "abmelden|abmeldung|abbestellen|kündigen|kündigung|austragen|aufhören|beenden|schluss|stopp|stoppen|widerruf"
        "|widerrufen|abbestellung|newsletter abbestellen|sms abbestellen|keine sms|keine nachrichten",
        (
            r"keine (?:\w+ )?(?:nachrichten|sms|texte|werbung|mitteilungen|benachrichtigungen|werbe sms)(?: mehr)?",
            r"(?:schickt|schicken|schick|schicke|sende|sendet|senden|schreib|schreibt|schreiben)(?: sie)? (?:mir |uns )?(?:bitte )?(?:keine|nicht mehr|nichts|nie wieder)",
            r"nicht mehr (?:schreiben|anschreiben|kontaktieren|senden|schicken|simsen|belästigen)",
            r"(?:will|möchte|wünsche|wollen|möchten) (?:ich )?(?:\w+ ){0,2}(?:keine|nicht mehr|nichts mehr)(?: \w+){0,3} (?:sms|nachrichten|werbung|bekommen|erhalten|kontaktiert)",
            r"h[öo]r(?:t|en sie)? (?:bitte )?auf(?: mir| damit| zu| mich)?\b|aufhören mir",
            r"lass(?:t|en sie)? mich (?:bitte )?in ruhe",
            r"(?:mich|nummer|mich bitte|uns) (?:bitte )?(?:abmelden|austragen|löschen|entfernen|aus dem verteiler|von der liste)",
            r"(?:melde|meldet|melden sie|trag|tragt|tragen sie|nehmt|nehmen sie|lösch\w*) mich (?:bitte )?(?:ab|aus|von|vom)",
            r"von der liste (?:streichen|nehmen|löschen|entfernen)|widerrufe (?:meine |die )?einwilligung",
        ),
        "bitte|danke|vielen dank|hallo|sofort|jetzt|endlich|mich|mir|ich|möchte|will|alles|die|sms|nachrichten",
    ),
    "it": Language(
        "annulla|annullare|cancellami|cancellarmi|cancellatemi|disiscrivi|disiscrivimi|disiscrivermi|disiscrizione"
        "|disdire|disdetta|rimuovimi|rimuovetemi|basta|basta sms|basta messaggi|smettila|smettetela|fermare|stop",
        (
            r"non (?:voglio|desidero|vorrei|mi interessa)(?: \w+){0,3} (?:messaggi|sms|messaggini|pubblicità|comunicazioni)",
            r"non (?:voglio|desidero) (?:più|essere contattat[oa])",
            r"(?:basta|niente|nessun|mai|no) (?:più |altri )?(?:messaggi|sms|messaggio|pubblicità)",
            r"non (?:mandatemi|inviatemi|scrivetemi|mandarmi|inviarmi|scrivermi|contattatemi|contattarmi|mandate|inviate|mi mandate|mi scrivete|scrivete|chiamatemi)(?: \w+){0,3}",
            r"smett(?:i|ete|ila|etela|a|ano) di (?:mandar|inviar|scriver|contattar|disturbar)\w*",
            r"lasci(?:a|ate)mi (?:in pace|stare)|(?:togli|togliete|cancella|cancellate|rimuovi|rimuovete|elimina|eliminate)(?:mi| il mio numero)",
            r"(?:disiscriver|cancellar)(?:mi|e) (?:da|dalla|dal|la|l')|annullare (?:l')?iscrizione",
        ),
        "per favore|per piacere|grazie|ciao|subito|i|gli|voglio|vorrei|messaggi|sms",
    ),
    "pt": Language(
        "parar|pare|parem|sair|cancelar|cancele|cancela|remover|descadastrar|descadastre|desinscrever|descadastro|chega"
        "|remova|sair da lista|cancelar sms|cancelar inscrição|não quero mais|não quero receber",
        (
            r"não (?:quero|desejo|gostaria de|tenho interesse)(?: \w+){0,3} (?:mensagens?|sms|torpedos?|msgs?|textos?|propaganda)",
            r"não (?:quero|desejo) (?:mais )?receber",
            r"(?:sem|chega de|não|nunca) mais (?:mensagens?|sms|torpedos?|msgs?)|chega de (?:mensagens?|sms|msgs?)",
            r"não (?:me )?(?:mandem?|envie[m]?|manda|envia|contatem?|escrevam?|perturbem?|mande[m]?)(?: \w+){0,2} (?:mais|mensagens?|sms)",
            r"não me (?:mandem?|enviem?|manda|envia|contatem?|escrevam?|perturbem?|incomodem?)",
            r"par(?:e|em|a) de (?:me )?(?:mandar|enviar|escrever|perturbar|incomodar|contatar)",
            r"(?:me )?(?:tire|tirem|remova|removam|tira|descadastre|exclua|excluam|retire|retirem)(?:-| )?(?:me)? (?:da|desta|dessa|de|meu número|o meu número|este número)",
            r"me (?:descadastr\w+|deix(?:e|em|a) em paz)|cancelar (?:a |minha )?(?:inscrição|assinatura|mensagens)",
        ),
        "por favor|pfv|obrigad[oa]|olá|oi|já|as|quero|mensagens|sms",
    ),
    "nl": Language(
        "afmelden|afmelding|stoppen|uitschrijven|uitschrijving|opzeggen|meld me af|schrijf me uit|geen sms|geen sms meer"
        "|geen berichten meer|stop sms|verwijderen|verwijder mij|verwijder me|aub stoppen",
        (
            r"geen (?:\w+ )?(?:sms'?jes|sms|berichten|berichtjes|reclame)(?: meer)?\b",
            r"(?:wil|hoef|wens|willen)(?: ik)? (?:\w+ ){0,2}(?:geen|niet meer|niets meer)(?: \w+){0,3} (?:sms\w*|berichten|ontvangen|reclame)",
            r"stuur (?:me|mij|ons) (?:\w+ )?(?:geen|niet|niks|niets|nooit)",
            r"(?:niet meer|stop met|hou op met|ophouden met) (?:sturen|smsen|sms'en|berichten|storen|appen|lastigvallen|deze)",
            r"laat (?:me|mij) met rust|meld (?:me|mij) (?:\w+ )?af|schrijf (?:me|mij) (?:\w+ )?uit",
            r"(?:haal|verwijder) (?:me|mij|mijn nummer)",
        ),
        "alstublieft|alsjeblieft|aub|graag|bedankt|dank u|dank je|hallo|nu|wil|ik|me|mij",
    ),
    "tr": Language(
        "iptal|iptal et|iptal edin|ret|durdur|durdurun|abonelik iptal|üyelik iptal|sms iptal|mesaj iptal|listeden çık"
        "|listeden çıkar|beni sil|istemiyorum|sms istemiyorum|abonelikten çık|çıkış|dur",
        (
            r"(?:mesaj|sms)\w*(?: \w+){0,3} istemiyor\w*",
            r"(?:mesaj|sms)\w*(?: \w+){0,2} (?:gönderme|atma|yollama)(?:yin|yiniz|yın|yınız)?\b",
            r"rahatsız etme\w*|(?:beni|numaramı) (?:\w+ )?(?:listeden |listenizden )?(?:çıkar|sil)\w*",
            r"(?:üyeliğ|aboneliğ)\w* (?:iptal|sonlandır)\w*|listeden çık\w*|abonelikten çık\w*",
            r"bir daha (?:\w+ )?(?:mesaj|sms|yazma|gönderme|arama)\w*",
        ),
        "lütfen|teşekkürler|teşekkür ederim|merhaba|hemen|artık|bana|mesaj|sms",
    ),
    "pl": Language(
        "rezygnuję|rezygnacja|wypisz|wypisz mnie|wypisać|anuluj|anulować|koniec|przestań|przestańcie|odsubskrybuj"
        "|zrezygnuj|wyrejestruj|usuń|usuń mnie|usuńcie mnie|nie chcę|stop sms",
        (
            r"nie chc[ęe](?: \w+){0,3} (?:wiadomości|sms\w*|esemes\w*|reklam|powiadomień)",
            r"nie (?:wysyłaj|wysyłajcie|pisz|piszcie|wysyłać|pisać|przysyłaj|przysyłajcie|dzwoń|dzwońcie)(?: \w+)?",
            r"(?:przestań|przestańcie|proszę przestać|przestać) (?:mi |do mnie )?(?:pisać|wysyłać|przysyłać)",
            r"(?:żadnych|bez) (?:\w+ )?(?:wiadomości|sms\w*)|usu[ńn](?:cie)? (?:mnie|mój numer)|dajcie mi spokój|daj mi spokój",
            r"wypis(?:z|zcie|ać) (?:mnie|się)|rezygnuj[ęe] z (?:sms\w*|wiadomości|subskrypcji|otrzymywania)",
        ),
        "proszę|dziękuję|dzięki|już|natychmiast|mnie|z|tych|sms",
    ),
    "ru": Language(
        "стоп|отписаться|отписка|отпишите|отпишите меня|отпиши меня|отмена|отменить|прекратить|прекратите|хватит|отказ"
        "|удалить|удалите|отключить|отключите|стоп смс|нет рассылке|отпишись",
        (
            r"(?:больше )?не (?:присылай(?:те)?|пиши(?:те)?|отправляй(?:те)?|шли(?:те)?|беспокой(?:те)?|надо (?:мне )?(?:писать|слать|присылать))",
            r"не (?:хочу|желаю|буду)(?: \w+){0,2} (?:получать|сообщени\w+|смс|рассылк\w+)",
            r"(?:отпис(?:аться|ать|ать меня)|отпишите) (?:от|меня|мой)|(?:хочу|как) отписаться|откажусь от рассылки",
            r"(?:удалите|удали|уберите|убери|исключите) (?:меня|мой номер|номер)|отстаньте|отвяжитесь|оставьте (?:меня )?в покое",
            r"(?:никаких|хватит|прекратите|перестаньте)(?: \w+)? (?:сообщений|смс|слать|писать|присылать|рассылк\w+|рассылать|спам\w*)",
            r"отключите (?:рассылку|смс|уведомления)",
        ),
        "пожалуйста|спасибо|рассылка|рассылку|рассылки|здравствуйте|уже|мне|меня|прошу|эти|смс|сообщения",
    ),
    "uk": Language(
        "відписатися|відписатись|відпишіть|відписка|відмовитися|відмова|скасувати|припиніть|припинити|досить|відпишіть мене",
        (
            r"не (?:надсилайте|пишіть|присилайте|шліть|турбуйте)|не хочу (?:більше )?(?:отримувати|повідомлен\w+|смс)",
            r"(?:видаліть|заберіть) (?:мене|мій номер)|відпис(?:атися|атись|ати) (?:від|мене)|дайте мені спокій",
        ),
        "будь ласка|дякую|прошу|мене",
    ),
    "sv": Language(
        "avsluta|avregistrera|avregistrering|avprenumerera|avanmäl|avanmälan|sluta|stopp|ta bort mig|inga fler sms|säga upp",
        (
            r"(?:inga|inte) (?:fler|mer) (?:sms|meddelanden|utskick)|sluta (?:skicka|sms\w*|messa|skriva|störa)",
            r"vill inte (?:längre )?(?:ha|få|ta emot)(?: \w+){0,2} (?:sms|meddelanden|mess|utskick)|skicka inte|ta bort (?:mig|mitt nummer)|lämna mig i fred",
        ),
        "tack|snälla|hej|nu|mig|jag vill",
    ),
    "da": Language(
        "afmeld|afmelding|hold op|stop nu|lad mig være|frameld|framelding|afmeld mig|stop sms|slet mig|ingen sms",
        (
            r"(?:ikke|ingen) (?:flere|mere) (?:sms\w*|beskeder|meldinger)|ingen flere|stop med at (?:sende|skrive|sms'?e)",
            r"(?:vil|ønsker) ikke (?:længere )?(?:have|modtage|få)(?: \w+){0,2} (?:sms\w*|beskeder)|(?:fjern|slet|afmeld) (?:mig|mit nummer)|lad mig være i fred|send (?:mig )?ikke",
        ),
        "tak|venligst|hej|nu|mig",
    ),
    "no": Language(
        "avmeld|avmelding|avslutt|slutt|meld meg av|stopp|avslutte|slett meg|fjern meg",
        (
            r"(?:ikke|ingen) (?:flere|mer) (?:sms|meldinger)|slutt å (?:sende|skrive|melde|mase)",
            r"(?:vil|ønsker) ikke (?:lenger )?(?:ha|motta|få)(?: \w+){0,2} (?:sms\w*|meldinger)|(?:fjern|slett) (?:meg|nummeret)|meld meg av|la meg være i fred|ikke send",
        ),
        "takk|vennligst|hei|nå|meg",
    ),
    "fi": Language(
        "lopeta|lopettakaa|peruuta|poista minut|poistakaa minut|en halua|peruuta tilaus|lopeta viestit|seis viestit",
        (
            r"(?:älä|älkää) (?:enää )?(?:lähetä|lähettäkö|laita|laittako|viesti\w*)|(?:en|emme) halua (?:enää )?(?:\w+ )?(?:viest\w*|tekstiviest\w*|mainoks\w*)",
            r"lopet\w+ (?:viest\w*|tekstiviest\w*|näiden|lähettämi\w*)|poista\w* (?:minut|numeroni)|ei enää viestejä|jättäkää rauhaan",
        ),
        "kiitos|ole hyvä|hei|nyt|minut",
    ),
    "cs": Language(
        "odhlásit|odhlašuji|odhlaste mě|zrušit|zrušte|odhlás|ukončit|konec|odhlásiť|zrušiť|odhláste ma|ukončiť|přestaňte|prestaňte",
        (
            r"(?:neposílejte|neposielajte|neposílej|nepište|nepíšte|nepiš|neobtěžujte|neotravujte)|(?:nechci|nechcem)(?: \w+){0,3} (?:zprávy|správy|sms\w*|reklam\w*)",
            r"(?:žádné|žiadne) (?:další|ďalšie) (?:zprávy|správy|sms)|(?:odhlaste|odhláste|smažte|vymažte|vyřaďte) (?:mě|ma|mne|moje|mé)|nechte mě být|dejte mi pokoj",
        ),
        "prosím|děkuji|ďakujem|dobrý den|už|mě|ma",
    ),
    "hu": Language(
        "leiratkozás|leiratkozom|leállítás|lemondás|lemondom|töröljenek|elég|nem kérem|nem kérek többet",
        (
            r"nem (?:kérek|akarok|szeretnék)(?: \w+){0,3} (?:üzenet\w*|sms\w*|reklám\w*)|ne (?:küldjenek|küldj|küldjön|írjanak|írj|zavarjanak|zaklassanak)",
            r"(?:töröljenek|töröljék|töröljön|vegyenek|vegyék) (?:le|ki|a számom\w*|engem)|hagyjanak békén|leiratkoz\w+",
        ),
        "kérem|köszönöm|légyszi|most",
    ),
    "ro": Language(
        "dezabonare|dezabonează|dezabonați|opriți|oprește|renunț|anulare|dezabonați mă|mă dezabonez|încetați",
        (
            r"nu mai (?:vreau|trimite\w*|doresc|scrie\w*|primesc)|nu (?:vreau|doresc)(?: \w+){0,2} (?:mesaje\w*|sms\w*)",
            r"(?:ștergeți|scoateți|dezabonați)(?: |-)?(?:mă|numărul|mi numărul|îmi)|fără mesaje|lăsați mă în pace|opriți (?:mesajele|sms\w*)",
        ),
        "vă rog|te rog|mulțumesc|mersi",
    ),
    "el": Language(
        "διαγραφή|διακοπή|σταματήστε|σταμάτα|απεγγραφή|ακύρωση|τέλος|στοπ",
        (
            r"μην? (?:μου )?(?:\w+ )?(?:στέλνετε|στέλνεις|στείλετε|ξαναστείλετε|γράφετε|ενοχλείτε)|δεν θέλω(?: \w+){0,3} (?:μηνύματα|sms)|όχι άλλα (?:μηνύματα|sms)",
            r"(?:διαγράψτε|βγάλτε|αφαιρέστε) (?:με|τον αριθμό)|αφήστε με ήσυχ\w+|σταματήστε να",
        ),
        "παρακαλώ|ευχαριστώ|με",
    ),
    "ar": Language(
        "إيقاف|الغاء|إلغاء|توقف|توقفوا|أوقف|أوقفوا|كفى|قف|إلغاء الاشتراك|الغاء الاشتراك|ايقاف الرسائل|حذف|الغي الاشتراك",
        (
            r"لا (?:ترسل\w*|تراسل\w*|تتصل\w*|تزعج\w*)|لا (?:اريد|أريد|ارغب|أرغب|نريد)(?: \S+){0,3} (?:رسائل\w*|الرسائل|رسالة|اعلانات)",
            r"(?:توقف\w*|أوقف\w*|اوقف\w*|وقف\w*) (?:عن |ارسال |إرسال |الرسائل|هذه)|(?:احذف\w*|أزل\w*|ازيل\w*) (?:رقمي|اسمي)|(?:الغاء|إلغاء|الغ\w*) (?:ال)?اشتراك\w*|لا مزيد من الرسائل|مش عايز رسائل",
        ),
        "من فضلك|من فضلكم|لو سمحت|شكرا|رجاء|الرسائل",
    ),
    "he": Language(
        "הסר|הסרה|הסירו|הסירו אותי|להסיר|תסירו אותי|עצור|עצרו|ביטול|בטל|די|תפסיקו|להפסיק|מספיק",
        (
            r"(?:הסירו|תסירו|הסר|תורידו|תמחקו|מחקו|נא להסיר) (?:אותי|את המספר|מרשימת|מהרשימה)|(?:תפסיקו|הפסיקו|תפסיק) (?:לשלוח|להטריד|לסמס|עם)",
            r"לא (?:רוצה|מעוניין|מעוניינת)(?: \S+){0,3} (?:הודעות|סמס\w*|מסרונים)|(?:אל|בלי) (?:תשלחו|תשלח|הודעות)|עזבו אותי",
        ),
        "בבקשה|תודה|נא|אותי",
    ),
    "fa": Language(
        "لغو|توقف|لغو اشتراک|قطع|انصراف|لغو۱۱|لغو11|لغو 11|حذف|بس است",
        (
            r"(?:پیام|پیامک|اس ام اس)\w*(?: \S+){0,2} (?:ندهید|نفرستید|نفرست|نده|ندین|نفرستین|نمی ?خواهم|نمیخوام|نمیخواهم)",
            r"نفرستید|مزاحم (?:نشوید|نشو|نشین)|(?:لغو|قطع) (?:عضویت|اشتراک|پیامک)|شماره (?:من|ام) را حذف",
        ),
        "لطفا|ممنون|متشکرم|خواهش میکنم",
    ),
    "hi": Language(
        "बंद|बंद करो|बंद करें|बंद कर दो|रोको|रोकें|रोकिए|हटाओ|हटाएं|मत भेजो|band karo|band kar do|band karen|mat bhejo|rok do",
        (
            r"(?:मैसेज|संदेश|एसएमएस|मेसेज)(?: \S+){0,2} (?:मत भेज\S*|न भेज\S*|नहीं चाहिए|बंद कर\S*|मत कर\S*)|मत भेज(?:ो|ें|िए|ना)|परेशान मत कर\S*|मेरा नंबर हटा\S*",
            r"(?:message|msg|sms|messages)(?: \w+){0,2} (?:mat (?:bhejo|bhejna|karo|bhejiye)|band (?:karo|kar do|karen|karein)|nahi chahiye|nahin chahiye)|mat bhej(?:o|na|iye|en)|pareshan mat kar\w*",
        ),
        "कृपया|धन्यवाद|प्लीज़|please|अब",
    ),
    "vi": Language(
        "hủy|huỷ|hủy đăng ký|huỷ đăng ký|dừng|ngừng|dừng lại|từ chối|tc|hủy tin nhắn|thôi|huy dk|tu choi qc",
        (
            r"(?:đừng|ngừng|dừng|không|thôi) (?:\w+ )?(?:gửi|nhắn)(?: \w+){0,3}|không (?:muốn|cần|nhận)(?: \w+){0,3} (?:tin|tin nhắn|sms)",
            r"hủy (?:nhận|đăng ký|dịch vụ|tin)|xóa (?:số|tôi)|để tôi yên|đừng làm phiền",
        ),
        "xin|vui lòng|làm ơn|cảm ơn",
    ),
    "id": Language(
        "berhenti|batal|henti|hentikan|unreg|batalkan|stop sms|unreg sms|keluar|berhenti langganan|hapus",
        (
            r"(?:jangan|stop|berhenti|hentikan|tolong jangan) (?:lagi )?(?:\w+ )?(?:kirim|mengirim|hantar|sms|hubungi|ganggu|chat|langganan|berlangganan|mesej)\w*",
            r"(?:tidak|nggak|gak|ga|tak) (?:mau|ingin|nak|mahu|perlu)(?: \w+){0,3} (?:sms|pesan|mesej|notifikasi)|taknak (?:\w+ )?(?:sms|mesej)|hapus nomor|jangan sms",
        ),
        "tolong|terima kasih|mohon|makasih|sila|ya",
    ),
    "tl": Language(
        "itigil|tigil|tigilan|itigil na|tama na po|ayoko na|huwag na|wag na|tigil na",
        (
            r"(?:huwag|wag) (?:na )?(?:po )?(?:kayo(?:ng)? |ninyo |nyo )?(?:na )?(?:mag ?text|mag-text|magpadala|i text|itext|padalhan|magmessage|mag message|akong (?:i )?text)\w*",
            r"(?:ayoko|ayaw ko|ayaw) (?:na )?(?:po )?(?:makatanggap|ng text|ng mga text|ng message|tumanggap)|(?:itigil|tigilan) (?:nyo |niyo |ninyo )?(?:na )?(?:ang |po )",
            r"tanggalin (?:nyo |niyo )?(?:ako|number ko|ang number)",
        ),
        "po|salamat|paki|na|please",
    ),
    "sw": Language(
        "simamisha|ondoa|acha kutuma|sitaki|jiondoe|ondoa nambari",
        (
            r"(?:usitume|msitume|usinitumie|msinitumie|acha kunitumia|acheni kutuma|acha kutuma)|sitaki (?:\w+ )?(?:ujumbe|sms|meseji|jumbe)|(?:ondoa|futa) (?:nambari|namba)",
        ),
        "tafadhali|asante",
    ),
}  # fmt: skip

#: Of scripts without spaces: whole messages, without what is polite, and what stands anywhere in a message.
UNSPACED: dict[str, Language] = {
    "zh": Language(
        "停止|停|取消|退出|拒收|退|取消订阅|取消訂閱|不需要|不要了|别发|別發|停止短信|停止簡訊|結束|结束|td|回td",
        (
            r"退[订訂](?!酒店|飯店|饭店|房|机票|機票|车票|車票|票|单|單|[课課])|取消[订訂][阅閱閲]",
            r"(?:不要|别|別|勿|莫|请勿|請勿|停止)(?:再|给我|給我|向我|继续|繼續|在|一直){0,3}(?:发|發|寄|传|傳|发送|發送|骚扰|騷擾|打扰|打擾|推送)",
            r"(?:不想|不要|不愿|不願)(?:再)?(?:收到|接收|收)|拒收(?:短信|简讯|簡訊)?|停止(?:发送|發送|推送|短信|簡訊)|(?:把我|我的[号號][码碼]|将我|將我)?(?:移除|删除|刪除)(?:我|名单|名單)|(?:从|從|將我從|把我从)名[单單](?:中)?(?:移除|删除|刪除)|别烦我|別煩我",
        ),
        "请|請|谢谢|謝謝|麻烦|麻煩|拜托|你好|您好|我要|我想|回复|回覆|吧|了",
    ),
    "ja": Language(
        "停止|配信停止|解除|登録解除|退会|解約|やめて|止めて|中止|購読解除|終了|不要|不要です|いりません|ストップ|配信解除|やめてくれ",
        (
            r"配信(?:を|の)?(?:停止|やめ|止め|解除|中止)|(?:メール|メッセージ|SMS|sms|ショートメール|連絡)(?:は|を|が|の)?(?:もう)?(?:いりません|いらない|不要|やめ|止め|停止|送らない|送ってこない|しないで)",
            r"(?:送ら|送信し|送って来|送ってこ|連絡し)ないで|(?:登録|購読)(?:を)?(?:解除|取り?消)|もう(?:いりません|いらない|結構です)|受け取りたくな|削除して(?:ください|下さい)|迷惑です",
        ),
        "ください|下さい|お願いします|お願い|してほしい|すぐに|を|もう|です",
    ),
    "ko": Language(
        "중지|수신거부|거부|그만|취소|해지|탈퇴|차단|수신중지|수신해지|정지|스톱|구독취소|구독해지|중단",
        (
            r"수신 ?(?:거부|해지|중지|차단)|(?:문자|메시지|메세지|광고|sms|연락)(?:를|을|는|좀)? ?(?:그만|보내지 ?마|하지 ?마|안 ?받|중지|거부|사절)|(?:더 ?이상|다시는?|제발)? ?보내지 ?(?:마|말|않)",
            r"그만 ?(?:보내|하세요|해 ?주세요)|받고 ?싶지 ?않|구독 ?(?:취소|해지)|(?:제|내) ?번호 ?(?:를)? ?(?:삭제|지워)|귀찮게 ?하지",
        ),
        "주세요|부탁|부탁드립니다|해주세요|해|요|제발|감사합니다|바랍니다|하세요|합니다|할게요",
    ),
    "th": Language(
        "ยกเลิก|หยุด|เลิก|ยกเลิกข้อความ|ยกเลิกsms|ไม่รับ|ไม่เอา|หยุดส่ง|พอ|ออก",
        (
            r"หยุดส่ง|เลิกส่ง|(?:ไม่ต้อง|อย่า|ห้าม|กรุณาอย่า)(?:ส่ง|รบกวน|ทัก)|ไม่(?:อยาก|ต้องการ|ขอ)(?:รับ|ได้รับ)|ยกเลิก(?:การ)?(?:รับ|ข้อความ|สมัคร|sms|บริการsms|การเป็นสมาชิก)|ลบเบอร์|ลบหมายเลข",
        ),
        "กรุณา|ขอบคุณ|ครับ|ค่ะ|คะ|ด้วย|หน่อย|โปรด|ช่วย|แล้ว|ขอ",
    ),
    "km": Language(
        "ឈប់|បញ្ឈប់|លុប|ឈប់ផ្ញើ|បោះបង់",
        (r"(?:កុំ|ឈប់|បញ្ឈប់)(?:ការ)?ផ្ញើ|មិនចង់ទទួល|លុបលេខ",),
        "សូម|អរគុណ",
    ),
    "lo": Language("ຍົກເລີກ|ຢຸດ|ເຊົາ", (r"(?:ຢຸດ|ຢ່າ|ບໍ່ຕ້ອງ|ເຊົາ)ສົ່ງ|ບໍ່ຢາກຮັບ|ຍົກເລີກ(?:ການ)?(?:ຮັບ|ຂໍ້ຄວາມ)",), "ກະລຸນາ|ຂອບໃຈ"),
    "my": Language("ရပ်|ရပ်ပါ|ပယ်ဖျက်|မပို့နဲ့", (r"မပို့(?:ပါ)?(?:နဲ့|နှင့်)|ပို့တာ(?:ကို)?ရပ်|မလက်ခံချင်|စာမပို့",), "ကျေးဇူးပြု၍|ကျေးဇူး|ပါ"),
}  # fmt: skip
