"""Words are split after NFKC and case folding, and punctuation is left out."""

import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.words import is_unspaced, split_plain_words, split_rich_words, split_units, split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hours?", ("hours",)),
        ("  HOURS!!\n", ("hours",)),
        ("opt-out_now", ("opt", "out", "now")),
        ("don't", ("don't",)),
        ("DON’T", ("don't",)),
        ("don´t don‘t donʼt", ("don't", "don't", "don't")),
        ("'quoted' it's 'tis dogs'", ("quoted", "it's", "tis", "dogs")),
        ("rock'n'roll don''t", ("rock'n'roll", "don", "t")),
        ("this.is", ("this", "is")),
        ("3.5", ("3", "5")),
        ("", ()),
        ("?!... --- ''", ()),
        ("…“”—¿", ()),
        ("a\0b\x1fc", ("a", "b", "c")),
        ("Straße STRASSE", ("strasse", "strasse")),
        ("ＨＯＵＲＳ", ("hours",)),
        ("ﬁne", ("fine",)),
        ("Cafe\u0301 CAFÉ", ("café", "café")),
        ("ΣΊΣΥΦΟΣ σίσυφος", ("σίσυφοσ", "σίσυφοσ")),
        ("ёлка елка", ("ёлка", "елка")),
        ("हिन्दी में", ("हिन्दी", "में")),
        ("ภาษาไทย", ("ภาษาไทย",)),
        ("営業時間を、教えて。", ("営業時間を", "教えて")),
        ("\u200fשעות\u200f؟", ("שעות",)),
        ("می\u200cخواهم", ("میخواهم",)),
        ("soft\u00adhyphen", ("softhyphen",)),
        ("zero\u200bwidth S\u200b\u2060\u200bTOP\u200b", ("zerowidth", "stop")),
        ("don\u200b't caf\u200be\u0301", ("don't", "café")),
        ("停\u200b止", ("停止",)),
        ("เปิด\u200bร้าน ราคา\u200b\u200bสินค้า", ("เปิด", "ร้าน", "ราคา", "สินค้า")),
        ("ម៉ោង\u200bបើក ເປີດ\u200bຮ້ານ ဆိုင်\u200bဖွင့်", ("ម៉ោង", "បើក", "ເປີດ", "ຮ້ານ", "ဆိုင်", "ဖွင့်")),
        ("ราคา\u200bwifi", ("ราคาwifi",)),
        ("yes👍", ("yes", "👍")),
        ("👍👍 👍", ("👍",)),
        ("👍❤️👍", ("👍", "❤", "👍")),
        ("👍🏽!", ("👍",)),
        ("🏽", ("🏽",)),
        ("🙋🏼\u200d♀️ 👩🏽\u200d💻", ("🙋", "👩\u200d💻")),
        ("👨\u200d👩\u200d👧👋", ("👨\u200d👩\u200d👧", "👋")),
        ("❤️ x ❤", ("❤", "x", "❤")),
        ("🇫🇷🇩🇪", ("🇫🇷", "🇩🇪")),
        ("1️⃣2️⃣ #️⃣ 🔟", ("1", "2", "#⃣", "10")),
        ("１ ١ ۲ ३ ① ❷ 2", ("1", "1", "2", "3", "1", "2", "2")),
        ("٢٤h", ("24h",)),
        ("İptal İPTAL I\u0307PTAL iptal kapalı KAPALI", ("iptal",) * 4 + ("kapali",) * 2),
        ("don`t don′t don‛t donʹt", ("don't",) * 4),
        ("`quoted` x", ("quoted", "x")),
        ("🏴\U000e0067\U000e0062\U000e007f", ("🏴\U000e0067\U000e0062\U000e007f",)),
        ("\ud800stop\udfff", ("stop",)),
        ("€5 20° ©2026", ("5", "20", "2026")),
        ("\u0301stop", ("stop",)),
        ("c++ c#", ("c", "c")),
    ],
)
def test_words(text: str, words: tuple[str, ...]) -> None:
    assert split_words(text) == words


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("请问营业时间是几点", tuple("请问营业时间是几点")),
        ("請問wifi密碼 ok", ("請", "問", "wifi", "密", "碼", "ok")),
        ("ร้านเปิดกี่โมง", ("ร้", "า", "น", "เ", "ปิ", "ด", "กี่", "โ", "ม", "ง")),
        ("ラーメン屋が", ("ラ", "ー", "メ", "ン", "屋", "が")),
        ("ម៉ោងបើក", ("ម៉ោ", "ង", "បើ", "ក")),
        ("ខ្មែរ", ("ខ្មែ", "រ")),
        ("ເປີດ", ("ເ", "ປີ", "ດ")),
        ("ဖွင့်ချိန်", ("ဖွ", "င့်", "ချိ", "န်")),
        ("2026年", ("2026", "年")),
        ("영업시간이 opening", ("영업시간이", "opening")),
    ],
)
def test_a_script_without_spaces_is_cut_into_its_characters(text: str, units: tuple[str, ...]) -> None:
    assert split_units(split_words(text)) == units


def test_plain_words_are_the_words_without_emoji() -> None:
    assert split_plain_words("🛑 STOP 🛑🛑 1️⃣ ok") == ("stop", "1", "ok")


@given(st.text())
def test_units_are_the_words_and_nothing_else(text: str) -> None:
    words = split_words(text)
    assert "".join(split_units(words)) == "".join(words)
    assert any(map(is_unspaced, words)) or split_units(words) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("C++ course", ("c++", "course")),
        ("(c#), f# + a+!", ("c#", "f#", "a+")),
        ("+1 #win", ("1", "win")),
        ("don't+", ("don't+",)),
        ("C++ ’is’ naïve+", ("c++", "is", "naïve+")),
    ],
)
def test_rich_words_keep_the_symbols_that_follow_them(text: str, words: tuple[str, ...]) -> None:
    assert split_rich_words(text) == words


@given(st.text())
def test_splitting_never_raises_and_its_words_are_words(text: str) -> None:
    words = split_words(text)
    assert all(words)
    assert len(split_rich_words(text)) == len(words)


@given(st.text(st.characters(codec="ascii")))
def test_the_fast_path_for_ascii_gives_what_the_long_way_gives(text: str) -> None:
    with_a_word_outside_ascii = text + " ü"
    assert (*split_words(text), "ü") == split_words(with_a_word_outside_ascii)
    assert (*split_rich_words(text), "ü") == split_rich_words(with_a_word_outside_ascii)


@given(st.text(), st.sampled_from(["NFC", "NFD"]))
def test_the_form_in_which_a_phone_composes_letters_does_not_matter(text: str, form: str) -> None:
    assert split_words(unicodedata.normalize(form, text)) == split_words(text)


@given(
    st.lists(st.from_regex(r"[a-z0-9äßж営]{1,8}", fullmatch=True), max_size=5),
    st.lists(st.sampled_from([*string.punctuation, " ", "\n", "…", "—", "“"]), min_size=1, max_size=4),
)
def test_case_spacing_and_punctuation_around_words_do_not_matter(words: list[str], around: list[str]) -> None:
    plain = split_words(" ".join(words))
    noise = "".join(around)
    assert split_words(" ".join(f"{noise}{word.upper()}{noise}" for word in words)) == plain
