"""Ctrl-C while a command is still being imported: it ends at once, as it does later, without a traceback.

The package is imported before the command's first line. So this is the first of its modules, and imports next to
nothing itself; to import it is enough, and it does nothing in any other program.
"""

import signal
import sys

_COMMAND = "depthactors"


def end_quietly() -> None:
    """Let SIGINT end this process, whose status is then 130 in a shell, until `raise_again`; in a command only."""
    # A program that was started with SIGINT ignored goes on to ignore it.
    if _is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def raise_again() -> None:
    """Let SIGINT raise `KeyboardInterrupt` again, if `end_quietly` has changed that."""
    if _is_command() and signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_command() -> bool:
    """Whether this process was started as `depthactors` or as `python -m depthactors`: it has one thread yet, then."""
    # Not `sys.argv`, which a process of `multiprocessing` has of its parent.
    words = sys.orig_argv[1:3]
    return words == ["-m", _COMMAND] or (bool(words) and words[0].rpartition("/")[2] == _COMMAND)


end_quietly()
