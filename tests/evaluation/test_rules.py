from pathlib import Path

import pytest

from onelook.evaluation.rules import RULES, Rules, find_rules
from onelook.structures.errors import UserError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "evaluation.md"


def test_rules_that_do_not_exist_are_refused_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"voc07, voc10.*'voc7'; did you mean 'voc07'"):
        find_rules("voc7")


@pytest.mark.parametrize("rules", RULES.values(), ids=list(RULES))
def test_every_rule_says_what_it_decides(rules: Rules) -> None:
    assert set(rules.choices()) >= {"interpolation", "IoU", "detections", "crowd", "difficult", "ties"}


def test_the_page_says_what_the_rules_decide() -> None:
    lines = PAGE.read_text().splitlines()

    for choice in RULES["coco"].choices():
        row = " | ".join(rules.choices()[choice] for rules in RULES.values())
        assert f"| {choice} | {row} |" in lines
