"""One file per stage of dvc.yaml: reads tables, calls the stage, writes tables."""
