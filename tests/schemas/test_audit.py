"""The types of audit.json, and its JSON schema."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from rather.auditing.audit_folder import FIGURES
from rather.registry import runner
from rather.schemas.audit import audit_schema, checked_audit
from tests.pipeline.curated import ALL, curated
from tests.pipeline.ratings import GOOD


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The figures of a real run."""
    run = curated(tmp_path_factory.mktemp("typed") / "run", {"r.jsonl": GOOD}, ALL)
    runner("report")(run)
    figures: dict[str, Any] = json.loads((run.data / "report" / FIGURES).read_text())
    return figures


def test_a_real_audit_fits_the_published_schema(audit: dict[str, Any]) -> None:
    """By another validator than the one that wrote it."""
    jsonschema.validate(audit, audit_schema())


def test_checking_changes_nothing(audit: dict[str, Any]) -> None:
    """Keys keep the order they come in, and values their types."""
    turned = dict(reversed(audit.items()))
    assert json.dumps(checked_audit(turned)) == json.dumps(turned)


@pytest.mark.parametrize(
    "change",
    [{"kind": "rows"}, {"verdict": None}, {"more": 1}, {"totals": {"pairs": -1}}, {"next": [1]}],
)
def test_a_figure_of_another_type_is_an_error(
    audit: dict[str, Any], change: dict[str, Any]
) -> None:
    """A wrong value, a missing one, and one more than there are."""
    with pytest.raises(ValidationError):
        checked_audit(audit | change)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(audit | change, audit_schema())


def test_the_schema_is_printed(tmp_path: Path) -> None:
    """`python -m rather.schemas.audit` writes it to stdout."""
    command = [sys.executable, "-m", "rather.schemas.audit"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == audit_schema()
