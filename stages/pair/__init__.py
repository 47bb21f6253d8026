"""Every pair within a prompt, with its evidence."""
