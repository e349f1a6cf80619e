"""One run of a shared engine, as a reader sees it: whether it runs, its books, and their memory."""

from __future__ import annotations

import mmap
import os
import time
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from depthactors.errors import BookNotSharedError, EngineGoneError, SharingError
from depthactors.sharing.listing import read_list
from depthactors.sharing.ownership import open_file, open_folder
from depthactors.sharing.place import BOOKS, ENGINE, PREFIX, is_held, parts_of
from depthactors.sharing.pulse import PULSE_LIMIT, PulseReader
from depthactors.sharing.record import record_room
from depthactors.sharing.slot import SlotReader

if TYPE_CHECKING:
    from pathlib import Path

    from depthactors.sharing.listing import SharedBook

_LOOK_AGAIN: Final = 0.01
"""Seconds for which an engine that held its lock counts as running: a look costs as much as half a view."""


@dataclass(frozen=True, slots=True)
class _Listing:
    """A version of the list of books.

    Attributes:
        version: its number.
        books: place of each book.
        found: slot for each symbol, market and speed that was asked for.
    """

    version: int
    books: dict[SharedBook, str]
    found: dict[tuple[str, str | None, int | None], SlotReader]


class Attached:
    """The folder of an engine that ran when this was made. It is mapped for reading only. Thread: any."""

    def __init__(self, path: Path, users: frozenset[int]) -> None:
        """Open it.

        Args:
            path: path of the folder.
            users: numbers of the users whose engines are trusted.

        Raises:
            EngineGoneError: no engine runs there.
            SharingError: the engine may not be read, is another user's, or is of another version.
        """
        self._path = path
        try:
            self._folder = open_folder(path, users)
            # Closed with the last reference: a thread may take a view while another one attaches again.
            weakref.finalize(self, os.close, self._folder)
            self._lock = open_file(self._folder, ENGINE, path)
            weakref.finalize(self, os.close, self._lock)
            # Before its lock: an engine of another version may have another lock.
            self._pulse = PulseReader(mmap.mmap(self._lock, 0, access=mmap.ACCESS_READ), str(path))
            if not is_held(self._lock):
                raise EngineGoneError(self._words("was killed, or ended without being stopped"))
        except (FileNotFoundError, ValueError):
            # It is not there, or just being made.
            raise EngineGoneError(self._words("does not run on this machine")) from None
        except OSError as error:
            msg = f"expected to read the shared engine in {path}: {error}"
            raise SharingError(msg) from error
        self._held_at = time.monotonic()
        self._listing = _Listing(-1, {}, {})
        self._slots: dict[str, SlotReader] = {}
        # The slots in a memory keep it.
        self._memories: weakref.WeakValueDictionary[str, mmap.mmap] = weakref.WeakValueDictionary()

    @property
    def alive(self) -> bool:
        """Whether the engine runs; noticed at once after a stop, within a hundredth of a second after a kill."""
        if self.ended:
            return False
        now = time.monotonic()
        if now - self._held_at > _LOOK_AGAIN:
            if not is_held(self._lock) or (self.stuck and self._is_replaced()):
                return False
            self._held_at = now
        return True

    def _is_replaced(self) -> bool:
        """Whether another engine has the name, though this one's lock is held: any reader of the file can hold it."""
        try:
            return not os.path.samestat(os.fstat(self._lock), (self._path / ENGINE).stat())
        except OSError:
            return True

    @property
    def ended(self) -> bool:
        """Whether it was stopped: then every book that had not failed is stopped, whatever its slot shows."""
        return self._pulse.ended

    @property
    def stuck(self) -> bool:
        """Whether it has given no sign of life for `PULSE_LIMIT` seconds."""
        return self._pulse.stuck

    @property
    def farewell(self) -> str:
        """Words for its end."""
        return self._words("was stopped" if self.ended else "was killed, or ended without being stopped")

    @property
    def silence(self) -> str:
        """Words for an engine that is stuck."""
        return self._words(f"has given no sign of life for {PULSE_LIMIT:g} s")

    @property
    def torn(self) -> int:
        """Number of records that were being written while they were read."""
        return sum(slot.torn for slot in tuple(self._slots.values()))

    def books(self) -> tuple[SharedBook, ...]:
        """List the books."""
        return tuple(self._latest().books)

    def slot(self, symbol: str, market: str | None, speed_ms: int | None) -> SlotReader:
        """Return the slot of a book; O(1), the first time O(books).

        Raises:
            BookNotSharedError: no such book is shared, or several are; the message lists them.
        """
        listing = self._latest()
        wanted = (symbol, market, speed_ms)
        slot = listing.found.get(wanted)
        if slot is None:
            slot = listing.found[wanted] = self._opened(*self._one(listing.books, *wanted))
        return slot

    def _one(
        self, books: dict[SharedBook, str], symbol: str, market: str | None, speed_ms: int | None
    ) -> tuple[SharedBook, str]:
        same = [(book, place) for book, place in books.items() if book.symbol == symbol]
        fitting = [
            (book, place) for book, place in same if market in {None, book.market} and speed_ms in {None, book.speed_ms}
        ]
        if len(fitting) == 1:
            return fitting[0]
        wanted = " ".join(str(each) for each in (symbol, market, speed_ms and f"{speed_ms} ms") if each is not None)
        listed = [f"{book.symbol} {book.market} {book.speed_ms} ms" for book, _ in fitting or same]
        listed = listed or [*dict.fromkeys(book.symbol for book in books)]
        named = ", ".join(listed[:10]) + (", ..." if len(listed) > 10 else "") or "no book"
        if fitting:
            words = f"shares {len(fitting)} books {wanted}: {named}; add market= or speed_ms="
        else:
            words = f"does not share {wanted}; it shares {named}"
        raise BookNotSharedError(self._words(words))

    def _opened(self, book: SharedBook, place: str) -> SlotReader:
        slot = self._slots.get(place)
        if slot is None:
            file, begin = parts_of(place)
            try:
                memory = self._memories.get(file)
                if memory is None:
                    memory = self._memories[file] = self._mapped(file)
                slot = self._slots[place] = SlotReader(memory, record_room(book.depth), begin)
            except FileNotFoundError:
                raise BookNotSharedError(self._words(f"does not share {book.symbol} any more")) from None
            except (OSError, ValueError) as error:
                msg = f"expected to read {book.symbol} in {self._path / file}: {error}"
                raise SharingError(msg) from error
        return slot

    def _latest(self) -> _Listing:
        """Return the list of books, read again if it has changed; after the engine's end the last list."""
        listing, version = self._listing, self._pulse.listed
        if version == listing.version:
            return listing
        try:
            books = read_list(self._read(BOOKS))
        except FileNotFoundError:
            # The engine has just ended.
            return listing
        except OSError as error:
            msg = f"expected to read the list of books in {self._path}: {error}"
            raise SharingError(msg) from error
        places = set(books.values())
        self._slots = {place: slot for place, slot in self._slots.copy().items() if place in places}
        # Without a lock: if another thread replaces it by an older one, the list is read once more.
        listing = self._listing = _Listing(version, books, {})
        return listing

    def _read(self, file: str) -> bytes:
        with os.fdopen(open_file(self._folder, file, self._path), "rb") as opened:
            return opened.read()

    def _mapped(self, file: str) -> mmap.mmap:
        descriptor = open_file(self._folder, file, self._path)
        try:
            return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        finally:
            os.close(descriptor)

    def _words(self, what: str) -> str:
        return f"the engine {self._path.name.removeprefix(PREFIX)!r} {what}"
