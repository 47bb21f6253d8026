"""`rather audit`: may we train on this file, and which of its rows should a person look at?"""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from rather.api.audit_report import audit, check_folder
from rather.api.data_source import read
from rather.auditing.gates import read_gates
from rather.commands.convert import Request
from rather.schemas.base import QualityError
from rather.stages.audit.formatting import visible


def audit_file(
    request: Request, out: Path, against: Path | None = None, gates: Sequence[str] = ()
) -> None:
    """Audit a source into a folder and print the verdict; if anything is raised, write nothing.

    Raises:
        UserError: The file or an option is wrong.
        QualityError: A gate is missed; the folder is written all the same.
    """
    read_gates(gates)
    check_folder(out, request.source)
    with (
        read(request.source, request.format, request.mapping) as source,
        audit(source, against=against, set=request.changes, progress=not request.quiet) as finished,
    ):
        page = finished.save(out)
        console = Console(highlight=False, soft_wrap=True, quiet=request.quiet)
        for line in (*finished.lines(), str(page)):
            console.print(visible(line), markup=False)
        sentences = finished.missed(*gates)
    if sentences:
        raise QualityError(f"{request.source}: " + "; ".join(sentences))
