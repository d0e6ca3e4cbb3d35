"""Which message is due when: a heap whose entries may be out of date beside the dates that count.

Changing a date just adds an entry; an entry that no longer agrees is dropped when it comes up. Ties have no order.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush


class Schedule:
    """{message number: due (seconds)} in order of due."""

    __slots__ = ("_heap", "due")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int]] = []
        self.due: dict[int, int] = {}

    def add(self, messnum: int, due_s: int) -> None:
        self.due[messnum] = due_s
        heappush(self._heap, (due_s, messnum))

    def discard(self, messnum: int) -> None:
        self.due.pop(messnum, None)

    def next_due(self) -> int | None:
        """Moment of the earliest entry, or None."""
        while self._heap:
            due_s, messnum = self._heap[0]
            if self.due.get(messnum) == due_s:
                return due_s
            heappop(self._heap)
        return None

    def pop(self, now_s: int) -> int | None:
        """Take the message that is due by now, or None."""
        due_s = self.next_due()
        if due_s is None or due_s > now_s:
            return None
        messnum = heappop(self._heap)[1]
        del self.due[messnum]
        return messnum

    def all_due(self, now_s: int) -> None:
        """Everything is due now (ALRM)."""
        self.due = dict.fromkeys(self.due, now_s)
        self._heap = [(now_s, messnum) for messnum in self.due]
        heapify(self._heap)

    def move(self, by_s: int) -> None:
        """Everything is due so much later."""
        self.due = {messnum: due_s + by_s for messnum, due_s in self.due.items()}
        self._heap = [(due_s, messnum) for messnum, due_s in self.due.items()]
        heapify(self._heap)

    def __len__(self) -> int:
        return len(self.due)
