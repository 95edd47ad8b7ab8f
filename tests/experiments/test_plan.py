from pathlib import Path

import pytest

from onelook.experiments.plan import expand
from onelook.experiments.plan_file import read_plan
from onelook.experiments.request import Request
from onelook.structures.errors import UserError

HEAD = '[networks]\ntiny = "tiny.cfg"\n[data]\ncells = "cells"\n'


def runs(folder: Path, text: str, head: str = HEAD) -> list[Request]:
    path = folder / "plan.toml"
    path.write_text(head + text if text.startswith("[") else text + "\n" + head)
    return expand(read_plan(path))


def test_axes_multiply_in_their_order(tmp_path: Path) -> None:
    found = runs(tmp_path, "[settings]\nwidth = 64\n[axes]\nbatch = [4, 8]\nepochs = [1, 5]")

    assert [each.name for each in found] == [
        "tiny-batch4-epochs1",
        "tiny-batch4-epochs5",
        "tiny-batch8-epochs1",
        "tiny-batch8-epochs5",
    ]
    assert found[1].axes == {"batch": 4, "epochs": 5}
    assert found[1].settings == {"width": 64, "batch": 4, "epochs": 5, "seed": 0}


def test_a_zip_is_one_axis_and_so_is_a_list(tmp_path: Path) -> None:
    zipped = "[[zip]]\nbatch = [4, 8]\nlearning_rate = [0.001, 0.002]\n"
    listed = '[[list]]\nname = "plain"\nmosaic = 0\n[[list]]\nname = "much"\nmosaic = 1.0\naugment.flip = 0.1\n'

    found = runs(tmp_path, zipped + listed)

    assert [each.axes for each in found] == [
        {"batch": 4, "learning_rate": 0.001, "mosaic": 0},
        {"batch": 4, "learning_rate": 0.001, "mosaic": 1.0, "augment.flip": 0.1},
        {"batch": 8, "learning_rate": 0.002, "mosaic": 0},
        {"batch": 8, "learning_rate": 0.002, "mosaic": 1.0, "augment.flip": 0.1},
    ]
    assert found[1].name == "tiny-batch4-learning_rate0.001-much"


def test_several_networks_data_sets_and_seeds_are_axes_too(tmp_path: Path) -> None:
    (tmp_path / "tiny.cfg").write_text("")
    head = (
        'repeats = 2\n[networks]\ntiny = {network = "tiny.cfg", weights = "w/tiny.weights"}\nyolov3-tiny = {}\n'
        '[data]\na = "../a"\nb = {path = "b", format = "coco"}\n'
    )

    found = runs(tmp_path, "", head)

    assert len(found) == 8
    assert found[0].name == "tiny-a-s0"
    assert found[0].axes == {"network": "tiny", "data": "a"}
    assert (found[0].network.network, found[0].network.weights) == (
        str(tmp_path / "tiny.cfg"),
        tmp_path / "w/tiny.weights",
    )
    assert (found[-1].network.network, found[-1].data.path, found[-1].data.format) == (
        "yolov3-tiny",
        tmp_path / "b",
        "coco",
    )
    assert [each.seed for each in found[:2]] == [0, 1]
    assert found[1].settings == {"seed": 1}


def test_what_is_excluded_is_left_out(tmp_path: Path) -> None:
    found = runs(
        tmp_path, "[axes]\nbatch = [4, 8]\nepochs = [1, 5]\n[[exclude]]\nbatch = 8\nepochs = 5\n[[exclude]]\nbatch = 4"
    )

    assert [each.axes for each in found] == [{"batch": 8, "epochs": 1}]


