"""What the readers of this room say about a message beside what they found. Each is a word; screens and logs have the sentence for it."""

from __future__ import annotations

# the header
NO_HEADER = "no-header"  # the first line is no field: all of it is body
BROKEN_HEADER = "broken-header"  # a line that is no field ended the header
HEADER_TOO_LONG = "header-too-long"  # fields beyond the caps are left out
# the parts
AMBIGUOUS = "ambiguous"  # two types, two boundaries, or an encoding where none may be: shown as text
NO_BOUNDARY = "no-boundary"
NO_PARTS = "no-parts"  # a multipart in which no part begins
UNCLOSED = "unclosed"  # the last boundary is missing: the message may have been cut off
BAD_TYPE = "bad-type"
TOO_DEEP = "too-deep"
TOO_MANY_PARTS = "too-many-parts"
TOO_MANY_LINES = "too-many-lines"  # lines that look like boundaries
