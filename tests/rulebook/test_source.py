"""Where a part of a text stands in its file, however the text is written."""

import pytest

from bot.rulebook.lint.check import check_texts

RULE = "rules:\n  - name: a\n    when: {keyword: hi}\n"
INNER = "\n      "


@pytest.mark.parametrize(
    "text",
    [
        f"reply: |{INNER}one{INNER}{{{{ nope }}}} two {{{{ nix }}}}",
        f"reply: |2-{INNER}  one{INNER}two {{{{ nope }}}}",
        f"reply: |+  # a text{INNER}é 😀 {{{{ nope }}}}\n\n",
        f"reply: |\n\n{INNER}one\n   {INNER}  {{{{ nope }}}}{INNER}two {{{{ nix }}}}",
        f"reply: &x |{INNER}one {{{{ nope }}}}",
        f"reply: >{INNER}one{INNER}two {{{{ nope }}}}\n{INNER}  three{INNER}  {{{{ nix }}}}",
        f"reply: one{INNER}two {{{{ nope }}}}",
        f'reply: "one {INNER}two {{{{ nope }}}} \\{INNER}three \\t {{{{ nix }}}}"',
        f"reply: 'it''s{INNER}two {{{{ nope }}}} it''s {{{{ nix }}}}'",
        'reply: "\\u00e9 \\x41 \\"one\\" {{ nope }}"',
        "reply: '  it''s {{ nope }}'",
        'reply: &x "one {{ nope }}"',
        'reply: {one_of: [x, "one {{ nope }}"]}',
        "reply: one {{ nope }}",
        f"reply: |{INNER}one{INNER}two {{{{ message | nope }}}}",
        'fetch: {url: "https://a.example/é?q={{ nope }}&r={{ nix }}", save: z}',
        'fetch: {url: "https://a.example/", save: z, headers: {A: "b {{ nope }}"}}',
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_finding_in_a_template_stands_where_the_mistake_is(text: str, end: str) -> None:
    whole = f"{RULE}    {text}\n    tag: [b]\n".replace("\n", end)
    lines = whole.split(end)
    found = [each for each in check_texts({"f.yaml": whole}).findings if each.code in {"E304", "E306"}]
    assert found
    for each in found:
        name = "nope" if "nope" in each.message else "nix"
        assert lines[each.line - 1][each.column - 1 :].startswith(name)


def test_a_brace_in_a_block_of_text_can_be_mended_in_its_line() -> None:
    text = f"{RULE}    reply: |\n      one\n      you said {{message}}\n"
    (found,) = (each for each in check_texts({"f.yaml": text}).findings if each.code == "W453")
    assert (found.line, found.column) == (6, 16)
    assert [(each.line, each.column, each.text) for each in found.mend.edits] == [(6, 16, "{{ message }}")]


def test_a_costly_character_in_a_block_of_text_is_shown_in_its_line() -> None:
    text = f"{RULE}    reply: |\n      one\n      two … three\n"
    (found,) = (each for each in check_texts({"f.yaml": text}).findings if each.code == "W412")
    assert (found.line, found.column) == (6, 11)
