"""A list of opt-outs is read in whatever writing it comes; what can't be read is named with the reason."""

from datetime import UTC, datetime

import pytest

from bot.operator.opt_out_lists import ListedOptOut, UnreadableList, read_opt_outs

ONE = ListedOptOut(peer="+15555550101", number="", at=None)
A, B, LONG = "+15555550101", "+15555550102", "x\n" * 100_000


@pytest.mark.parametrize(
    "content",
    [
        b"+15555550101\n",
        b"15555550101",
        b"phone\r\n+1 (555) 555-0101\r\n",
        b"\xef\xbb\xbfPhone Number;Name\r\n'+1 555-555-0101;Ann\r\n",
        b"name,mobile\nAnn,0015555550101\n",
        b"Name\tMSISDN\nAnn\t1.555.555.0101\n",
        "﻿Téléphone,x\n+1 555 555 0101,y\n".encode(),
        "phone\n+15555550101\n".encode("utf-16"),
        "Ärger;Handy\nja;+1 555 555 0101\n".encode("cp1252"),
        b'"name","to"\n"Ann, the ""first""","(555) 555-0101"\n',
        b'\n\nphone\n\n="+15555550101"\n\n',
        b"name,number\nAnn,tel:+1-555-555-0101\n",
        b"sep=;\nname;phone\nAnn;+15555550101\n",
        b'phone,note\n+15555550101,"said on the phone:\nno more, please"\n',
        b"phone,opted out\n+15555550101,yes\n",
        b"phone,opted out\n+15555550101,\n",
        b"phone,opted out\n+15555550101,NULL\n",
        b"phone,opted out\n+15555550101,STOP\n",
        b'"phone" ,"name" \n"+15555550101" ,"x" \n',
        b'phone,name\n+15555550101,"John "Johnny" Smith"\n',
        b'phone,address\n+15555550101,"100 Main St\nSpringfield\n90210-1234"\n',
        b'phone,note\n+15555550101,"said:\n+15555550101"\n',
    ],
)  # fmt: skip
def test_any_writing_is_the_same_number(content: bytes) -> None:
    listed = read_opt_outs(content, ["+15555550100"])
    assert (listed.entries, listed.unread, listed.repeated) == ([ONE], [], 0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1.55556E+10", "rounded"),
        ("0612 345 678", "no country"),
        ("nobody", "no phone number"),
        ("12345", "7 to 15 digits"),
        ("+1234567890123456", "7 to 15 digits"),
    ],
)
def test_what_is_no_number_is_named_with_its_line(text: str, reason: str) -> None:
    listed = read_opt_outs(f"phone,name\n+15555550101,Ann\n{text},Bob\n".encode())
    assert listed.entries == [ONE]
    (unread,) = listed.unread
    assert (unread.line, unread.text) == (3, f"{text}, Bob")
    assert reason in unread.reason


def test_a_line_may_say_when_and_of_which_number() -> None:
    content = b"peer,number,at,source\n+15555550101,+15555550100,2026-01-02T03:04:05+00:00,message\n+15555550101,,,\n"
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    listed = read_opt_outs(content)
    assert listed.entries == [ListedOptOut(peer="+15555550101", number="+15555550100", at=at), ONE]
    assert read_opt_outs(b"+15555550101", number="+15555550100").entries[0].number == "+15555550100"


def test_a_number_that_comes_twice_counts_once_with_the_later_time() -> None:
    content = (
        b"phone,opt-out date\n+15555550101,2026-01-02\n1 555 555 0101,2026-01-05 10:00:00\n+15555550101,\n"
    )
    listed = read_opt_outs(content)
    assert listed.repeated == 2
    assert [each.at for each in listed.entries] == [datetime(2026, 1, 5, 10, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (f'{A},"Ann\n{B},Bob\n', 'line 2: a " opens a cell in this row and is never closed.'),
        (f'{A},"Ann\n{B},"Bob"\n', 'line 2: here a " stands inside of a cell; write it twice: "".'),
        (f'{A},"Ann\n{B},Bob"\n{A},C\n', 'line 2: the cell that a " opens before “Ann” goes on over'),
        (f'"{A},Ann\n{B},Bob"\n', f'line 2: the cell that a " opens before “{A},Ann” goes on over'),
        (f'{A},"\n{B},"\n', 'line 2: the cell that a " opens before “” goes on over'),
        (f'{A},"Ann\n{B}"\n', 'line 2: the cell that a " opens before “Ann” goes on over'),
        (f'"Ann,{A}\nx",{B}\n', f'line 2: the cell that a " opens before “Ann,{A}” goes on over'),
        (f'{A},A\n{B},"{LONG}', "line 3: a cell of this row has more than 131,072 characters; perhaps"),
    ],
    ids=[
        "never closed",
        "closed by another",
        "closed two lines later",
        "before a number",
        "closed at the next end",
        "around a line alone",
        "in the line itself",
        "longer than any",
    ],
)
def test_a_quote_that_is_not_closed_takes_nobody_away(rows: str, sentence: str) -> None:
    with pytest.raises(UnreadableList) as refused:
        read_opt_outs(f"phone,name\n{rows}".encode())
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize("time", ["soon", "01/02/2026", "2026-13-01", "1/2/26 3:04 PM", "0001-01-01", "GMT"])
def test_a_time_that_can_not_be_read_is_named_with_its_line(time: str) -> None:
    with pytest.raises(UnreadableList) as refused:
        read_opt_outs(f"phone,opt-out date\n+15555550101,2026-01-02\n+15555550102,{time}\n".encode())
    assert str(refused.value).startswith(
        f"line 3: “{time}” in the column “opt-out date” is no time that can be read. "
    )
    assert str(refused.value).endswith("Or take the column out: then all of them count as opted out now.")


@pytest.mark.parametrize(
    "time",
    ["2026/01/05", "2026-01-05 00:00 GMT", "2026-01-05T00:00:00 Z", "Mon, 05 Jan 2026 01:00:00 +0100"],
)
def test_a_time_as_mail_and_spreadsheets_write_it_is_read(time: str) -> None:
    listed = read_opt_outs(f'phone,opted out\n+15555550101,"{time}"\n'.encode())
    assert [each.at for each in listed.entries] == [datetime(2026, 1, 5, tzinfo=UTC)]


@pytest.mark.parametrize("word", ["no", "false", "0"])
def test_whoever_did_not_opt_out_is_not_on_the_list(word: str) -> None:
    with pytest.raises(UnreadableList, match=r"line 2: .* they did not opt out; take such lines out"):
        read_opt_outs(f"phone,opted out\n+15555550101,{word}\n".encode())
