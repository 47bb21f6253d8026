"""Published preference data: each a preset of the table reader, under the columns it came with.

Column names are those of the data cards on the hub and of the projects' repositories.
"""

from rather.stages.sources.mapping import Mapping, Preset
from rather.stages.sources.templates import pandalm, prometheus, self_instruct
from rather.stages.sources.transcripts import arena, dices, helpsteer2, pair
from rather.stages.sources.trees import (
    ULTRAFEEDBACK_ASPECTS,
    helpsteer3,
    lift,
    nectar,
    openassistant,
    ultrafeedback,
)

HELPSTEER_ASPECTS = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
PREDICTIONS = tuple(f"prediction {number}" for number in range(1, 5))

PUBLISHED = {
    "pandalm": Preset(
        "PandaLM's test set: three annotators' votes, 0 for a tie",
        frozenset({"instruction", "input", "response1", "response2", "annotator1", "cmp_key"}),
        Mapping(
            shape="comparisons",
            prompt=("instruction", "input"),
            responses=("response1", "response2"),
            preference=("annotator1", "annotator2", "annotator3"),
            values={"0": 0, "1": 1, "2": -1},
            generators=("generator1", "generator2"),
            category="motivation_app",
        ),
        unwrap=pandalm,
    ),
    "dices": Preset(
        "DICES in JUDGE-BENCH's form: every rater's verdict whether the answer is unsafe",
        frozenset({"instance", "annotations"}),
        Mapping(
            response="response",
            scores=("rater",),
            # the question was whether the answer is unsafe
            values={"No": 1, "Yes": 0, "Unsure": None},
        ),
        unwrap=dices,
    ),
    "prometheus": Preset(
        "Prometheus evaluation sets: a judge template and a list of scores",
        frozenset({"instruction", "response_source", "gpt4_score"}),
        Mapping(
            response="response",
            scores=("gpt4_score",),
            generator="response_source",
            category="category",
            demonstration="demonstration",
            scale=(1, 5),
        ),
        unwrap=prometheus,
    ),
    "finegrained_qa": Preset(
        "FineGrainedRLHF's QA feedback: a vote for each pair of four predictions",
        frozenset({"question", *PREDICTIONS, "preference", "gold"}),
        Mapping(
            shape="comparisons",
            prompt=("question",),
            responses=PREDICTIONS,
            preference=("preference",),
            values={"0": 0, "1": 1, "2": -1},
            demonstration="gold",
        ),
    ),
    "ultrafeedback": Preset(
        "UltraFeedback: completions, each with GPT-4's rating of four aspects",
        frozenset({"instruction", "completions"}),
        Mapping(
            response="response",
            scores=ULTRAFEEDBACK_ASPECTS,
            aspects=True,
            rater="rater",
            generator="generator",
            category="category",
            scale=(1, 5),
        ),
        unwrap=ultrafeedback,
    ),
    "ultrafeedback_flat": Preset(
        "UltraFeedback pairs as texts, their scores under metadata",
        frozenset({"prompt", "chosen", "rejected", "source_index", "metadata"}),
        Mapping(
            shape="pairs",
            chosen="chosen",
            rejected="rejected",
            scores=("metadata.score_chosen", "metadata.score_rejected"),
        ),
        unwrap=lift("metadata"),
    ),
    "ultrafeedback_binarized": Preset(
        "UltraFeedback binarised (H4, TRL): pairs of conversations with their scores",
        frozenset({"chosen", "rejected", "score_chosen", "score_rejected"}),
        Mapping(
            shape="pairs",
            chosen="chosen",
            rejected="rejected",
            scores=("score_chosen", "score_rejected"),
        ),
        unwrap=pair,
    ),
    "argilla_binarized": Preset(
        "Argilla's cleaned UltraFeedback: pairs of conversations with models and ratings",
        frozenset({"chosen", "rejected", "chosen-rating", "rejected-rating", "chosen-model"}),
        Mapping(
            shape="pairs",
            chosen="chosen",
            rejected="rejected",
            scores=("chosen-rating", "rejected-rating"),
            generators=("chosen-model", "rejected-model"),
            category="source",
        ),
        unwrap=pair,
    ),
    "helpsteer2": Preset(
        "HelpSteer and HelpSteer2: five aspects of a response, each from 0 to 4",
        frozenset({"prompt", "response", *HELPSTEER_ASPECTS}),
        Mapping(response="response", scores=HELPSTEER_ASPECTS, aspects=True, scale=(0, 4)),
        unwrap=helpsteer2,
    ),
    "helpsteer3": Preset(
        "HelpSteer3: several annotators' preferences from -3 (the first) to 3 (the second)",
        frozenset({"context", "response1", "response2", "individual_preference"}),
        Mapping(
            shape="comparisons",
            prompt=("context",),
            responses=("response1", "response2"),
            preference=("annotator",),
            scale=(-3, 3),
            inverted=True,
            category="domain",
        ),
        unwrap=helpsteer3,
    ),
    "shp": Preset(
        "Stanford Human Preferences: which of two comments Reddit liked better",
        frozenset({"history", "human_ref_A", "human_ref_B", "labels", "domain"}),
        Mapping(
            shape="comparisons",
            prompt=("history",),
            responses=("human_ref_A", "human_ref_B"),
            preference=("labels",),
            values={"1": 1, "0": -1},
            category="domain",
        ),
    ),
    "openassistant": Preset(
        "OpenAssistant's trees of messages: people's ranks of the replies to one prompt",
        frozenset({"message_tree_id", "prompt"}),
        Mapping(shape="rankings", responses=("responses",), ranks=("ranks",)),
        unwrap=openassistant,
    ),
    "alpaca_eval": Preset(
        "AlpacaEval annotations: a preference from 1 (the first) to 2 (the second)",
        frozenset(
            {"instruction", "preference", "annotator"}
            | {f"{what}_{side}" for what in ("output", "generator") for side in (1, 2)}
        ),
        Mapping(
            shape="comparisons",
            prompt=("instruction",),
            responses=("output_1", "output_2"),
            preference=("preference",),
            scale=(1, 2),
            inverted=True,
            generators=("generator_1", "generator_2"),
            rater="annotator",
        ),
    ),
    "chatbot_arena": Preset(
        "Chatbot Arena and MT-bench votes: two conversations, the winner and the judge",
        frozenset({"conversation_a", "conversation_b", "winner", "model_a", "model_b"}),
        Mapping(
            shape="comparisons",
            responses=("response_a", "response_b"),
            preference=("winner",),
            values={"model_a": 1, "model_b": -1, "tie": 0, "tie (bothbad)": 0},
            generators=("model_a", "model_b"),
            rater="judge",
        ),
        unwrap=arena,
    ),
    "safe_rlhf": Preset(
        "PKU-SafeRLHF: which of two responses is better, and which is safer",
        frozenset(
            {"prompt", "response_0", "response_1", "better_response_id", "safer_response_id"}
        ),
        Mapping(
            shape="comparisons",
            responses=("response_0", "response_1"),
            preference=("better_response_id", "safer_response_id"),
            aspects=True,
            values={"0": 1, "1": -1},
        ),
    ),
    "nectar": Preset(
        "Nectar: GPT-4's ranks of seven models' answers to a transcript",
        frozenset({"prompt", "answers", "num_responses"}),
        Mapping(
            shape="rankings",
            responses=("responses",),
            ranks=("ranks",),
            generators=("generators",),
        ),
        unwrap=nectar,
    ),
    "webgpt": Preset(
        "WebGPT comparisons: the score of the first answer, from -1 to 1",
        frozenset({"question", "answer_0", "answer_1", "score_0", "score_1"}),
        Mapping(
            shape="comparisons",
            prompt=("question.full_text",),
            responses=("answer_0", "answer_1"),
            preference=("score_0",),
            scale=(-1, 1),
            category="question.dataset",
        ),
        unwrap=lift("question"),
    ),
    "self_instruct": Preset(
        "Self-Instruct user-oriented prompts: an instruction and its instances",
        frozenset({"instruction", "instances"}),
        Mapping(shape="prompts"),
        unwrap=self_instruct,
    ),
    "turns": Preset(
        "MT-bench, Vicuna and Arena-Hard questions: prompts as lists of user turns",
        frozenset({"question_id", "turns"}),
        Mapping(shape="prompts", prompt=("turns",)),
    ),
}
