"""Conversations cut into prompt and answer."""

from typing import Any

import pytest

from rather.stages.sources.row_batches import UnreadableError
from rather.stages.sources.transcripts import (
    alpaca,
    arena,
    cut,
    dices,
    helpsteer2,
    labelled,
    pair,
    pair_of_transcripts,
    read_transcript,
)


def user(text: object) -> dict[str, Any]:
    """Make a user's turn."""
    return {"role": "user", "content": text}


def assistant(text: object) -> dict[str, Any]:
    """Make an assistant's turn."""
    return {"role": "assistant", "content": text}


def human(*turns: str) -> str:
    """Write turns as HH-RLHF does, the human first."""
    speakers = ("Human", "Assistant")
    return "".join(f"\n\n{speakers[n % 2]}: {turn}" for n, turn in enumerate(turns))


def chosen_and_rejected(row: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Give what a pair was cut into."""
    return row["prompt"], row["chosen"], row["rejected"]


def test_a_transcript_is_cut_at_its_marks() -> None:
    """One space after a mark is the mark's; paragraphs within a turn stay."""
    turns = read_transcript("\n\nHuman: Why?\n\nBecause?\n\nAssistant:  So. ")
    assert turns == [user("Why?\n\nBecause?"), assistant(" So. ")]


@pytest.mark.parametrize("text", ["", "Why?", "Well.\n\nHuman: Why?\n\nAssistant: So."])
def test_text_without_marks_is_no_transcript(text: str) -> None:
    """Nor is text that nobody is named to say."""
    with pytest.raises(UnreadableError, match="no_transcript"):
        read_transcript(text)


def test_a_pair_is_cut_at_the_last_answer() -> None:
    """Earlier turns are the prompt that both answers share."""
    row = {"chosen": human("a", "b", "c", "good"), "rejected": human("a", "b", "c", "bad")}
    asked = [user("a"), assistant("b"), user("c")]
    assert chosen_and_rejected(pair_of_transcripts(row)) == (asked, "good", "bad")


def test_answers_may_begin_alike() -> None:
    """One answer is the beginning of the other: both are whole, and the prompt ends before them."""
    row = {"chosen": human("a", "Yes. Of course."), "rejected": human("a", "Yes.")}
    cut_up = chosen_and_rejected(pair_of_transcripts(row))
    assert cut_up == ([user("a")], "Yes. Of course.", "Yes.")


def test_an_empty_reply_is_an_answer() -> None:
    """It is read, and left to the rules to drop."""
    row = {"chosen": human("a", ""), "rejected": human("a", "b")}
    assert chosen_and_rejected(pair_of_transcripts(row)) == ([user("a")], "", "b")


def test_different_prompts_make_no_pair() -> None:
    """The row is set aside: its two answers were given to different prompts."""
    row = {"chosen": human("a", "b", "c", "good"), "rejected": human("a", "x", "c", "bad")}
    with pytest.raises(UnreadableError, match="prefixes_differ"):
        pair_of_transcripts(row)


def test_a_transcript_ends_with_an_answer() -> None:
    """One that ends with a question has none."""
    with pytest.raises(UnreadableError, match="last_turn_not_assistant"):
        pair_of_transcripts({"chosen": human("a", "b", "c"), "rejected": human("a", "b", "c")})


@pytest.mark.parametrize("value", [None, True, 3, [], ["text"], [3]])
def test_what_is_no_conversation_is_unreadable(value: object) -> None:
    """Anything but a text or a list of turns costs its own row alone."""
    with pytest.raises(UnreadableError, match="no_conversation"):
        pair_of_transcripts({"chosen": value, "rejected": value})


def test_plain_texts_are_cut_before_the_word_that_differs() -> None:
    """TRL's standard format with an implicit prompt (its documentation's example)."""
    row = {"chosen": "The sky is blue.", "rejected": "The sky is green."}
    assert chosen_and_rejected(pair_of_transcripts(row)) == ("The sky is", " blue.", " green.")


@pytest.mark.parametrize(
    ("chosen", "rejected"),
    [
        ("The sky is blue. Deep blue.", "The sky is blue."),
        ("Blue.", "Green."),
        ("The same text.", "The same text."),
    ],
)
def test_plain_texts_that_hide_their_prompt_are_unreadable(chosen: str, rejected: str) -> None:
    """One begins the other, or they share no word: nobody can tell where a prompt ends."""
    with pytest.raises(UnreadableError, match="no_prompt"):
        pair_of_transcripts({"chosen": chosen, "rejected": rejected})


def test_conversations_may_repeat_the_prompt() -> None:
    """TRL's conversational format with an implicit prompt."""
    row = {
        "chosen": [user("What color is the sky?"), assistant("It is blue.")],
        "rejected": [user("What color is the sky?"), assistant("It is green.")],
    }
    asked = [user("What color is the sky?")]
    found = chosen_and_rejected(pair_of_transcripts(row))
    assert found == (asked, "It is blue.", "It is green.")


@pytest.mark.parametrize(
    "answer",
    [
        "b",
        assistant("b"),
        {"from": "gpt", "value": "b"},
        [assistant("b")],
        [user("a"), assistant("b")],
    ],
)
def test_an_answer_is_text_a_turn_or_a_conversation(answer: object) -> None:
    """However it is written, after a prompt in a column of its own."""
    found = pair({"prompt": "a", "chosen": answer, "rejected": answer})
    assert found["prompt"] in ("a", [user("a")])
    assert (found["chosen"], found["rejected"]) == ("b", "b")


def test_turns_before_both_answers_follow_the_prompt() -> None:
    """Where the answers begin with a shared answer and question, those are asked too."""
    later = [assistant("b"), user("c")]
    row = {
        "prompt": [user("a")],
        "chosen": [*later, assistant("good")],
        "rejected": [*later, assistant("bad")],
    }
    assert chosen_and_rejected(pair(row)) == ([user("a"), *later], "good", "bad")


def test_a_conversation_goes_over_its_first_question() -> None:
    """UltraFeedback's prompt column is the conversation's own first turn."""
    whole = [{"role": "system", "content": "s"}, user("a")]
    row = {
        "prompt": "a",
        "chosen": [*whole, assistant("good")],
        "rejected": [*whole, assistant("bad")],
    }
    assert chosen_and_rejected(pair(row)) == (whole, "good", "bad")


def test_conversations_with_different_prompts_make_no_pair() -> None:
    """Whatever the prompt's own column says."""
    row = {
        "prompt": "a",
        "chosen": [user("a"), assistant("good")],
        "rejected": [user("b"), assistant("bad")],
    }
    with pytest.raises(UnreadableError, match="prefixes_differ"):
        pair(row)


def test_the_prompt_may_have_another_name() -> None:
    """axolotl and LLaMA-Factory name the column of earlier turns themselves."""
    row = {"messages": [user("a")], "chosen": assistant("b"), "rejected": assistant("c")}
    found = pair(row, prompt="messages")
    assert (found["messages"], found["chosen"], found["rejected"]) == ([user("a")], "b", "c")


def test_a_label_is_the_last_answers() -> None:
    """A judged conversation of any length (LLaMA-Factory's KTO)."""
    turns = [user("a"), assistant("b"), user("c"), assistant("d")]
    found = labelled({"messages": turns, "label": True}, column="messages")
    assert (found["prompt"], found["response"], found["label"]) == (turns[:3], "d", True)


def arena_row(*sides: list[dict[str, Any]], turn: object = 1) -> dict[str, Any]:
    """Make a vote on two conversations."""
    return {"conversation_a": sides[0], "conversation_b": sides[1], "turn": turn}


def test_a_vote_is_on_the_turn_that_was_judged() -> None:
    """MT-bench keeps both turns and says which one the judge saw."""
    one = [user("a"), assistant("b"), user("c"), assistant("d")]
    two = [user("a"), assistant("x"), user("c"), assistant("y")]
    found = arena(arena_row(one, two, turn=1))
    assert (found["prompt"], found["response_a"], found["response_b"]) == ([user("a")], "b", "x")


@pytest.mark.parametrize("turn", [2, None, "2"])
def test_later_votes_compare_no_two_answers_to_one_prompt(turn: object) -> None:
    """The models answered differently before: the row is set aside."""
    one = [user("a"), assistant("b"), user("c"), assistant("d")]
    two = [user("a"), assistant("x"), user("c"), assistant("y")]
    with pytest.raises(UnreadableError, match="prefixes_differ"):
        arena(arena_row(one, two, turn=turn))


def test_conversations_of_different_length_make_no_pair() -> None:
    """One model was asked more than the other."""
    one = [user("a"), assistant("b")]
    with pytest.raises(UnreadableError, match="prefixes_differ"):
        arena(arena_row(one, [*one, user("c"), assistant("d")], turn=None))


def test_a_dialogue_of_dices_is_read_as_turns() -> None:
    """The labels are a list, one per rater."""
    row = {
        "instance": {"user_prompt": "USER: a\nb\nLAMDA: c\nUSER: d", "response": "e"},
        "annotations": {"safety": {"individual_human_scores": ["No", "Yes", "Unsure"]}},
    }
    assert dices(row) == {
        "prompt": [user("a\nb"), assistant("c"), user("d")],
        "response": "e",
        "rater": ["No", "Yes", "Unsure"],
    }


@pytest.mark.parametrize("row", [{}, {"instance": 1}, {"instance": {}, "annotations": {"x": 1}}])
def test_another_task_of_judge_bench_is_unreadable(row: dict[str, Any]) -> None:
    """Without safety labels the row is set aside."""
    with pytest.raises(UnreadableError, match="no_safety_labels"):
        dices(row)


def test_helpsteer2_prompts_may_hold_turns() -> None:
    """The first turn is the user's and has no tag."""
    prompt = "a\n<extra_id_1>Assistant\nb\n<extra_id_1>User\nc"
    assert helpsteer2({"prompt": prompt})["prompt"] == [user("a"), assistant("b"), user("c")]


@pytest.mark.parametrize("prompt", ["a", None, 3])
def test_other_helpsteer2_prompts_stay_as_they_are(prompt: object) -> None:
    """Most are one question."""
    assert helpsteer2({"prompt": prompt})["prompt"] is prompt


@pytest.mark.parametrize(
    ("row", "prompt"),
    [
        ({"instruction": "a", "input": "b"}, [user("a\nb")]),
        ({"instruction": "a", "input": ""}, [user("a")]),
        ({"instruction": "a"}, [user("a")]),
        ({"instruction": True}, [user(True)]),
        ({}, [user(None)]),
        (
            {"instruction": "a", "history": [["x", "y"]], "system": "s"},
            [{"role": "system", "content": "s"}, user("x"), assistant("y"), user("a")],
        ),
    ],
)
def test_alpaca_rows_become_conversations(row: dict[str, Any], prompt: object) -> None:
    """System and history, where they are, come before the instruction and its input."""
    assert alpaca(row)["prompt"] == prompt


@pytest.mark.parametrize("history", ["text", ["text"], [["alone"]]])
def test_another_history_is_unreadable(history: object) -> None:
    """A malformed row is set aside, not read without its history."""
    with pytest.raises(UnreadableError, match="no_history"):
        alpaca({"instruction": "a", "history": history})


def test_a_turn_of_nobody_is_no_answer() -> None:
    """A turn must say that it is an answer."""
    with pytest.raises(UnreadableError, match="last_turn_not_assistant"):
        cut([user("a"), {"content": "b"}])
