"""What a form says that a reply costs."""

import pytest

from bot.rulebook.cards.parts import cost_of

X, Y, SNOW = "x" * 100, "y" * 90, "☃" * 40


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Open 9-18.", "10 of 160 · 1 SMS"),
        ("{{ shop }} ok", "at least 17 of 160 · 1 SMS"),
        (f"{{% if last_order %}}{X}{{% else %}}{Y}{{% endif %}}", "up to 100 of 160 · 1 SMS"),
        (f"Hi. {{%- if a -%}} {Y} {{%- elsif b -%}} {X} {{%- endif -%}} Bye.", "up to 107 of 160 · 1 SMS"),
        (
            f"{{% if a %}}{{% if b %}}{X}{{% else %}}{Y}{{% endif %}}z{{% endif %}}!",
            "up to 102 of 160 · 1 SMS",
        ),
        (f"{{% unless a %}}{X}{{% endunless %}}{{{{ b }}}}", "at least 111 of 160 · 1 SMS"),
        (f"{{% case a %}} {{% when 1 %}}{X}{{% when 2 %}}{Y}{{% endcase %}}", "up to 100 of 160 · 1 SMS"),
        ("{% for each in words %}{{ each }}, {% else %}None.{% endfor %}", "at least 16 of 160 · 1 SMS"),
        (f"{{% comment %}}{X}{{% endcomment %}}a", "up to 1 of 160 · 1 SMS"),
        (f"{{% assign a = 1 %}}{X}", "up to 100 of 160 · 1 SMS"),
        # What cannot be read counts as it stands.
        ("{% if a %}b", "up to 13 of 160 · 1 SMS"),
        ("{% else %}b", "up to 13 of 160 · 1 SMS"),
        ("b{% endif %}", "up to 14 of 160 · 1 SMS"),
    ],
)
def test_of_branches_the_longest_counts(text: str, told: str) -> None:
    assert cost_of(text) == (told, False)


def test_a_branch_with_a_costly_character_counts_where_it_makes_the_whole_cost_more() -> None:
    text = f"{X}{{% if a %}}{'y' * 50}{{% else %}}{SNOW}{{% endif %}}"
    told = "up to 140 of 201 · 3 SMS · ☃ makes it an SMS of 70 instead of 160"
    assert cost_of(text) == (told, True)
