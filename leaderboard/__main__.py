"""python -m leaderboard: see leaderboard/starting.py."""

import gc

# Until the server stands. What it imports and first computes stays: looking for garbage in it was a sixth of the time.
gc.disable()

from leaderboard.starting import main  # noqa: E402  # the line above is for it

if __name__ == "__main__":
    main()
