"""The progress of a long run of requests to a model, on stderr."""

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

NUM_PREVIEWED, PREVIEWED = 3, 80  # answers, and characters of each


class Watch:
    """A progress line: answers, tokens a second, time left; above it, the first answers."""

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

    def count(self, conversations: pl.Series, rows: pl.DataFrame, seconds: float) -> None:
        """Count a chunk's answers and tokens; after the first chunk, print how some answers begin.

        Args:
            conversations: the messages that each row answers.
            rows: text and num_tokens of each answer.
            seconds: that the chunk took.
        """
        if self._tokens == 0:
            self._preview(conversations, rows["text"])
        self._tokens += int(rows["num_tokens"].sum())
        self._seconds += seconds
        speed = self._tokens / self._seconds
        self._bar.update(self._task, advance=rows.height, speed=speed)

    def _preview(self, conversations: pl.Series, texts: pl.Series) -> None:
        """Print the beginnings of a few answers as literals: a model's text commands nothing."""
        shown: dict[str, str] = {}
        for messages, text in zip(conversations, texts, strict=True):
            if text is not None and len(shown) < NUM_PREVIEWED:
                shown.setdefault(messages[-1]["content"][:PREVIEWED], text[:PREVIEWED])
        for question, answer in shown.items():
            line = f"{question!a} -> {answer!a}"
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
