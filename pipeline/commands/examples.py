"""What `--help` shows below the options of each command."""

RUN = """[bold]Examples[/bold]

rather run winnow           one stage, on the tables of the stages before it

rather run rate verifier    a stage that has one run per rater or data set

dvc repro                   every stage whose inputs changed, in order
"""

CONVERT = """[bold]Examples[/bold]

rather convert ratings.jsonl --to dpo --out pairs.parquet

rather convert stars.csv --to kto --out labels.jsonl --set source.mapping.scores=stars

rather convert 'exports/*.jsonl.gz' --to dpo --out pairs.json --format llamafactory

rather convert votes.xlsx --map votes.yaml --to dpo --out pairs.parquet

Margins are in standard deviations of the file's ratings. params.yaml lists every parameter, \
`rather sources` every format that is recognised.
"""
AGREEMENT = """[bold]Examples[/bold]

rather agreement ratings.jsonl

rather agreement votes.csv --map votes.yaml --json > agreement.json
"""
AUDIT = """[bold]Examples[/bold]

rather audit ratings.jsonl --out audit

rather audit pairs-v2.parquet --out audit-v2 --against audit-v1

rather audit votes.csv --map votes.yaml --out audit --fail-under with_care

rather audit ratings.jsonl --out audit --fail-under agreement=0.7 --fail-under length_effect=0.1

rather audit train.jsonl --out audit --set contamination.path=test.jsonl

audit/index.html is the page: it opens from disk and loads nothing. Beside it lie audit.json \
(every figure), flagged.parquet (what did not become a training pair, and every rule it fails), \
pairs.parquet (what became of each pair), worst.parquet, card.md and the Data Docs. The source's \
texts are kept under audit/data, for `rather why ID --in audit`.

--fail-under takes a verdict (yes, with_care), quality (what is declared under validate), or a \
figure with the least it may be (pairs_kept, agreement, p_correct), the most it may be \
(duplicates_and_leaks) or how far from one half (length_effect). The audit is written all the same.
"""
INIT = """[bold]Examples[/bold]

rather init votes.csv

rather init export.jsonl --out runs/params.yaml

Beside params.yaml it writes mapping.yaml, which `rather convert FILE --map mapping.yaml` takes.
"""
WHY = """[bold]Examples[/bold]

rather why 3f9a62c1d0b4e857     a pair, a prompt or a response of the last `dvc repro`

rather why 3f9a                 the beginning is enough where only one id has it

rather why 3f9a --in audit      the same of a file that `rather audit` has looked at

Ids stand in every table under data/ and in the training sets.
"""
RANK = """[bold]Examples[/bold]

rather rank candidates.jsonl --policy data/models/dpo --reference data/models/sft > ranked.jsonl

rather rank ratings.parquet --policy my-dpo --reference my-sft --beta 0.1 --out ranked.parquet

rather rank long.jsonl --policy my-dpo --reference my-sft --set max_length=4096 --out ranked.json

The reward is beta log(policy / reference) of an answer, summed over its tokens, and beside it the \
mean per token: where lengths differ much, rank_per_token is the fairer order. The best of a \
prompt's candidates has rank 1. Candidates stand one a row (prompt, response), as a list \
(prompt, responses), or in any file that `rather convert` reads.
"""
