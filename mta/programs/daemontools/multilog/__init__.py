"""multilog: write log lines to rotated directories.

Usage    multilog ACTION ...; the actions are those of formats/multilog_script
Reads    fd 0 to its end
Writes   the directories the actions name (logdir.py); "=FILE"; fd 2 for "e" and for trouble
Exits    0 at the end of the input, or after TERM at the end of a line, with all logs on disk; 111 a directory or file cannot be used, or
         another multilog writes there
Signals  TERM leave at the end of the line: what comes after it is not read. ALRM end the log files now
Trouble  a full disk, or any other trouble with a directory once we run: say so, wait 5 seconds, try again, for ever. No line is dropped.
Limits   lines of any length; a log file is cut within a line only when that line alone is longer than the file may be
         Killed outright (KILL, power), it loses the lines it has read and not yet written: 64 KiB at most, less where files are smaller
Runs as  whoever owns the directories
Source   multilog(8)

Modules  main the loop;  lines the actions;  logdir one directory;  finishing its finished files;  patience the retries
"""

from __future__ import annotations

from mta.programs.daemontools.multilog.main import guard, main

__all__ = ["guard", "main"]
