"""Errors: the nearest known word."""

from onelook.structures.errors import FormatError, UserError, nearest


def test_a_close_word_is_offered_and_a_far_one_is_not() -> None:
    assert nearest("bach", ["batch", "width"]) == "; did you mean 'batch'?"
    assert nearest("zzz", ["batch", "width"]) == ""


def test_a_format_error_is_a_user_s_mistake() -> None:
    assert issubclass(FormatError, UserError)
