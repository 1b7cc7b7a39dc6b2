"""What YAML takes without a word and customers would read is found, and what is meant as it stands is not."""

import pytest

from bot.rulebook.lint.check import check_texts
from bot.rulebook.splices import mended

FETCH = 'fetch: {url: "https://shop.example.com/"'
BOOK = """\
values: {shop: Corner Books}
rules:
  - name: a
    when: {keyword: [k]}
    reply: "R"
"""


def silent(text: str) -> list[tuple[str, int, int, str]]:
    """The findings of these codes, each with the line after its mend."""
    return [
        (each.code, each.line, each.column, mended(text, [each.mend]).splitlines()[each.line - 1].strip())
        for each in check_texts({"f.yaml": text}).findings
        if each.code[1:3] == "45"
    ]


@pytest.mark.parametrize(
    ("right", "wrong", "code", "column", "after"),
    [
        ('"R"', "Call us #1 in town", "W450", 20, 'reply: "Call us #1 in town"'),
        ("[k]}", '[k]}\n    help: x #1\n    tag: "a"', None, 0, ""),
        ('"R"', 'Yes, we deliver."', "W451", 28, 'reply: "Yes, we deliver."'),
        ('"R"', "Yes, we deliver.'", "W451", 28, "reply: 'Yes, we deliver.'"),
        ('"R"', 'Say "yes now', "W451", 16, "reply: Say yes now"),
        ("[k]", '"deliver, delivery"', "W452", 21, "when: {keyword: [deliver, delivery]}"),
        ("[k]", '["deliver; delivery", x]', "W452", 22, "when: {keyword: [deliver, delivery, x]}"),
        ("[k]", "[deliver delivery]", "W452", 22, "when: {keyword: [deliver, delivery]}"),
        ('"R"', "Hi from {shop}, welcome", "W453", 20, "reply: Hi from {{ shop }}, welcome"),
        ('"R"', '"Hi from ${shop}"', "W453", 21, 'reply: "Hi from {{ shop }}"'),
        ('"R"', '"Hi from [shop]"', "W453", 21, 'reply: "Hi from {{ shop }}"'),
        ('"R"', '{one_of: ["Hi %shop%"]}', "W453", 26, 'reply: {one_of: ["Hi {{ shop }}"]}'),
        (
            '"R"',
            '"R"\n    later: {after: 1h, reply: "Hi {shop}"}',
            "W453",
            35,
            'later: {after: 1h, reply: "Hi {{ shop }}"}',
        ),
        (
            '"R"',
            f"It is {{order.state}}\n    {FETCH}, save: order, otherwise: x}}",
            "W453",
            18,
            "reply: It is {{ order.state }}",
        ),
        (
            '"R"',
            f"x\n    {FETCH}, otherwise: Write the answer here.}}",
            "E454",
            58,
            f"{FETCH}, otherwise: Write the answer here.}}",
        ),
        ('"R"', '"Hi {name}"', "W453", 16, 'reply: "Hi {name}"'),
        ('"R"', "Write the answer here.", "E454", 12, "reply: Write the answer here."),
        ('"R"', "“We deliver.”", "W455", 12, 'reply: "We deliver."'),
        ('"R"', "! Closed today", "W456", 12, 'reply: "! Closed today"'),
        ('"R"', "&Co says hi", "W456", 12, 'reply: "&Co says hi"'),
    ],
)
def test_it_is_found_with_its_mend(right: str, wrong: str, code: str | None, column: int, after: str) -> None:
    found = silent(BOOK.replace(right, wrong))
    assert [(each[0], each[2], each[3]) for each in found] == ([(code, column, after)] if code else [])


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"R"', "We deliver.  # what the flyer says"),
        ('"R"', 'Our 12" records are in'),
        ('"R"', "The dogs' hotel"),
        ('"R"', 'They say "yes" and mean it'),
        ('"R"', '"[not a name] and {% if shop %}x{% endif %}"'),
        ('"R"', "They say “yes”, and mean it"),
        ("[k]", "[opening hours, 24/7]"),
        ("[k]", "[thank you]"),
        ('"R"', '"R"\n    fetch: {url: "https://x.example.com/", json: {reply: "{shop}"}, otherwise: x}'),
        ('"R"', '"R"\n    record: {a: "{shop}"}'),
        ('"R"', '"R"\ntests:\n  - {hear: k, fetched: {reply: "{shop}"}}'),
        ('"R"', '&hi "Hi"\n    help: *hi'),
    ],
)
def test_what_is_meant_as_it_stands_is_left_alone(right: str, wrong: str) -> None:
    assert silent(BOOK.replace(right, wrong)) == []


def test_the_hours_of_a_night_that_may_be_a_day_have_a_mend() -> None:
    text = BOOK.replace("    reply", '    only: {hours: "Mon-Fri 9-5"}\n    reply')
    found = next(each for each in check_texts({"f.yaml": text}).findings if each.code == "W421")
    assert "Mon-Fri 9-17" in mended(text, [found.mend])
    assert not found.mend.is_safe


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("New York", "America/New_York"),
        ("Pariss", "Europe/Paris"),
        ("london", "Europe/London"),
        ("Pacific Time", "America/Los_Angeles"),
    ],
)
def test_a_time_zone_is_known_by_its_city(given: str, meant: str) -> None:
    text = f"timezone: {given}\n{BOOK}"
    found = next(each for each in check_texts({"f.yaml": text}).findings if each.code == "E307")
    assert mended(text, [found.mend]).startswith(f"timezone: {meant}\n")


@pytest.mark.parametrize("end", ["\x85", "\u2028", "\u2029"])
def test_what_yaml_alone_takes_for_the_end_of_a_line_shifts_no_finding_below_it(end: str) -> None:
    text = f"""rules:
  - name: a
    when: {{keyword: aa}}
    reply: "Hello{end}World"
  - name: b
    when: {{keyword: bb}}
    reply: Yes {{{{ nobody }}}}, we deliver."
"""
    found = {(each.code, each.line, each.column) for each in check_texts({"f.yaml": text}).findings}
    assert found >= {("E306", 7, 19)}
    text = text.replace(" {{ nobody }}", "")
    found = {(each.code, each.line, each.column) for each in check_texts({"f.yaml": text}).findings}
    assert found >= {("W451", 7, 28)}
