"""Write figures and foreign texts for the page.   values -> text that shows what is there

Each figure carries its own name and value, so that a test can hold the page against the JSON.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup

# What would change how a text reads without being seen: other control characters, those that
# turn the direction of writing, zero-width ones (but the joiners that scripts and emoji need),
# line separators and tags.
UNSEEN = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff"
    "\\U000e0000-\\U000e007f]"
)
UNKNOWN = "–"
MINUS = "−"


def visible(text: str) -> str:
    """Replace each invisible character of a text by its code, such as [U+202E]."""
    return UNSEEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def count(number: float) -> str:
    """Write a count with its thousands apart."""
    return f"{number:,.0f}".replace("-", MINUS)


def share(number: float) -> str:
    """Write a share in per cent."""
    return f"{number:z.1%}".replace("-", MINUS)


def decimal(number: float) -> str:
    """Write a number around zero to three decimals."""
    return f"{number:z.3f}".replace("-", MINUS)


def number(number: float) -> str:
    """Write a measured number to three digits or to the unit."""
    text = f"{number:,.0f}" if abs(number) >= 99.95 else f"{number:#.3g}"
    return text.replace("-", MINUS)


def sentence(text: str) -> str:
    """Write a clause as a sentence: a capital, and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


WRITERS: dict[str, Callable[[float], str]] = {
    "count": count,
    "share": share,
    "alpha": decimal,
    "decimal": decimal,
    "number": number,
}


class Figures:
    """The figures of an audit, by JSON pointers (RFC 6901) such as /headline/0/value."""

    def __init__(self, audit: Mapping[str, Any]) -> None:
        self.audit = audit

    def at(self, pointer: str) -> Any:
        """Return the value at a JSON pointer, None where a step of it is missing."""
        here: Any = self.audit
        for step in pointer.split("/")[1:]:
            if isinstance(here, list):
                here = here[int(step)] if int(step) < len(here) else None
            else:
                here = (here or {}).get(step.replace("~1", "/").replace("~0", "~"))
        return here

    def __call__(self, pointer: str, unit: str) -> Markup:
        """Write the figure at a pointer in its unit, with its name and its value."""
        value = self.at(pointer)
        known = isinstance(value, int | float) and not isinstance(value, bool)
        text = WRITERS[unit](value) if known else UNKNOWN
        return Markup('<data data-figure="{}" value="{}">{}</data>').format(
            pointer, value if known else "", text
        )


def below(pointer: str, *steps: str | int) -> str:
    """Return the JSON pointer to a value below another, from keys and positions."""
    names = (str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    return "/".join([pointer, *names])
