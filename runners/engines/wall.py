"""The seconds that a worker reports, checked against the clock of the process that listens."""

import math

from runners.engines.messages import Failed, Making, Said, Solved

_SLACK = 1.0  # seconds
_SHARE = 0.1  # of the time that passed
_BLINK = 0.2  # seconds between looks, as usual
_CATCH_UP = 1.0  # seconds in which everything is heard that waited while nobody looked


class Wall:
    """One worker's instances. Seconds may be off by as long as nobody looked, as where this process was stopped."""

    def __init__(self) -> None:
        self.seen: float | None = None
        self.blind = 0.0
        self.late = 0.0  # a word that is heard now may have waited for so long
        self.woke = -math.inf  # the end of the last time in which nobody looked
        self.since: float | None = None  # an instance's data was made then
        self.answered = set[int]()

    def look(self, now: float) -> None:
        """Notes that somebody looked at this time. It is to be called many times a second."""
        if now - self.woke > _CATCH_UP:
            self.late = 0.0
        if self.seen is not None and (unseen := now - self.seen - _BLINK) > 0:
            self.blind += unseen
            self.late, self.woke = self.late + unseen, now
        self.seen = now

    def heard(self, message: Said, now: float) -> Said:
        """The message; in its place a failure, where its seconds are not those that passed or where it comes again."""
        self.look(now)
        if isinstance(message, Making) and message.over:
            self.since, self.blind = now, self.late
        if not isinstance(message, Solved | Failed):
            return message
        if message.instance in self.answered:
            return _failed(message.instance, "the worker told of it twice")
        self.answered.add(message.instance)
        if isinstance(message, Solved) and self.since is not None:
            passed, told = now - self.since, message.seconds + message.aside
            if abs(told - passed) > _SLACK + _SHARE * passed + self.blind:
                return _failed(
                    message.instance,
                    f"its seconds are not those of the clock: {message.seconds:.3g} s of the method and {message.aside:.3g} s "
                    f"beside it, where {passed:.3g} s passed",
                )
        return message


def _failed(instance: int, reason: str) -> Failed:
    return Failed(instance=instance, reason=reason, trace=reason)
