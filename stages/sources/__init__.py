"""Where rows come from: presets of one table reader, and the few readers that need code."""
