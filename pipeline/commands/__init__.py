"""The commands, a file each: short callers of the package's functions."""
