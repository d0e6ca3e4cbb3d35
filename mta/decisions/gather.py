"""How long do messages that wait for a barrier wait for company?

A barrier costs about the same for one message as for twenty. Who commits as soon as one is there commits the next nineteen one barrier
later; who waits a moment commits twenty at once. But nobody must wait for company that is not to be expected.

Rule     a batch begins when as many are there as came together lately, or when the first of them has waited as long as a barrier takes, but
         PATIENCE_S at most. A message that comes alone after others that came alone does not wait at all.
"""

from __future__ import annotations

PATIENCE_S = 0.010
_FADE = 0.75  # how much of the expectation a smaller batch leaves
_WEIGHT = 0.25  # of the latest barrier in the mean


class Gather:
    """What is remembered from batch to batch. Times are seconds of a clock that never goes back."""

    __slots__ = ("_barrier_s", "_expected")

    def __init__(self) -> None:
        self._expected = 1.0
        self._barrier_s = 0.0

    def wait_s(self, count: int, since_s: float) -> float:
        """count messages are there, the first of them for since_s. -> how long to wait for more; 0: begin."""
        if count >= self._expected:
            return 0.0
        return max(0.0, min(self._barrier_s, PATIENCE_S) - since_s)

    def ended(self, count: int, barrier_s: float) -> None:
        """A batch of count messages took barrier_s."""
        self._expected = max(float(count), self._expected * _FADE)
        self._barrier_s += (barrier_s - self._barrier_s) * _WEIGHT
