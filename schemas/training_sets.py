"""Training sets in TRL's conversational format, with their lineage."""

import dataframely as dy

from rather.schemas.base import id_column, messages_column


class Dpo(dy.Schema):
    """One preference pair: a prompt, the chosen and the rejected answer, and its evidence.

    raters: of both answers;  weight: the pair's weight in training
    chosen_generator, rejected_generator: as in responses
    round:  the round of params.yaml that made it; null for the first pass
    """

    pair_id = id_column(primary_key=True)
    prompt_id = id_column()
    split = dy.String(regex="^(train|test)$")
    prompt = messages_column()
    chosen = messages_column()
    rejected = messages_column()
    chosen_id = id_column()
    rejected_id = id_column()
    chosen_score = dy.Float64(nullable=True)
    rejected_score = dy.Float64(nullable=True)
    margin = dy.Float64(nullable=True)
    p_correct = dy.Float64(nullable=True, min=0.0, max=1.0)
    agreement = dy.Float64(nullable=True, min=0.0, max=1.0)
    num_raters = dy.Int64(min=0)
    raters = dy.List(dy.String())
    chosen_generator = dy.String(nullable=True)
    rejected_generator = dy.String(nullable=True)
    round = dy.String(nullable=True)
    weight = dy.Float64(min=0.0)


class Kto(dy.Schema):
    """One labelled answer: desirable (true) or undesirable (false).

    score, rating: as in scores, null where the label comes from a pair
    weight: KTO's weight of the answer's class, so that desirable and undesirable balance
    generator, round: as in Dpo
    """

    response_id = id_column(primary_key=True)
    prompt_id = id_column()
    split = dy.String(regex="^(train|test)$")
    prompt = messages_column()
    completion = messages_column()
    label = dy.Bool()
    score = dy.Float64(nullable=True)
    rating = dy.Float64(nullable=True)
    num_raters = dy.Int64(min=0)
    raters = dy.List(dy.String())
    generator = dy.String(nullable=True)
    round = dy.String(nullable=True)
    weight = dy.Float64(min=0.0)


class DroppedLabels(dy.Schema):
    """Responses without a KTO row, each with the reason."""

    response_id = id_column(primary_key=True)
    prompt_id = id_column()
    rating = dy.Float64(nullable=True)
    reason = dy.String()


class Demonstrations(dy.Schema):
    """A prompt and an answer to imitate, for sft."""

    prompt_id = id_column(primary_key=True)
    prompt = messages_column()
    completion = messages_column()


class RewardPairs(dy.Schema):
    """A rater's preference between two answers, for training the reward model."""

    row_id = id_column(primary_key=True)
    prompt = messages_column()
    chosen = messages_column()
    rejected = messages_column()
