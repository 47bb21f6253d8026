"""What must be settled before torch and polars are loaded, which read it once."""

import os

SETTINGS = {
    # A thread that spins while it waits holds the core its neighbour waits for.
    "OMP_WAIT_POLICY": "PASSIVE",
    # Polars' allocator keeps freed memory for two seconds, not half of one: buckets follow each
    # other, and to ask the system for the same pages again took a twentieth of a run.
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:2000,muzzy_decay_ms:2000",
}


def prepare() -> None:
    """Set what the person has not set."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
