"""The table reader: a batch of any mapped file becomes prompts, responses and judgements."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from rather.stages.common.ids import numeric_ids, pair_numbers, response_ids
from rather.stages.sources.answered import Answers, first_reason, read_answers
from rather.stages.sources.cells import Indices, names, nothing
from rather.stages.sources.chunks import (
    COMPARISONS,
    KNOWN,
    PROMPTS,
    RATINGS,
    RESPONSES,
    SET_ASIDE,
    Chunk,
    first_prompts,
    fitted,
    judgement,
)
from rather.stages.sources.mapping import Mapping
from rather.stages.sources.presets import Preset
from rather.stages.sources.prompt_columns import Asked, read_prompts
from rather.stages.sources.rating_columns import Judged, read_judgements
from rather.stages.sources.row_batches import Batch, Row, UnreadableError, shown


@dataclass(frozen=True)
class Limit:
    """At most so many prompts, the first of a source; null is no limit."""

    most: int | None
    admitted: set[str] = field(default_factory=set)

    def excludes(self, prompts: pl.Series) -> pl.Series:
        """Admit prompts in their order, and say which of them came too late."""
        if self.most is None:
            return pl.Series("", [False]).new_from_index(0, len(prompts))
        for prompt in prompts.drop_nulls().unique(maintain_order=True):
            if len(self.admitted) < self.most:
                self.admitted.add(prompt)
        return prompts.is_not_null() & ~prompts.is_in(list(self.admitted))


@dataclass(frozen=True)
class Table:
    """A file and how it is read; `source` names it in the tables."""

    source: str
    format: str
    preset: Preset
    mapping: Mapping
    limit: Limit


@dataclass(frozen=True)
class Parts:
    """The rows that were cut out of a batch.

    origins: index of the batch's row that each was cut from
    reasons: why a row could not be cut; it is then one empty part
    """

    batch: Batch
    origins: Indices
    reasons: pl.Series


def read_batch(batch: Batch, table: Table) -> Chunk:
    """Read a batch of a file; a row that cannot be read is set aside and adds nothing."""
    parts = unwrapped(batch, table.preset)
    asked = read_prompts(parts.batch, table.mapping)
    answers = read_answers(parts.batch, table.mapping)
    judged = read_judgements(parts.batch, table.mapping, answers)
    rows = _rows(parts, asked, answers, judged, table)
    places = _places(rows, answers)
    ratings, lost_ratings = _ratings(judged.ratings, places)
    comparisons, lost_comparisons = _comparisons(judged.comparisons, places)
    if table.mapping.shape in ("pairs", "rankings"):
        comparisons = _in_no_order(comparisons)
    lost = [_lost_rows(batch, parts, rows), _lost_answers(parts, places)]
    bad = pl.DataFrame(batch.bad, {name: SET_ASIDE[name] for name in SET_ASIDE if name != "source"})
    set_aside = [
        frame.select(bad.columns) for frame in (bad, *lost, lost_ratings, lost_comparisons)
    ]
    source = pl.lit(table.source).alias("source")
    return Chunk(
        format=table.format,
        num_rows=len(batch.lines) + len(batch.bad),
        num_read=len(batch.lines) - int((lost[0]["unit"] == "rows").sum()),
        num_ratings=ratings.height + lost_ratings.height,
        num_comparisons=comparisons.height + lost_comparisons.height,
        prompts=fitted(_prompts(rows, asked).with_columns(source), PROMPTS),
        responses=fitted(_responses(places).with_columns(source), RESPONSES),
        ratings=fitted(ratings.with_columns(source), RATINGS),
        comparisons=fitted(comparisons.with_columns(source), COMPARISONS),
        set_aside=fitted(pl.concat(set_aside).with_columns(source), SET_ASIDE),
    )


def _rows(
    parts: Parts, asked: Asked, answers: Answers, judged: Judged, table: Table
) -> pl.DataFrame:
    """Return each row's prompt and what it adds to it, or the reason why it is unreadable."""
    more = {
        name: names(parts.batch.column(column))
        for name in KNOWN
        if (column := getattr(table.mapping, name))
    }
    mute = nothing(len(parts.origins)) if table.mapping.shape == "prompts" else _mute(answers)
    odd = [answers.odd, judged.odd, *(cells.reasons for cells in more.values()), mute]
    reasons = first_reason(parts.reasons, asked.each("reason"), *odd)
    ids = pl.select(pl.when(reasons.is_null()).then(asked.each("prompt_id"))).to_series()
    late = table.limit.excludes(ids)
    rows = {"prompt_id": ids, "reason": reasons, "late": late, "which": asked.which}
    rows |= {"source_line": parts.batch.lines} | {
        name: cells.values for name, cells in more.items()
    }
    return pl.DataFrame(rows).with_columns(
        prompt_id=pl.when(~pl.col("late")).then("prompt_id"),
        reason=pl.when("late").then(pl.lit("beyond_limit")).otherwise("reason"),
    )


def _mute(answers: Answers) -> pl.Series:
    """Return the first answer's reason for each row without a readable answer."""
    counts, starts = answers.places.counts, answers.places.starts
    is_readable = answers.texts.reasons.is_null().to_numpy()
    readable = np.bincount(answers.places.rows, is_readable, minlength=len(counts))
    first = pl.Series("", np.where(counts > 0, starts, -1), pl.Int64)
    why = answers.texts.reasons.gather(first.set(first < 0, None)).fill_null("no_response")
    return pl.select(pl.when(pl.Series("", readable == 0)).then(why)).to_series()


