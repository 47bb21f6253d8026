"""The runner: params, table files and their contracts, the ledger, the `rather` command."""
