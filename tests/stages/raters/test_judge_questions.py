"""Which answers a judge sees, beside which, and how often."""

import polars as pl

from rather.stages.raters.judge import Options, questions

MESSAGES = [{"role": "user", "content": "?"}]


def asked(**answers: int) -> pl.DataFrame:
    """Make so many answers to each prompt."""
    rows = [
        {"prompt_id": prompt, "response_id": f"{prompt}{at:02}", "messages": MESSAGES}
        for prompt, number in answers.items()
        for at in range(number)
    ]
    return pl.DataFrame(rows)


def couples(found: pl.DataFrame) -> set[tuple[str, str]]:
    """Give who was shown with whom."""
    return set(found.select("first_id", "second_id").iter_rows())


def test_every_answer_is_judged_alone_once() -> None:
    """Pointwise, each answer is a question."""
    found, num_not_asked = questions(asked(p=2, q=1), Options(), 0)
    assert found["first_id"].to_list() == ["p00", "p01", "q00"]
    assert found["second_id"].null_count() == 3
    assert num_not_asked == 0


def test_couples_of_a_prompt_are_shown_in_both_orders() -> None:
    """No answer meets that of another prompt, and an only one meets nobody."""
    found, _ = questions(asked(p=2, q=1), Options(by="pairwise"), 0)
    assert couples(found) == {("p00", "p01"), ("p01", "p00")}


def test_of_many_couples_some_are_drawn_and_the_rest_counted() -> None:
    """Five answers make ten couples, of which four are shown, each in both orders."""
    options = Options(by="pairwise", max_pairs=4)
    found, num_not_asked = questions(asked(p=5), options, 0)
    shown = couples(found)
    assert len(shown) == 8
    assert shown == {(second, first) for first, second in shown}
    assert num_not_asked == 6
    assert couples(questions(asked(p=5), options, 1)[0]) != shown


def test_votes_are_questions_of_their_own() -> None:
    """Each has its own key, hence its own seed and its own row in the store."""
    found, _ = questions(asked(p=1), Options(votes=3, temperature=1.0), 0)
    assert found["vote"].to_list() == [0, 1, 2]
    assert found["key"].n_unique() == 3