def _places(rows: pl.DataFrame, answers: Answers) -> pl.DataFrame:
    """Return a row per place of an answer; an unreadable one has a reason and no id.

    From here on ids are numbers, for what is said of an answer goes by its place.
    """
    at = pl.Series("part", answers.places.rows)
    places = rows.select(pl.col("prompt_id", "source_line").gather(at)).with_columns(
        part=at,
        text=answers.texts.values,
        unread=answers.texts.reasons,
        generator=answers.authors,
    )
    named = places.with_columns(response_id=response_ids(pl.col("prompt_id"), pl.col("text")))
    return numeric_ids(named)


def _prompts(rows: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    """Return each prompt once."""
    known = fitted(rows.drop_nulls("prompt_id"), pl.Schema({**rows.schema, **_MORE}))
    first = first_prompts(known)
    said = asked.prompts.select("messages", "later_turns")[first["which"]]
    return numeric_ids(first.with_columns(said))


_MORE = {name: PROMPTS[name] for name in KNOWN}


def _responses(places: pl.DataFrame) -> pl.DataFrame:
    """Return the answers that could be read."""
    return places.drop_nulls("response_id")


def _ratings(ratings: pl.DataFrame, places: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the ratings of readable answers, and those of unreadable ones."""
    at = places.select(
        pl.col("prompt_id", "response_id", "source_line", "unread").gather(ratings["at"])
    )
    met = pl.concat([ratings, at], how="horizontal").drop_nulls("prompt_id")
    return _parted(met, "ratings", "score")


def _comparisons(
    comparisons: pl.DataFrame, places: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the comparisons of two readable answers, and all others."""
    first = places.select(
        pl.col("prompt_id", "source_line", "unread", "response_id").gather(comparisons["first"])
    )
    second = places.select(pl.col("response_id", "unread").gather(comparisons["second"]))
    met = pl.concat(
        [
            comparisons,
            first.rename({"response_id": "first_id"}),
            second.rename({"response_id": "second_id", "unread": "other"}),
        ],
        how="horizontal",
    ).drop_nulls("prompt_id")
    same = pl.when(pl.col("first_id") == pl.col("second_id")).then(pl.lit("identical_answers"))
    return _parted(
        met.with_columns(unread=pl.coalesce("unread", "other", same)), "comparisons", "preference"
    )


def _in_no_order(met: pl.DataFrame) -> pl.DataFrame:
    """Order each pair's answers by the pair's id, as no rater saw an order.

    Best first, as pairs and rankings stand, would look like a bias. The same preference told twice
    is the same row; the opposite one is another, so that both are there to contradict each other.
    """
    first, second, told = pl.col("first_id"), pl.col("second_id"), pl.col("preference")
    best_first = pair_numbers(met["first_id"], met["second_id"]) % 2 == 0
    tied = (told == 0).fill_null(True)
    turned = pl.when(tied).then(first > second).otherwise((told > 0) != best_first)
    return met.with_columns(
        preference=pl.when(turned).then((-told).replace(-0.0, 0.0)).otherwise(told),
        first_id=pl.when(turned).then(second).otherwise(first),
        second_id=pl.when(turned).then(first).otherwise(second),
    )


def _parted(met: pl.DataFrame, unit: str, value: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the judgements whose answers are readable, and those whose are not."""
    lost = met.filter(pl.col("unread").is_not_null())
    if lost.is_empty():
        return met, lost.with_columns(unit=pl.lit(unit), detail=pl.col("rater"))
    detail = judgement(value)
    return met.filter(pl.col("unread").is_null()), lost.with_columns(
        unit=pl.lit(unit), detail=detail
    ).with_columns(reason="unread")


def _lost_rows(batch: Batch, parts: Parts, rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows without a readable part, and unreadable parts of other rows."""
    found = rows.select("prompt_id", "reason", "source_line", origin=pl.Series(parts.origins))
    is_read = pl.col("prompt_id").is_not_null()
    in_part = found.filter(is_read)["origin"].implode()
    lost = (
        found.filter(~is_read)
        .with_columns(wholly=~pl.col("origin").is_in(in_part))
        .filter(~pl.col("wholly") | pl.col("origin").is_first_distinct())
    )
    detail = pl.Series("detail", [shown(batch.row(at)) for at in lost["origin"]], pl.String)
    unit = pl.when("wholly").then(pl.lit("rows")).otherwise(pl.lit("answers"))
    return lost.with_columns(detail, unit=unit)


def _lost_answers(parts: Parts, places: pl.DataFrame) -> pl.DataFrame:
    """Return the unreadable answers of readable rows."""
    lost = places.filter(pl.col("prompt_id").is_not_null(), pl.col("response_id").is_null())
    detail = pl.Series("detail", [shown(parts.batch.row(at)) for at in lost["part"]], pl.String)
    return lost.with_columns(detail, unit=pl.lit("answers"), reason="unread")


def unwrapped(batch: Batch, preset: Preset) -> Parts:
    """Cut up every row as the format says; most formats have nothing to cut."""
    num = len(batch.lines)
    if preset.unwrap is None:
        return Parts(batch, np.arange(num), nothing(num))
    rows: list[Row] = []
    origins: list[int] = []
    reasons: list[str | None] = []
    for origin, row in enumerate(batch.objects()):
        found, reason = _cut(row, preset)
        rows += found
        origins += [origin] * len(found)
        reasons += [reason] * len(found)
    at = np.array(origins, np.int64)
    return Parts(Batch(rows, batch.lines.gather(at)), at, pl.Series("", reasons, pl.String))


def _cut(row: Row, preset: Preset) -> tuple[list[Row], str | None]:
    """Cut up one row."""
    try:
        found = preset.unwrap(row) if preset.unwrap else row
    except UnreadableError as reason:
        return [{}], str(reason)
    rows = found if isinstance(found, list) else [found]
    return (rows, None) if rows else ([{}], "nothing_in_it")
