"""A progress bar on standard error, where a person looks; programs and log files are spared it."""

import contextlib
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def bar(words: str, total: int | None, *, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """Show how far a long work is: call what this gives with how much is done. Without a total it shows it goes on."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(words, total=total)
        yield lambda done: progress.update(task, completed=done)