def test_a_run_is_told_to_the_trainer_in_its_own_words(tmp_path: Path) -> None:
    head = '[networks]\ntiny = {network = "yolov3-tiny", weights = "w"}\n[data]\nb = {path = "b", format = "coco"}\n'
    one = runs(tmp_path, "[axes]\ntensorboard = [false]\nhead = [[256, 128]]\n", head)[0]

    assert one.words(Path("out")) == [
        *("yolov3-tiny", str(tmp_path / "b"), "--out", "out", "--format", "coco", "--weights", str(tmp_path / "w")),
        *("--set", "tensorboard=false", "--set", "head=256,128", "--set", "seed=0"),
    ]
    assert one.words_to_resume(Path("out"))[-1] == "--resume"


def test_a_very_long_name_is_cut_and_stays_its_own(tmp_path: Path) -> None:
    names = [
        each.name
        for each in runs(
            tmp_path, f'[[list]]\nname = "{"x" * 200}a"\nbatch = 1\n[[list]]\nname = "{"x" * 200}b"\nbatch = 2'
        )
    ]

    assert len(set(names)) == 2
    assert max(map(len, names)) <= 120


WRONG = {
    "an unknown setting": (
        "[settings]\nlearning_rat = 1",
        "unknown setting 'learning_rat'; did you mean 'learning_rate'?",
    ),
    "an unknown axis": ("[axes]\nbatches = [1]", "unknown setting 'batches'"),
    "a setting out of range": ("[axes]\nepochs = [1, -5]", "tiny-epochs-5: epochs: expected 0.001 to 1e+06, got -5"),
    "an unknown table": ("[axis]\nbatch = [1]", "unknown 'axis'; did you mean 'axes'?"),
    "an axis without values": ("[axes]\nbatch = []", "axes.batch: expected a list of values"),
    "an axis that is no list": ("[axes]\nbatch = 4", "axes.batch: expected a list of values, got 4"),
    "columns of two lengths": (
        "[[zip]]\nbatch = [1, 2]\nepochs = [1]",
        "zip 1: expected lists of one length, got batch=2, epochs=1",
    ),
    "a setting on two axes": (
        "[axes]\nbatch = [1]\n[[zip]]\nbatch = [2]",
        "batch: expected it on one axis, got it on two",
    ),
    "two runs of one name": ("[axes]\nbatch = [4, 4]", "tiny-batch4: expected a name for one run, got two"),
    "two names alike": (
        '[[list]]\nname="a"\nbatch=1\n[[list]]\nname="A"\nbatch=2',
        "tiny-A: expected a name for one run",
    ),
    "an exclusion of nothing": (
        "[axes]\nbatch = [4]\n[[exclude]]\nbatch = 5",
        "exclude batch=5: expected a rule that some run meets",
    ),
    "nothing left": ("[axes]\nbatch = [4]\n[[exclude]]\nbatch = 4", "expected at least one run"),
    "a seed as an axis": ("[axes]\nseed = [1, 2]", "seed: expected seeds = [0, 1, 2], or repeats = 3, got an axis"),
    "a seed as a setting": ("[settings]\nseed = 1", "settings: expected seeds = [0, 1, 2]"),
    "both kinds of repeats": ("seeds = [1]\nrepeats = 2", "expected seeds or repeats, got both"),
    "seeds in words": ('seeds = ["one"]', "seeds: expected whole numbers"),
    "half a retry": ("retries = 0.5", "retries: expected a whole number, 0 to 100, got 0.5"),
    "a limit in words": ('[limits]\ntime = "long"', "limits: time: expected a time such as 2h"),
    "a limit without a unit": ('[limits]\nmemory = "400"', "limits: memory: expected a size such as 4GB"),
    "an unknown limit": ('[limits]\nmem = "4GB"', "unknown setting 'mem'"),
    "two settings that contradict": (
        "[axes]\nepochs = [1]\nmax_batches = [5]",
        "epochs=1 and max_batches=5: expected one of the two",
    ),
    "a range without a search": ("[axes]\nbatch = {low = 1, high = 4}", "ranges need a [search]"),
    "an unknown sampler": ('[search]\nsampler = "tpf"', "search: sampler: expected tpe, random, got 'tpf'"),
    "a range upside down": (
        "[axes]\nclip = {low = 4, high = 1}\n[search]\ntrials = 2",
        "axes.clip: expected low < high",
    ),
    "a setting on two axes by its two names": (
        '[axes]\nflip = [0.1]\n[[zip]]\n"augment.flip" = [0.2]',
        "augment.flip: expected it on one axis, got it on two",
    ),
    "a range without end": (
        "[axes]\nclip = {low = 1.0, high = inf}\n[search]\ntrials = 2",
        "axes.clip: expected finite numbers",
    ),
    "a range of a logarithm from 0": (
        "[axes]\nclip = {low = 0.0, high = 1.0, log = true}\n[search]\ntrials = 2",
        "axes.clip: expected with log both over 0 and no step",
    ),
    "a step of nothing": (
        "[axes]\nbatch = {low = 1, high = 4, step = 0}\n[search]\ntrials = 2",
        "axes.batch: expected low < high and a step over 0",
    ),
    "a name that leads elsewhere": ('name = "../x"', "name: expected what a folder can be called, got '../x'"),
    "a name that is a number": ("name = 5", "name: expected what a folder can be called, got 5"),
    "half a range": ("[axes]\nclip = {low = 4}\n[search]\ntrials = 2", "axes.clip: expected low and high, got no high"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_is_one_line_that_names_the_plan(tmp_path: Path, what: str) -> None:
    text, expected = WRONG[what]

    with pytest.raises(UserError) as caught:
        runs(tmp_path, text)

    assert expected in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "plan.toml"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ('[data]\na = "a"', "[networks]: expected at least one line"),
        ('[networks]\na = "a"', "[data]: expected at least one line"),
        ('[networks]\na = {netwrk = "a"}\n[data]\na = "a"', "networks.a: unknown 'netwrk'"),
        ('[networks]\na = "a"\n[data]\na = {format = "coco"}', "data.a: expected a path"),
        ("networks = = 3", "expected TOML"),
        ('[networks]\na = {weights = 5}\n[data]\na = "a"', "networks.a.weights: expected words in quotes, got 5"),
        ('[networks]\na = 5\n[data]\na = "a"', "networks.a.network: expected words in quotes, got 5"),
        ('[networks]\na = ""\n[data]\na = "a"', "networks.a.network: expected words in quotes, got ''"),
        ('[networks]\na = "a"\n[data]\na = {path = "a", format = 1}', "data.a.format: expected words in quotes"),
    ],
)
def test_a_plan_names_networks_and_data(tmp_path: Path, head: str, expected: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(head)

    with pytest.raises(UserError) as caught:
        read_plan(path)

    assert expected in str(caught.value)


def test_a_network_whose_name_no_folder_can_have_has_a_run_all_the_same(tmp_path: Path) -> None:
    found = runs(tmp_path, "", '[networks]\n"红" = "tiny.cfg"\n[data]\ncells = "cells"\n')

    assert [each.name for each in found] == ["run"]


def test_a_range_of_half_steps_is_not_of_whole_numbers(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(
        HEAD + "[axes]\nclip = {low = 1, high = 4, step = 0.5}\nbatch = {low = 1, high = 4}\n[search]\ntrials = 2"
    )

    ranges = read_plan(path).ranges

    assert (ranges["clip"].whole, ranges["batch"].whole) == (False, True)


def test_a_plan_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.toml: expected a TOML file"):
        read_plan(tmp_path / "none.toml")


def test_too_many_runs_are_refused_before_they_are_counted_out(tmp_path: Path) -> None:
    axes = "\n".join(f"{key} = {list(range(1, 101))}" for key in ("batch", "epochs", "threads", "workers"))

    with pytest.raises(UserError, match=r"expected at most 100,000 runs, got 100,000,000"):
        runs(tmp_path, f"[axes]\n{axes}")
