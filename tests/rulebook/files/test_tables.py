"""CSV files are read however a spreadsheet wrote them, and every mistake in one has its place."""

# ruff: noqa: E501, Q003 - a table of mistakes reads best with one in a line

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rulebook.files.csv_text import sniff
from bot.rulebook.files.loader import load_folder, load_texts, read_files
from bot.rulebook.lint.check import check_texts
from tests.support.books import book_from, hear
from tests.support.properties import examples

BOOK = 'tables: {t: t.csv}\nrules:\n  - {name: a, when: {table: t}, reply: "{{ row.b }}"}\n'


def findings_of(table: str, text: str = BOOK) -> list[str]:
    return [str(each) for each in load_texts({"f.yaml": text, "t.csv": table}).findings]


@pytest.mark.parametrize(
    ("table", "finding"),
    [
        ("a,b\n1,2\n 1 ,3\n", 't.csv:3:2: error E322 The key "1" stands in line 2 already, so no message finds this row.'),
        ("a,b\nHours,2\nhours?,3\n", 't.csv:3:1: error E322 The key "hours?" stands in line 2 already'),
        ("a,b\nc++,2\nC++,3\n", 't.csv:3:1: error E322 The key "C++" stands in line 2 already'),
        ('a,b\n"x\ny",1\n"x y",2\n', 't.csv:4:1: error E322 The key "x y" stands in line 2 already'),
        ("a,b\n,2\n", "t.csv:2:1: error E323 The key is empty, so no message finds this row."),
        ("a,b\n???,2\n", 't.csv:2:1: error E308 "???" has no word in it'),
        ("a,b\n" + "w " * 21 + ",2\n", "t.csv:2:1: error E205 This key has 21 words, and a key has at most 20."),
        ("a,b\n1\n", "t.csv:2:1: error E324 This row has one cell, and the first row names 2 columns; give each a cell."),
        ("a,b\n1,x,y\n", "t.csv:2:5: error E324 This row has 3 cells, and the first row names 2 columns; put quotes around a text with a comma in it."),
        ("a;b\n1;x;y\n", "t.csv:2:5: error E324 This row has 3 cells, and the first row names 2 columns; put quotes around a text with a semicolon in it."),
        ('a,b\n"1\n2",x,y\n', "t.csv:3:6: error E324 This row has 3 cells"),
        ('a,b\n1,2\n3,"4\n5,6\n', 't.csv:3:1: error E325 From here on it is no CSV: a " opens a cell in this row and is never closed.'),
        ('a,b\n1,"say "yes" please"\n', 't.csv:2:1: error E325 From here on it is no CSV: here a " stands inside of a cell; write it twice: "".'),
        ("", "t.csv:1:1: error E321 t.csv is empty; its first row names the columns."),
        ("\n\n", "t.csv:1:1: error E321 t.csv is empty"),
        ("a,b\n", "t.csv:1:1: warning W434 t.csv has no row below the names of its columns."),
        ("a,b,,c\n1,2,3,4\n", "t.csv:1:5: warning W434 Column 3 has no name, so no rule can use it."),
        ("a,b,B\n1,2,3\n", 't.csv:1:5: error E321 The column "B" is there already, as "b"; name them apart.'),
        ("a,b,next bus,Next_Bus\n1,2,3,4\n", 't.csv:1:14: error E321 The column "Next_Bus" is there already, as "next bus"'),
        ("a,b\n1," + "x" * 1_001 + "\n", "t.csv:2:3: warning W433 This cell has 1,001 characters; what follows the first 1,000 is cut."),
        ("a,b\n1,\0\n", "t.csv:1:1: error E101 t.csv is no plain text; save it as CSV (UTF-8)."),
        ("a,b\n1,\ud800\n", "t.csv:1:1: error E101 t.csv is no plain text"),
        ("a,c\n1,2\n", 'f.yaml:3:44: error E326 t.csv has no column "b". It has a and c.'),
    ],
)  # fmt: skip
def test_mistake_in_a_table_is_found_where_it_stands(table: str, finding: str) -> None:
    [first, *_] = findings_of(table)
    assert first.startswith(finding)


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("tables: {t: stop.csv}", "f.yaml:1:13: error E320 There is no file stop.csv in the folder of rules. Did you mean \"t.csv\"?"),
        ("tables: {t: T.csv}", 'f.yaml:1:13: error E320 There is no file T.csv in the folder of rules. Did you mean "t.csv"?'),
        ("tables: {t: more/t.csv}", 'f.yaml:1:13: error E320 "more/t.csv" is a path; put the file into the folder of rules'),
        ("tables: {t: t.xlsx}", 'f.yaml:1:13: error E320 "t.xlsx" is no CSV file; save the table as CSV (UTF-8)'),
        ("tables: {t: f.yaml}", 'f.yaml:1:13: error E320 "f.yaml" is no CSV file'),
        ("tables: [t.csv]", "f.yaml:1:9: error E201 Tables must be a mapping, not a list."),
        ("tables: {t: [t.csv]}", "f.yaml:1:13: error E201 The table t must be a text, not a list."),
        ("tables: {t: {key: a}}", 'f.yaml:1:13: error E204 The table t needs the key "file".'),
        ("tables: {t: {file: t.csv, kee: a}}", 'f.yaml:1:27: error E202 The table t has no key "kee". Did you mean "key"?'),
        ("tables: {t: {file: t.csv, key: nam}}", 'f.yaml:1:32: error E321 t.csv has no column "nam". Did you mean "name"?'),
        ("rules:\n  - {name: a, when: {table: t}}", 'f.yaml:2:29: error E327 The file has no table "t". Name its CSV file under tables.'),
        ("tables: {stops: t.csv}\nrules:\n  - {name: a, when: {exact_table: stop}}", 'f.yaml:3:35: error E327 The file has no table "stop". Did you mean "stops"?'),
        ("tables: {t: t.csv}\nrules:\n  - {name: a, when: {keyword: x}, lookup: {table: u, key: x, save: f}}", 'f.yaml:3:51: error E327 The file has no table "u". The file has t.'),
        ("tables: {t: t.csv}\nrules:\n  - {name: a, when: {keyword: x}, lookup: {table: t, key: x}}", 'f.yaml:3:43: error E204 Lookup needs the key "save".'),
        ("tables: {t: t.csv}\nrules:\n  - {name: a, when: {keyword: x}, lookup: {table: t, key: x, save: from}}", 'f.yaml:3:68: error E311 "from" has a meaning of its own'),
        ("tables: {t: t.csv}\nrules:\n  - {name: a, when: {keyword: x}, lookup: {table: t, key: x, save: f}, reply: '{{ f.nam }}'}", 'f.yaml:3:83: error E326 t.csv has no column "nam". Did you mean "name"?'),
        ("tables: {t: t.csv}\nrules:\n  - {name: a, when: {table: t}, reply: '{% if row.nme == \"x\" %}y{% endif %}'}", 'f.yaml:3:47: error E326 t.csv has no column "nme". Did you mean "name"?'),
        ("rules:\n  - {name: a, when: {keyword: x}, reply: '{{ row.name }}'}", 'f.yaml:2:46: error E306 Nothing defines the name "row". Only a rule with when: {table: ...} has the row that was matched.'),
        ("rules:\n  - {name: a, when: anything, again: 1h, reply: x}", "f.yaml:2:38: warning W432 No text can follow the words of this rule"),
        ("rules:\n  - {name: a, when: {keyword: x}, again: soon, reply: x}", "f.yaml:2:42: error E205 again: 'soon' is not a duration"),
        ("rules:\n  - {name: a, when: {keyword: x}, enabled: maybe}", "f.yaml:2:44: error E201 enabled must be true or false"),
    ],
)  # fmt: skip
def test_mistake_about_a_table_is_found_where_it_stands(text: str, finding: str) -> None:
    found = findings_of("name,b\nx,1\n", text)
    assert any(each.startswith(finding) for each in found), found


