"""Preference data, from ratings to training sets: the Python API of the package.

    import rather

    audit = rather.audit(frame)            # of polars, pandas, pyarrow or datasets, or a path
    print(audit.verdict, audit.figures["headline"])
    rather.convert(frame, to="dpo").save("pairs.parquet")

`import rather` loads no other package; a function loads its own at the first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rather.api.agreement_report import Agreement, agreement
    from rather.api.audit_report import Audit, audit
    from rather.api.clear_pairs import winnow
    from rather.api.data_source import Source, read
    from rather.api.ranking import rank
    from rather.api.training_set import Converted, convert
    from rather.params.loss_names import Known
    from rather.schemas.base import BalanceError, QualityError, RatherError, UserError

    __version__: str
    losses: Mapping[str, Known]

__all__ = [
    "Agreement",
    "Audit",
    "BalanceError",
    "Converted",
    "QualityError",
    "RatherError",
    "Source",
    "UserError",
    "__version__",
    "agreement",
    "audit",
    "convert",
    "losses",
    "rank",
    "read",
    "winnow",
]
_HOMES = {
    "Agreement": "rather.api.agreement_report",
    "Audit": "rather.api.audit_report",
    "BalanceError": "rather.schemas.base",
    "Converted": "rather.api.training_set",
    "QualityError": "rather.schemas.base",
    "RatherError": "rather.schemas.base",
    "Source": "rather.api.data_source",
    "UserError": "rather.schemas.base",
    "agreement": "rather.api.agreement_report",
    "audit": "rather.api.audit_report",
    "convert": "rather.api.training_set",
    "rank": "rather.api.ranking",
    "read": "rather.api.data_source",
    "winnow": "rather.api.clear_pairs",
}


def __getattr__(name: str) -> Any:
    """Return a public name, importing its module at the first use (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        found: Any = version("rather")
    elif name == "losses":
        found = import_module("rather.params.loss_names").known_losses()
    elif name in _HOMES:
        found = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'rather' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted({*globals(), *__all__})
