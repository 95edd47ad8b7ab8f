"""What in a cfg does not count as it is written is told, line by line."""

import json
from pathlib import Path

import pytest

from onelook.models.known import KNOWN, find_network
from onelook.structures.network.cfg import parse_cfg, read_cfg
from onelook.structures.network.layer import ALIASES
from onelook.structures.network.options import cfg_warnings, uses_of
from onelook.structures.network.sections.table import REFUSED, SECTIONS

NET = "[net]\nwidth=16\nheight=12\n"


def warnings_of(text: str) -> list[str]:
    return cfg_warnings(parse_cfg(NET + text, "some.cfg"))


def test_an_unknown_option_is_told_with_the_nearest_known_one() -> None:
    told = warnings_of("[convolutional]\nfliters=8\nactivation=linear\n")

    assert told == ["some.cfg:5: [convolutional] unknown option 'fliters' is ignored; did you mean 'filters'?"]


def test_an_unknown_option_of_net_is_told() -> None:
    assert cfg_warnings(parse_cfg("[net]\nlearning_rat=1\n[avgpool]\n")) == [
        "cfg:2: [net] unknown option 'learning_rat' is ignored; did you mean 'learning_rate'?"
    ]


def test_a_repeated_option_is_told_with_the_one_that_counts() -> None:
    told = warnings_of("[maxpool]\nsize=2\nstride=2\nsize=3\n")

    assert told == ["some.cfg:7: [maxpool] size is set again; the first counts, size=2 on line 5"]


def test_an_unknown_activation_is_told_to_be_what_darknet_makes_of_it() -> None:
    told = warnings_of("[convolutional]\nactivation=leeky\n")

    words = "unknown activation 'leeky' is computed as relu, as Darknet does; did you mean 'leaky'?"
    assert told == [f"some.cfg:5: [convolutional] {words}"]


def test_what_darknet_would_do_and_we_do_not_is_told_when_it_is_set() -> None:
    assert warnings_of("[route]\nlayers=-1\nstopbackward=800\nonlyforward=0\n") == [
        "some.cfg:6: [route] stopbackward=800 is not followed"
    ]


def test_aliases_have_the_options_of_their_section() -> None:
    assert warnings_of("[conv]\nfilters=3\nactivation=mish\n[max]\nsize=2\n[lrn]\nkappa=1\n") == []


def test_warnings_come_in_the_order_of_the_lines() -> None:
    told = warnings_of("[avgpool]\nb=1\n[softmax]\nd=1\nc=1\nd=2\n")

    assert [line.split(":")[1] for line in told] == ["5", "7", "8", "9"]


@pytest.mark.parametrize("name", KNOWN)
def test_the_cfgs_that_come_along_have_nothing_to_tell(name: str) -> None:
    assert cfg_warnings(find_network(name)) == []


def test_every_section_has_its_options_and_no_other_has() -> None:
    assert all(uses_of(kind) for kind in (*SECTIONS, "net"))
    assert set(ALIASES.values()) <= {*SECTIONS, "net"}
    assert not set(SECTIONS) & set(REFUSED)


def test_every_option_of_the_census_is_known(shared: Path) -> None:
    census = json.loads((shared / "reference" / "census.json").read_text())["sections"]
    unknown = []
    for header, facts in census.items():
        kind = header.strip("[]").lower()
        known = uses_of(ALIASES.get(kind, kind))
        if kind not in REFUSED:
            unknown += [f"{header} {option}" for option in facts["options"] if option not in known]

    assert unknown == []


def test_the_reference_networks_tell_only_what_they_were_made_to_show(shared: Path) -> None:
    told = {}
    for path in sorted((shared / "reference" / "layers").glob("*.cfg")):
        words = [line.rpartition("] ")[2] for line in cfg_warnings(read_cfg(path))]
        if words:
            told[path.stem] = words

    assert told == {
        "conv_unknown_activation": [
            "unknown activation 'silu' is computed as relu, as Darknet does; did you mean 'swish'?"
        ],
        "parse_quirks": [
            "filters is set again; the first counts, filters=6 on line 10",
            "unknown option 'made_up_option' is ignored",
        ],
    }
