"""params.yaml: groups, defaults and checks."""
