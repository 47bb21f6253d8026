"""Known formats: each a preset of the table reader, recognised by its columns.

The first whose columns are all there is taken, so the more particular stand first.
"""

from functools import partial

from rather.stages.sources.exports import argilla, label_studio
from rather.stages.sources.mapping import Mapping, Preset
from rather.stages.sources.published import PUBLISHED
from rather.stages.sources.transcripts import alpaca, labelled, pair, pair_of_transcripts

# What annotation tools export.
TOOLS = {
    "argilla_pairs": Preset(
        "Argilla 2 records: annotators' choice of response1 and response2",
        frozenset({"fields.response1", "fields.response2", "responses.preference"}),
        Mapping(
            shape="comparisons",
            responses=("response1", "response2"),
            preference=("preference",),
            values={
                **dict.fromkeys(("response1", "response-1", "response 1"), 1),
                **dict.fromkeys(("response2", "response-2", "response 2"), -1),
                "tie": 0,
            },
            rater="rater",
        ),
        unwrap=argilla,
    ),
    "argilla": Preset(
        "Argilla 2 records: annotators' ratings of a response",
        frozenset({"fields", "responses", "suggestions"}),
        Mapping(response="response", scores=("rating",), rater="rater"),
        unwrap=argilla,
    ),
    "label_studio_pairs": Preset(
        "Label Studio tasks: annotators' choice of answer1 (left) and answer2 (right)",
        frozenset({"data.answer1", "data.answer2", "annotations"}),
        Mapping(
            shape="comparisons",
            responses=("answer1", "answer2"),
            preference=("pairwise",),
            values={"left": 1, "right": -1},
            rater="rater",
        ),
        unwrap=label_studio,
    ),
    "label_studio": Preset(
        "Label Studio tasks: annotators' ratings of a response",
        frozenset({"data", "annotations"}),
        Mapping(response="response", scores=("rating",), rater="rater"),
        unwrap=label_studio,
    ),
}

# What trainers read.
TRAINERS = {
    "axolotl": Preset(
        "axolotl's chat_template.default: messages, chosen and rejected turns",
        frozenset({"messages", "chosen", "rejected"}),
        Mapping(shape="pairs", prompt=("messages",), chosen="chosen", rejected="rejected"),
        unwrap=partial(pair, prompt="messages"),
    ),
    "llamafactory": Preset(
        "LLaMA-Factory's ShareGPT ranking: conversations, chosen and rejected turns",
        frozenset({"conversations", "chosen", "rejected"}),
        Mapping(shape="pairs", prompt=("conversations",), chosen="chosen", rejected="rejected"),
        unwrap=partial(pair, prompt="conversations"),
    ),
    "llamafactory_alpaca": Preset(
        "LLaMA-Factory's Alpaca ranking: instruction, input, chosen, rejected",
        frozenset({"instruction", "chosen", "rejected"}),
        Mapping(shape="pairs", chosen="chosen", rejected="rejected"),
        unwrap=alpaca,
    ),
    "llamafactory_alpaca_kto": Preset(
        "LLaMA-Factory's Alpaca KTO: instruction, input, output and a tag",
        frozenset({"instruction", "output", "kto_tag"}),
        Mapping(shape="labels", response="output", label="kto_tag"),
        unwrap=alpaca,
    ),
    "llamafactory_sharegpt_kto": Preset(
        "LLaMA-Factory's ShareGPT KTO: conversations and the tag of the last answer",
        frozenset({"conversations", "kto_tag"}),
        Mapping(shape="labels", response="response", label="kto_tag"),
        unwrap=partial(labelled, column="conversations"),
    ),
    "llamafactory_kto": Preset(
        "LLaMA-Factory's OpenAI-style KTO: messages and the label of the last answer",
        frozenset({"messages", "label"}),
        Mapping(shape="labels", response="response", label="label"),
        unwrap=partial(labelled, column="messages"),
    ),
    "orca": Preset(
        "Orca DPO pairs (axolotl's chatml.intel): system, question, chosen, rejected",
        frozenset({"system", "question", "chosen", "rejected"}),
        Mapping(
            shape="pairs",
            prompt=("question",),
            system="system",
            chosen="chosen",
            rejected="rejected",
        ),
    ),
    "orca_input": Preset(
        "distilabel's Orca pairs (axolotl's chatml.icr): system, input, chosen, rejected",
        frozenset({"system", "input", "chosen", "rejected"}),
        Mapping(
            shape="pairs", prompt=("input",), system="system", chosen="chosen", rejected="rejected"
        ),
    ),
    "responses": Preset(
        "axolotl's chatml.argilla: instruction, chosen_response, rejected_response",
        frozenset({"instruction", "chosen_response", "rejected_response"}),
        Mapping(
            shape="pairs",
            prompt=("instruction",),
            chosen="chosen_response",
            rejected="rejected_response",
        ),
    ),
    "trl_unpaired": Preset(
        "TRL's unpaired preference: prompt, completion and a label",
        frozenset({"prompt", "completion", "label"}),
        Mapping(shape="labels", response="completion", label="label"),
    ),
}

# Files whose columns have the plain names.
GENERAL = {
    "conversations": Preset(
        "pairs of turns or whole conversations (TRL's conversational preference)",
        frozenset({"prompt", "chosen.role", "rejected.role"}),
        Mapping(shape="pairs", chosen="chosen", rejected="rejected"),
        unwrap=pair,
    ),
    "pairs": Preset(
        "pairs of texts: prompt, chosen, rejected (TRL's preference)",
        frozenset({"prompt", "chosen", "rejected"}),
        Mapping(shape="pairs", chosen="chosen", rejected="rejected"),
    ),
    "comparisons": Preset(
        "votes between two responses: 1 the first is better, -1 the second, or between them",
        frozenset({"prompt", "response_a", "response_b", "preference"}),
        Mapping(
            shape="comparisons",
            responses=("response_a", "response_b"),
            preference=("preference",),
        ),
    ),
    "rankings": Preset(
        "rankings: prompt, a list of responses and a list of their ranks, 1 the best",
        frozenset({"prompt", "responses", "ranks"}),
        Mapping(shape="rankings", responses=("responses",), ranks=("ranks",)),
    ),
    "rated_lists": Preset(
        "rated lists: prompt, a list of responses and a list of their scores",
        frozenset({"prompt", "responses", "scores"}),
        Mapping(responses=("responses",), scores=("scores",)),
    ),
    "ratings": Preset(
        "one rating a row (prompt, response, score), or several score columns",
        frozenset({"prompt", "response", "score"}),
        Mapping(response="response", scores=("score",)),
    ),
    "labels": Preset(
        "good or bad: prompt, response, label",
        frozenset({"prompt", "response", "label"}),
        Mapping(shape="labels", response="response", label="label"),
    ),
    "hh": Preset(
        "HH-RLHF transcripts, and other pairs that repeat the prompt (TRL: implicit prompt)",
        frozenset({"chosen", "rejected"}),
        Mapping(shape="pairs", chosen="chosen", rejected="rejected"),
        unwrap=pair_of_transcripts,
    ),
    "prompts": Preset("prompts alone", frozenset({"prompt"}), Mapping(shape="prompts")),
}

PRESETS: dict[str, Preset] = {**PUBLISHED, **TOOLS, **TRAINERS, **GENERAL}


def describe() -> list[tuple[str, str, str, str]]:
    """List each format's name, shape, the columns it is recognised by, and what it is."""
    return [
        (name, preset.mapping.shape, ", ".join(sorted(preset.recognised_by)), preset.about)
        for name, preset in PRESETS.items()
    ]
