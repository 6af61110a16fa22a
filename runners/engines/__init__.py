"""Where jobs run. An engine takes a job and yields the worker's messages."""
