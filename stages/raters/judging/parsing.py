"""What a judge's answer says: a number for each aspect, or why it says none."""

import json

from rather.stages.raters.judging.judge_options import Options
from rather.stages.raters.judging.wording import PREFERENCES

CUT, EMPTY, NOT_JSON = "cut_off", "empty_answer", "not_json"
NO_SCORE, NO_PREFERENCE = "not_on_scale", "not_a_preference"


def parse(text: str | None, finish_reason: str | None, options: Options) -> dict[str, float | str]:
    """Read each aspect's score, or preference for the first answer; a text is the reason of none.

    Nothing is guessed: a score that is only near the form is none.
    """
    found = _object(text or "")
    if isinstance(found, str):
        reason = CUT if finish_reason == "length" else found
        return dict.fromkeys(options.aspects, reason)
    read = _score if options.by == "pointwise" else _preference
    return {aspect: read(found.get(aspect), options) for aspect in options.aspects}


def _object(text: str) -> dict[str, object] | str:
    """Read a JSON object, or say why there is none."""
    if not text.strip():
        return EMPTY
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return NOT_JSON
    return found if isinstance(found, dict) else NOT_JSON


def _score(given: object, options: Options) -> float | str:
    lowest, highest = options.scale
    whole = isinstance(given, int | float) and not isinstance(given, bool)
    if not whole or given not in range(lowest, highest + 1):
        return NO_SCORE
    return float(given)  # type: ignore[arg-type]


def _preference(given: object, options: Options) -> float | str:
    return PREFERENCES.get(given, NO_PREFERENCE) if isinstance(given, str) else NO_PREFERENCE
