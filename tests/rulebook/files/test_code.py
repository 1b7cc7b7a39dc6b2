"""`code`, `record` and `once` are read as they are meant, and what can't work is said with its place."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.rulebook.decision import ConversationState, HeardMessage
from bot.rulebook.files.loader import Loaded, load_folder, load_texts
from bot.rulebook.lint.check import check_texts
from bot.rulebook.simulate.replay import AnsweredMessage, PersonAction, Replay
from bot.rulebook.simulate.sample_codes import decide_with_samples
from bot.rulebook.simulate.test_runner import run_tests
from bot.rulebook.simulate.try_message import answer, play
from tests.support.books import NOW, book_from, book_of, hear

HEAD = "rules:\n  - name: coupon\n    when: {exact: coupon}\n    reply: 'Your code is {{ code }}.'\n"
CODE = HEAD + "    code: {from: coupons.csv, save: code, missing: Gone.}\n"
LIST = "code\nSAVE-1\nSAVE-2\n"


def codes(loaded: Loaded) -> tuple[str, ...]:
    assert loaded.book is not None, loaded.findings
    return loaded.book.code_pools["coupons.csv"].codes


def findings(text: str, table: str | None = LIST) -> list[str]:
    files = {"rules.yaml": text} | ({"coupons.csv": table} if table is not None else {})
    return [str(each) for each in load_texts(files).findings]


def test_a_list_that_an_old_spreadsheet_saved_says_how_to_save_it(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(CODE)
    (tmp_path / "coupons.csv").write_bytes(b"code\r\nCAF\xc9-1\r\n")
    loaded = load_folder(tmp_path)
    assert loaded.book is None
    (finding,) = loaded.findings
    assert str(finding).startswith("coupons.csv:2:4: error E101 ")
    assert "CSV UTF-8" in finding.message


@pytest.mark.parametrize(
    "table",
    [
        LIST,
        "\ufeff" + LIST.replace("\n", "\r\n"),
        "code;price\nSAVE-1;5\nSAVE-2;10\n",
        'Coupon\tfor\n"SAVE-1"\tpeople, all\n SAVE-2 \tothers\n\n',
        '"code","note"\n"SAVE-1","two\nlines"\n"SAVE-2",""',
        "SAVE-1\nSAVE-2\n",
    ],
    ids=["plain", "a mark and CRLF", "semicolons", "tabs", "quotes", "no name above"],
)
def test_a_list_is_read_however_it_was_saved(table: str) -> None:
    assert codes(load_texts({"rules.yaml": CODE, "coupons.csv": table})) == ("SAVE-1", "SAVE-2")


def test_what_is_wrong_with_a_list_is_said_with_its_line() -> None:
    twice = findings(CODE, "code\nA1\nB2\nA1\n")
    assert twice == ['coupons.csv:4:1: warning W447 "A1" stands in line 2 already; it is given once.']
    (bare,) = findings(CODE, "A1\nB2\n")
    assert bare.startswith('coupons.csv:1:1: warning W448 The first row, "A1", looks like the codes below it')
    assert findings(CODE, "code\n") == [
        "coupons.csv:1:1: error E346 The file has no code in its first column."
    ]
    (cut,) = findings(CODE, "code\nSAVE,10\nMORE,\n")
    assert cut == (
        'coupons.csv:2:1: warning W460 This row has 2 cells, and the first row 1: only "SAVE" is given.'
        ' A code that has "," in it stands in quotes.'
    )
    assert "E205 A code has at most 100 characters" in findings(CODE, f"code\n{'x' * 101}\n")[0]


@pytest.mark.parametrize(
    ("table", "finding"),
    [
        ('code,for\nA1,"Ann\nB2,Bob\n', '2:1: error E346 From here on it is no CSV: a " opens a cell'),
        ('code,for\nA1,"Ann\nB2,"Bob\n', '2:1: error E346 From here on it is no CSV: here a " stands'),
        ('code\n"A1\nB2"\nC3\n', "2:1: error E346 A code stands in one line"),
        (f'code,for\nB2,"{"y" * 200_000}\n', "2:1: error E346 From here on it is no CSV: a cell of this"),
    ],
    ids=["never closed", "closed by another", "closed two lines later", "longer than any cell"],
)
def test_a_quote_that_is_not_closed_takes_no_codes_away(table: str, finding: str) -> None:
    assert findings(CODE, table)[0].startswith(f"coupons.csv:{finding}")


@pytest.mark.parametrize(
    ("table", "finding"),
    [
        ("code\nA1\nB\x002\n", "1:1: error E101 coupons.csv is no plain text; save it as CSV (UTF-8)."),
        ("code\nA1\nB\udc802\n", "1:1: error E101 coupons.csv is no plain text; save it as CSV (UTF-8)."),
        ("code\nA1\nA\x071\n", "3:1: error E346 This code has a character in it that no message can have, U+0007"),
        ("code\nA1\tx\nB2\tx\n", "2:1: error E346 This code has a character in it that no message can have, U+0009,"),
    ],
    ids=["NUL", "half of a surrogate pair", "a bell", "columns that the first row does not have"],
)  # fmt: skip
def test_a_code_that_no_message_can_say_or_no_database_keep_is_an_error(table: str, finding: str) -> None:
    """Said without its bell, `A1` would be given twice; and PostgreSQL refused each message that asked for a code."""
    assert findings(CODE, table)[0].startswith(f"coupons.csv:{finding}")


@pytest.mark.parametrize(
    "table",
    ['"code" ,x\n"A1" ,1\n"B2" ,2\n', 'code,note\nA1,"say "hi" now"\nB2,x\n', "sep=;\ncode;x\nA1;1\nB2;2\n"],
    ids=["blanks behind quotes", "quotes inside of a cell", "a delimiter that is named"],
)
def test_what_hides_no_line_is_read(table: str) -> None:
    assert findings(CODE, table) == []


def test_a_list_that_is_not_there_is_an_error_at_the_rule_that_names_it() -> None:
    other = {"rules.yaml": CODE, "coupon.csv": LIST}
    finding = next(each for each in load_texts(other).findings if each.code == "E346")
    assert str(finding) == (
        'rules.yaml:5:18: error E346 There is no file "coupons.csv". Did you mean "coupon.csv"?'
    )
    assert "Put it into the folder of the rules." in findings(CODE, None)[0]


def test_another_list_is_another_version_of_the_book(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(CODE)
    (tmp_path / "coupons.csv").write_bytes("code\r\nCAFÉ-1\r\n".encode())
    first = load_folder(tmp_path)
    assert codes(first) == ("CAFÉ-1",)
    (tmp_path / "coupons.csv").write_text(LIST)
    second = load_folder(tmp_path)
    assert first.book is not None
    assert second.book is not None
    assert first.book.version != second.book.version
    assert codes(load_folder(tmp_path / "rules.yaml")) == ("SAVE-1", "SAVE-2")


@pytest.mark.parametrize(
    "code", ["{random: 8}", "{random: 8, missing: Gone.}", "{from: coupons.csv, missing: Gone.}"]
)
def test_a_code_is_saved_as_code_if_nothing_else_is_said(code: str) -> None:
    assert not [each for each in findings(HEAD + f"    code: {code}\n") if "error" in each]


@pytest.mark.parametrize(
    ("rule", "finding"),
    [
        ("code: {save: code}", 'E204 code needs either "from"'),
        ("code: {random: 8, from: coupons.csv, save: code}", 'E204 code needs either "from"'),
        ("code: {random: 3, save: code}", "E205 random must lie between 4 and 20"),
        ("code: {random: many, save: code}", "E201 random must be a whole number"),
        ("code: {random: 8, save: now}", "E311"),
        ("code: {from: coupons.txt, save: code, missing: x}", "E205"),
        ("code: {from: coupons.csv, save: code}", 'W449 code has no "missing"'),
        ("code: {from: coupons.csv, save: code, missing: '{{ nothing }}'}", "E306"),
        ("code: coupons.csv", "E201 Code must be a mapping"),
        ("record: {}", "E204 record names nothing to keep"),
        ("record: [a]", "E201 Record must be a mapping"),
        ("record: {a-b: x}", 'E205 "a-b" is no name for an answer'),
        ("record: {a: [x]}", "E201 a must be a text"),
        ("record: {a: '{{ nothing }}'}", "E306"),
        (
            "ask: [{save: x, question: X?}]\n    record: {a: b}\n    fetch: {url: 'https://a.example.com/'}",
            "E312 The row of a rule with ask is finished before anything is fetched",
        ),
        ("once: first", 'E312 "once" belongs to "record" or "ask"'),
        ("record: {a: b}\n    once: always", "E205 once must be first or replace"),
        ("record: {" + ", ".join(f"a{n}: b" for n in range(51)) + "}", "E205 record keeps at most 50"),
    ],
)
def test_what_cannot_work_is_said(rule: str, finding: str) -> None:
    found = findings(HEAD.replace("{{ code }}", "nothing") + f"    {rule}\n")
    assert any(finding in each for each in found), found


def test_a_code_is_counted_in_the_length_of_a_reply() -> None:
    files = {
        "rules.yaml": "max_segments: 1\n" + CODE.replace("Your code", "x" * 100),
        "coupons.csv": "code\n" + "C" * 99,
    }
    assert "W410" in [each.code for each in check_texts(files).findings]
    gone = {"rules.yaml": "max_segments: 1\n" + CODE.replace("Gone.", "x" * 200), "coupons.csv": LIST}
    assert "W410" in [each.code for each in check_texts(gone).findings]


# Tests, tries and replays


TESTED = (
    CODE
    + """\
    set: {asked: "yes"}
