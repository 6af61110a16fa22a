"""Commands: `python -m runners.run` is the main one."""
