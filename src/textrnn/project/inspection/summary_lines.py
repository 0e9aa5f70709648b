"""The summary of a file as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from textrnn.errors import as_line, plural
from textrnn.project.inspection.raw_file import NAMES, RawFile
from textrnn.project.inspection.summary import FileSummary

SHOWN_LABELS = 12
FEW_ROWS = 5  # of a label: too few to be in train, dev and test
LARGEST_REPEATED = 0.05  # of the rows
LARGEST_SHARE = 0.8  # of one label, from which accuracy says little
TASKS = {"classify": "classification, a label for each text", "tag": "tagging, a tag for each token"}


def summary_lines(file: RawFile, summary: FileSummary) -> list[str]:
    """What `textrnn check FILE` prints: what the file is, what is in it, and what may be wrong with it."""
    lengths = _lengths(summary)
    guess = {"encoding": f"a guess, which reads {file.guessed_words}; if letters are wrong, --text-encoding NAME"}
    lines = {
        "file": ", ".join(_describe_file(file)),
        **(guess if file.guessed_words else {}),
        "task": TASKS[summary.task],
        "language": f"{summary.language}{'' if summary.has_blanks else ', words without blanks between them'}",
        "rows": _rows(summary),
        "lengths": lengths,
        "labels" if summary.task == "classify" else "entities": _labels(summary),
        "duplicates": f"{plural(summary.repeated, 'row repeats', 'rows repeat')} the text of another",
        "conflicts": f"{plural(summary.conflicting, 'text has', 'texts have')} several labels",
    }
    width = max(map(len, lines)) + 1
    shown = [f"{name + ':':<{width}} {text}" for name, text in lines.items()]
    shown += [f"note: {note}" for note in [*notes(summary), *_of_repeated(file, summary)]]
    return [as_line(line) for line in shown]


def _of_repeated(file: RawFile, summary: FileSummary) -> Iterator[str]:
    """Rows are held out one by one, whatever their texts are, unless a group keeps them together."""
    if summary.repeated and summary.repeated >= LARGEST_REPEATED * summary.rows and not summary.grouped:
        table = file.settings.table
        column = table.tokens if summary.task == "tag" else table.text
        option = f"; --group {column} keeps them together" if file.settings.format == "table" else ""
        share = f"{100 * summary.repeated / summary.rows:.0f}% of the rows repeat the text of another"
        yield f"{share}: rows with the same text may be in both train and test, which makes scores too high{option}"


def notes(summary: FileSummary) -> list[str]:
    """What a reader should look at before training, most serious first."""
    found = [
        "; ".join(filter(None, (f"line {reject.line}: {reject.reason}", f"got {reject.got}", reject.hint)))
        for reject in summary.first_rejects
    ]
    others = sum(summary.rejected.values()) - len(found)
    if others:
        reasons = ", ".join(f"{reason} ({count:,})" for reason, count in summary.rejected.items())
        found.append(f"{plural(others, 'more row')} cannot be used; all by reason: {reasons}")
    labels, rows = summary.labels, summary.rows
    if not rows and not found:
        found.append("there are no rows")
    if summary.task == "tag" and rows and not labels:
        found.append("all tags are O: there is nothing to learn")
    if len(labels) == 1:
        found.append(f"all rows have the same label, {next(iter(labels))}: there is nothing to learn")
    if summary.task == "classify" and rows:
        if has_too_many_labels(summary):
            found.append(
                f"{plural(len(labels), 'label')} in {plural(rows, 'row')}: is the column of labels the right one?"
            )
        rare = [label for label, count in labels.items() if count < FEW_ROWS]
        if rare:
            listed = ", ".join(rare[:5]) + (", …" if len(rare) > 5 else "")
            found.append(f"{plural(len(rare), 'label has', 'labels have')} fewer than {FEW_ROWS} rows: {listed}")
        label, count = next(iter(labels.items()))
        if len(labels) > 1 and count > LARGEST_SHARE * rows:
            found.append(f"{100 * count / rows:.0f}% of the rows are {label}: look at macro-F1, not at accuracy")
    return found


def has_too_many_labels(summary: FileSummary) -> bool:
    """Whether a label has two rows on average, or fewer: it cannot be in train, dev and test."""
    return summary.task == "classify" and len(summary.labels) > 1 and 2 * len(summary.labels) >= summary.rows


def _describe_file(file: RawFile) -> Iterator[str]:
    yield str(file.path)
    yield _bytes(file.path.stat().st_size)
    if file.encoding is not None:
        yield file.encoding
    if file.delimiter is not None:
        yield f"columns separated by a {NAMES.get(file.delimiter, repr(file.delimiter))}"


def _rows(summary: FileSummary) -> str:
    parts = [f"{summary.rows:,} used", f"{sum(summary.rejected.values()):,} that cannot be used"]
    if summary.grouped:
        parts.append(f"{plural(summary.groups, 'group')} that stay{'s' if summary.groups == 1 else ''} together")
    return ", ".join(parts + ([plural(summary.blank, "blank line")] if summary.blank else []))


def _lengths(summary: FileSummary) -> str:
    unit = "token" if summary.task == "tag" else "word" if summary.has_blanks else "character"
    half, most, longest = summary.characters if unit == "character" else summary.words
    return f"half of the texts have up to {plural(half, unit)}, 95% up to {most:,}, the longest {longest:,}"


def _labels(summary: FileSummary) -> str:
    shown = [f"{label} {count:,}" for label, count in list(summary.labels.items())[:SHOWN_LABELS]]
    others = len(summary.labels) - len(shown)
    more = f", and {others:,} more" if others > 0 else ""
    return f"{len(summary.labels):,}: {', '.join(shown)}{more}" if shown else "none"


def _bytes(count: int) -> str:
    units = ("bytes", "kB", "MB", "GB")
    power = min(len(units) - 1, (len(str(count)) - 1) // 3)
    return f"{count:,} bytes" if power == 0 else f"{count / 1000**power:.3g} {units[power]}"