tests:
  - {hear: coupon, say: "Your code is SAVE-1."}
  - {hear: coupon, code: SAVE-9, say: "Your code is SAVE-9."}
  - {hear: coupon, code: gone, say: "Gone."}
  - talk: [{hear: coupon, say: "Your code is SAVE-1."}, {hear: coupon, code: gone, say: "Gone."}]
"""
)


def test_tests_know_codes() -> None:
    loaded = load_texts({"rules.yaml": TESTED, "coupons.csv": LIST})
    assert loaded.book is not None, loaded.findings
    outcomes = run_tests(loaded.book)
    assert (outcomes.passed, outcomes.failed) == (4, 0), outcomes.tests


def test_a_try_shows_a_code_and_says_that_none_is_given() -> None:
    loaded = load_texts({"rules.yaml": CODE, "coupons.csv": LIST})
    assert loaded.book is not None
    tried = answer(loaded.book, "coupon")
    assert tried.replies == ("Your code is SAVE-1.",)
    assert (
        "Gives the code SAVE-1 as an example: each peer gets another one, and now nobody gets one."
        in tried.why
    )
    first, second = play(loaded.book, ["coupon", "coupon"], at=NOW)
    assert first.replies == second.replies == ("Your code is SAVE-1.",)
    made_up = book_of("when: {keyword: x}, code: {random: 10, save: c}, reply: '{{ c }}'")
    assert answer(made_up, "x").replies == ("7K4M9P2T7K",)


def test_a_try_says_what_would_be_kept() -> None:
    book = book_of("name: vote, when: {pattern: '^vote (?P<o>[abc])$'}, record: {option: '{{ o | upcase }}'}")
    assert "Keeps a row of answers of vote: option: B." in answer(book, "vote b").why
    asking = book_of(
        "name: street, when: {keyword: leak}, ask: {save: street, question: Where?}, reply: Thanks."
    )
    turns = play(asking, ["leak", "4 Elm Street"], at=NOW)
    assert "Keeps a row of answers of street: street: 4 Elm Street." in turns[1].why


def test_a_replay_gives_the_code_of_then() -> None:
    loaded = load_texts({"rules.yaml": CODE, "coupons.csv": LIST})
    assert loaded.book is not None
    replay = Replay(loaded.book)
    for code, said in (("OLD-7", "Your code is OLD-7."), ("", "Gone.")):
        past = AnsweredMessage(
            conversation_id=code, message_id=code, rule="coupon", said=(said,), at=NOW, code=code,
            heard=HeardMessage(id=code, text="coupon", sender="+15555550101", recipient="+15555550100"),
        )  # fmt: skip
        assert replay.take(past) is None


def test_a_replay_knows_what_people_corrected() -> None:
    book = book_from(
        "rules:\n  - {name: who, when: anything, reply: '{{ name }}!', set: {name: '{{ name }}'}}\n"
    )
    replay = Replay(book)
    deeds = (PersonAction("set value", "name: Emma: the first"), PersonAction("forget value", "other"))
    past = AnsweredMessage(
        conversation_id="c", message_id="m", rule="who", said=("Emma: the first!",), at=NOW, deeds=deeds,
        heard=HeardMessage(id="m", text="x", sender="+15555550101", recipient="+15555550100"),
    )  # fmt: skip
    assert replay.take(past) is None


# Deciding


def test_a_decision_lacks_its_code_until_a_pool_has_given_one() -> None:
    loaded = load_texts(
        {"rules.yaml": CODE + "    tag: [has-code]\n    limit: 1 per 1h\n", "coupons.csv": LIST}
    )
    assert loaded.book is not None
    first = hear(loaded.book, "coupon")
    assert (first.wants_code, first.code, first.after.values) == ("coupons.csv", None, {})
    limited = hear(loaded.book, "coupon", first.after)
    assert (limited.wants_code, limited.held_back_by) == (None, "limit")


@pytest.mark.parametrize("why", ["limit", "handed over", "opted out"])
def test_who_gets_no_code_keeps_the_one_that_they_had(why: str) -> None:
    """What is held back had saved and recorded the sign that stands for a code in its place."""
    more = "    tag: [asked]\n    limit: 1 per 1h\n    set: {mine: '{{ code }}'}\n    record: {given: '{{ code }}'}\n"
    loaded = load_texts({"rules.yaml": CODE + more, "coupons.csv": LIST})
    assert loaded.book is not None
    state = ConversationState(
        values={"code": "SAVE-1", "mine": "SAVE-1"},
        opted_out=why == "opted out",
        handed_over=why == "handed over",
    )
    if why == "limit":
        state = replace(hear(loaded.book, "coupon", state).after, values=state.values)
    held = hear(loaded.book, "coupon", state)
    assert held.held_back_by == why
    assert held.after.values == {"code": "SAVE-1", "mine": "SAVE-1"}
    assert (held.kept, held.wants_code) == (None, None)
    assert held.after.tags == ("asked",)


def test_who_is_told_that_all_are_gone_is_not_tagged_and_nothing_is_forwarded() -> None:
    more = "    tag: [has-code]\n    record: {a: b}\n    forward: https://hooks.example.com/in\n"
    loaded = load_texts({"rules.yaml": CODE + more, "coupons.csv": LIST})
    assert loaded.book is not None
    tried = answer(loaded.book, "coupon", at=datetime(2026, 1, 1, tzinfo=UTC))
    assert "The conversation's tags are now: has-code." in tried.why
    heard = HeardMessage(id="m", text="coupon", sender="+15555550101", recipient="+15555550100")
    decision = decide_with_samples(loaded.book, heard, ConversationState(), NOW, gone=True)
    assert (decision.replies, decision.after.tags, decision.kept, decision.code) == (("Gone.",), (), None, "")
    assert decision.forwards == ()
    assert decision.record()["code"] == ""


@pytest.mark.parametrize("rule", ["record: {a: b}", "code: {random: 8, save: c}"])
def test_what_keeps_something_is_no_plain_rule(rule: str) -> None:
    (made,) = book_of(f"when: {{keyword: x}}, reply: Hi., {rule}").rules
    assert made.plain is None
