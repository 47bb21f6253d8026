"""What a person sees of a long run of questions to a model."""

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PREVIEWED = 80  # characters


class Watch:
    """A line on stderr: answers, tokens a second, time left; above it, first answers."""

    def __init__(self, generator: str, num_answers: int, num_known: int) -> None:
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("answers, {task.fields[speed]:,.0f} tokens/s"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task(
            generator, total=num_answers, completed=num_known, speed=0.0
        )
        self._tokens, self._seconds = 0, 0.0

    def __enter__(self) -> "Watch":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def count(self, chunk: pl.DataFrame, rows: pl.DataFrame, seconds: float) -> None:
        """Count a chunk's answers and tokens; after the first, show how some answers begin."""
        if self._tokens == 0:
            self._preview(chunk, rows)
        self._tokens += int(rows["num_tokens"].sum())
        self._seconds += seconds
        speed = self._tokens / self._seconds
        self._bar.update(self._task, advance=chunk.height, speed=speed)

    def _preview(self, chunk: pl.DataFrame, rows: pl.DataFrame) -> None:
        """Print the beginnings of a few answers as literals: a model's text commands nothing."""
        said = rows.filter(pl.col("text").is_not_null(), pl.col("sample_index") == 0)
        asked = chunk.select("key", "sample_index", "messages")
        found = said.join(asked, on=["key", "sample_index"], maintain_order="left")
        for messages, text in found.head(3).select("messages", "text").rows():
            question = messages[-1]["content"]
            line = f"{question[:PREVIEWED]!a} -> {text[:PREVIEWED]!a}"
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
