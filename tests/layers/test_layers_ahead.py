"""Pieces made in a thread come out as they would without it."""

import threading
from collections.abc import Iterator

import pytest

from inspector.layers.ahead import read_ahead


def test_pieces_come_in_order() -> None:
    assert list(read_ahead(bytes([number]) for number in range(200))) == [bytes([number]) for number in range(200)]


def test_an_error_comes_after_the_pieces_before_it() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"one"
        yield b"two"
        raise ValueError("cut")

    ready = read_ahead(pieces())
    assert [next(ready), next(ready)] == [b"one", b"two"]
    with pytest.raises(ValueError, match="cut"):
        next(ready)


def test_a_reader_that_gives_up_stops_the_maker() -> None:
    made = 0

    def pieces() -> Iterator[bytes]:
        nonlocal made
        while True:
            made += 1
            yield b"x"

    before = set(threading.enumerate())
    ready = read_ahead(pieces())
    assert next(ready) == b"x"
    ready.close()
    assert set(threading.enumerate()) == before, "no thread is left"
    assert made < 20, "no more is made than may wait"