def test_of_many_mistakes_the_first_are_told_and_the_others_counted() -> None:
    found = findings_of("a,b\n" + "1,2\n" * 100)
    assert len(found) == 21
    assert found[-1] == "t.csv:23:1: error E322 So it is in 79 more rows from here on."


def test_csv_file_that_nobody_names_is_only_noted() -> None:
    loaded = load_texts({"f.yaml": "rules:\n  - {name: a, when: {keyword: x}}", "t.csv": '"never closed'})
    assert loaded.book is not None
    assert [str(each) for each in loaded.findings] == [
        "t.csv:1:1: info I417 No rule file names t.csv under tables, so it says nothing."
    ]


def test_unreadable_csv_file_matters_only_where_it_is_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "t.csv").write_bytes("a,b\nGrüße,x\n".encode("cp1252"))
    (folder / "f.yaml").write_text("rules:\n  - {name: a, when: {keyword: x}}\n")
    assert load_folder(folder).book is not None
    (folder / "f.yaml").write_text(BOOK)
    [finding] = load_folder(folder).findings
    assert str(finding) == (
        "t.csv:2:3: error E101 t.csv is not UTF-8: here stands the byte 0xFC. Save it as CSV UTF-8 in your spreadsheet."
    )


def test_single_rule_file_finds_the_tables_beside_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "f.yaml").write_text(BOOK)
    (folder / "t.csv").write_text("a,b\n1,2\n")
    (folder / "other.csv").write_text("a,b\n1,2\n")
    assert sorted(read_files(folder / "f.yaml").texts) == ["f.yaml", "t.csv"]
    assert load_folder(folder / "f.yaml").book is not None


