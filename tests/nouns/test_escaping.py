"""What an image says cannot steer a terminal."""

from hypothesis import given
from hypothesis import strategies as st

from inspector.escaping import printable


def test_terminal_sequences_and_overrides_are_spelled_out() -> None:
    assert printable("a\x1b[31mb\nc") == "a\\x1b[31mb\\x0ac"
    assert printable("x\u202ey") == "x\\u202ey"
    assert printable("\U000e0001") == "\\U000e0001"
    assert printable("\ud800") == "\\ud800"


def test_ordinary_text_stays() -> None:
    assert printable("peer0 – größer") == "peer0 – größer"


def test_long_text_is_cut() -> None:
    assert printable("a" * 600, limit=10) == "a" * 10 + "…"


@given(st.text())
def test_the_result_is_one_printable_line_that_can_be_written(text: str) -> None:
    result = printable(text)
    assert all(c == " " or c.isprintable() for c in result)
    result.encode()
