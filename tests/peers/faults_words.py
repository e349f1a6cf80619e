"""Put verdicts into words, and the words into a table. Everything said is derived from what was measured."""

from itertools import islice

AT_ONCE = 1.5
"""Seconds without a right book that nobody minds."""
LATE = 1.5
"""Seconds that a book is behind from where on it is told."""
FOR_EVER = 5.0
"""Seconds without a book at the end that are called for ever, or half of a shorter watch."""
MOST_ERRORS = 4


def seen(run):
    """Say what the user of a client saw."""
    verdict = run.verdict
    said = [*_errors(verdict.errors), *(["None"] if verdict.ends else [])]
    follows = _what_follows(verdict, bool(said))
    text = f"{', '.join(said)}, then {follows}" if said else f"nothing: {follows}"
    if verdict.worst_lag > LATE:
        text += f", up to {verdict.worst_lag:.1f} s late"
    if not run.calm:
        text += "; not right before, either"
    return text if run.ending.clean else f"{text}; {run.ending.how}"


def right_again(verdict):
    """Say when the client had a right book again."""
    if verdict.recovery is None:
        return "never"
    text = f"{verdict.recovery:.1f}"
    if verdict.gap_at_end > _for_ever(verdict):
        return f"{text}, none after {verdict.seconds - verdict.gap_at_end:.1f}"
    if verdict.longest_gap > verdict.recovery + AT_ONCE:
        return f"{text}, later {verdict.longest_gap:.1f} without"
    return text


def table_head(ours, theirs):
    """Name the columns after two clients."""
    columns = (
        "fault",
        f"what {ours}' callback sees",
        "right again after (s)",
        f"what {theirs}'s sees",
        "right again after (s)",
        "wrong books, ours / theirs",
    )
    return f"{table_line(columns)}\n{table_line(['---'] * len(columns))}"


def table_row(words, ours, theirs):
    """Make a row of two runs, each of which may be `None`."""
    cells = [words]
    for run in (ours, theirs):
        cells += ["not run", ""] if run is None else [seen(run), right_again(run.verdict)]
    return table_line([*cells, f"{_wrong(ours)} / {_wrong(theirs)}"])


def table_line(cells):
    """Make a line of a table."""
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _errors(errors):
    told = [_error(kind, count) for kind, count in islice(errors.items(), MOST_ERRORS)]
    left = len(errors) - MOST_ERRORS
    return told if left <= 0 else [*told, f"{left} other errors"]


def _error(kind, count):
    return f"error {kind}" if count == 1 else f"error {kind} {count} times"


def _what_follows(verdict, was_told):
    wrong = f"{verdict.wrong} wrong books" if verdict.wrong > 1 else "a wrong book"
    if verdict.silence > _for_ever(verdict):
        return f"{wrong}, silent for ever after" if verdict.wrong else "silent for ever"
    if verdict.gap_at_end > _for_ever(verdict):
        return "wrong books for ever"
    if verdict.wrong:
        return f"{wrong}, right ones after"
    if was_told:
        return "updates"
    if verdict.longest_gap > AT_ONCE:
        return f"silent for {verdict.longest_gap:.1f} s, right updates after"
    return "the next update is right"


def _for_ever(verdict):
    return min(FOR_EVER, verdict.seconds / 2)


def _wrong(run):
    return "-" if run is None else f"{run.verdict.wrong} of {run.verdict.books}"