@pytest.mark.parametrize(
    "table",
    [
        "a,b\n4711,\"10:05, 10:20\"\n",
        "a;b\n4711;10:05, 10:20\n",
        "a\tb\n4711\t10:05, 10:20\n",
        "\ufeffa;b\r\n4711;10:05, 10:20\r\n",
        "a;b\r4711;10:05, 10:20\r",
        'sep=;\r\na;b\r\n4711;"10:05, 10:20"\r\n',
        "'a','b'\n'4711','10:05, 10:20'\n",
        'a, b\n4711, "10:05, 10:20"\n',
        '"a","b"\n"4711","10:05, 10:20"\n\n,\n',
        "a,b,,\n4711,\"10:05, 10:20\",,\n",
        "a;b\n4711;10:05, 10:20\n12;one, two, three\n13;four\n",
    ],
)  # fmt: skip
def test_every_dialect_of_a_spreadsheet_is_read(table: str) -> None:
    book = book_from(BOOK, {"t.csv": table})
    assert hear(book, "4711").replies == ("10:05, 10:20",)


#: Python's writer puts quotes around an end of a line only where it is the file's own, a spreadsheet around each.
_cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12).map(
    lambda text: text.strip().replace("\r", "\r\n")
)


@settings(max_examples=examples(60))
@given(st.data(), st.sampled_from([",", ";", "\t"]), st.sampled_from(["\n", "\r\n"]))
def test_what_a_spreadsheet_writes_is_read_as_it_was(data: st.DataObject, delimiter: str, end: str) -> None:
    """Two columns and keys of numbers, with any text in the other column."""
    values = data.draw(st.lists(_cells, min_size=1, max_size=6))
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=delimiter, lineterminator=end)
    writer.writerows([["key", "b"], *([str(at), value] for at, value in enumerate(values))])
    loaded = load_texts({"f.yaml": BOOK, "t.csv": written.getvalue()})
    assert loaded.book is not None, loaded.findings
    [table] = loaded.book.tables
    said = [table.rows[table.by_words[str(at),]][1] for at in range(len(values))]
    assert said == [value.replace("\r\n", "\n").replace("\r", "\n") for value in values]


