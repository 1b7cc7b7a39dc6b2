"""What spreadsheets are given of answers."""

from bot.queries.answer_sheets import HEAD, columns_of


def test_no_two_columns_have_one_name() -> None:
    assert columns_of(["option", "status", "id"]) == [*HEAD, "option", "status_answer", "id_answer"]
    fields = ["status", "status_answer", "id_answer", "id"]
    assert columns_of(fields)[len(HEAD) :] == [
        "status_answer_answer", "status_answer", "id_answer", "id_answer_answer",
    ]  # fmt: skip