def test_commas_in_the_texts_do_not_make_the_delimiter() -> None:
    assert sniff("word;answer\nhours;Mon, Tue, Wed\nwhere;Here, there\n").delimiter == ";"
    assert sniff("word\nhours\nwhere\n").delimiter == ","


def test_key_that_an_earlier_rule_takes_is_found_in_its_row() -> None:
    book = (
        "tables: {t: t.csv}\nrules:\n  - {name: first, when: {keyword: [hours, c++]}, reply: x}\n"
        + BOOK[BOOK.index("  - ") :]
    )
    found = [
        str(each)
        for each in check_texts(
            {"f.yaml": book, "t.csv": "a,b\nhours,1\nmore hours,2\nc,3\nc++,4\n"}
        ).findings
    ]
    assert [each for each in found if each.startswith("t.csv")] == [
        't.csv:2:1: warning W403 The key "hours" does nothing for rule "a": rule "first" (f.yaml, line 3) takes keyword "hours" first.',
        't.csv:5:1: warning W403 The key "c++" does nothing for rule "a": rule "first" (f.yaml, line 3) takes keyword "c++" first.',
    ]


def test_rule_behind_a_table_that_takes_its_words_is_found() -> None:
    book = (
        BOOK
        + "  - {name: late, when: {keyword: [4711 now, 4712]}, reply: x}\n  - {name: never, when: {table: t}, reply: y}\n"
    )
    found = [str(each) for each in check_texts({"f.yaml": book, "t.csv": "a,b\n4711,1\n"}).findings]
    assert (
        'f.yaml:4:35: warning W403 The keyword "4711 now" does nothing here: rule "a" (line 3) takes table "t" first.'
        in found
    )
    assert (
        'f.yaml:5:33: error E402 This rule can never answer: rule "a" (line 3) takes table "t" first.'
        in found
    )
    assert not any('"4712"' in each for each in found)


def test_longest_row_counts_for_the_cost_of_a_reply() -> None:
    book = BOOK.replace("reply:", "max_segments: 1, reply:")
    found = check_texts({"f.yaml": book, "t.csv": f"a,b\n1,short\n2,{'long ' * 40}\n3,x\n"}).findings
    assert [each.message for each in found if each.code == "W410"] == [
        "This costs up to 2 segments (GSM-7, 199 characters), and max_segments is 1."
    ]


def test_opt_out_words_and_help_may_stand_in_a_table() -> None:
    book = "tables: {out: out.csv, faq: faq.csv}\nrules:\n"
    book += "  - {name: stop, when: {exact_table: out}, opt_out: true, reply: Bye.}\n"
    book += "  - {name: start, when: {exact: start}, opt_in: true, reply: Hi.}\n"
    book += "  - {name: faq, when: {exact_table: faq}, reply: '{{ row.answer }}'}\n"
    words = "word\nstop\nstopall\nunsubscribe\ncancel\nend\nquit\nrevoke\nopt out\n"
    tables = {"out.csv": words, "faq.csv": "word,answer\nhelp,Text STOP to end.\nstop,never said\n"}
    found = [str(each) for each in check_texts({"f.yaml": book, **tables}).findings if each.level != "info"]
    assert found == [
        'faq.csv:3:1: warning W403 The key "stop" does nothing for rule "faq": rule "stop" (f.yaml, line 3) takes exact_table "out" first.'
    ]
    decided = hear(book_from(book, tables), "S.T.O.P!!")
    assert decided.rule == "stop"
    assert decided.after.opted_out


def test_table_that_opts_out_by_beginnings_is_warned_of() -> None:
    book = (
        "tables: {out: out.csv}\nrules:\n  - {name: stop, when: {table: out}, opt_out: true, reply: Bye.}\n"
    )
    found = check_texts({"f.yaml": book, "out.csv": "word\nstop\n"}).findings
    assert any(each.code == "W409" and "under exact_table" in each.message for each in found)
