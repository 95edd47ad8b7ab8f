"""What the report draws of the machine."""

from typing import Any

from onelook.training.report.resource_plots import resource_plots

CARD = {"utilisation": 93.0, "memory": 4e9, "memory_total": 16e9, "temperature": 61.0, "power": None}


def samples(count: int, **more: Any) -> list[dict[str, Any]]:
    plain = {"cpu": [50.0, 100.0], "cpu_run": 120.0, "memory": 1e9, "available": 3e9, "gpu": []}
    return [{"time": 1000.0 + 5 * number, "step": number, **plain, **more} for number in range(count)]


def test_processor_and_memory_are_drawn_over_minutes() -> None:
    (plot,) = resource_plots(samples(10))

    assert plot.title == "Processor and memory"
    assert [name for name, _ in plot.legend] == ["all cores", "cores, this run", "memory, this run"]
    assert "minutes" in plot.svg


def test_a_card_has_a_plot_of_its_own_with_what_it_tells() -> None:
    plots = resource_plots(samples(10, gpu=[CARD]))

    assert [plot.title for plot in plots] == ["Processor and memory", "Graphics card 0"]
    assert [name for name, _ in plots[1].legend] == ["utilisation (%)", "memory (%)", "temperature (°C)"]


def test_a_pause_between_stop_and_resume_is_not_drawn() -> None:
    lines = samples(4) + [{**line, "time": line["time"] + 86400} for line in samples(4)]
    (plot,) = resource_plots(lines)

    assert "1440" not in plot.svg


def test_a_sample_of_another_version_leaves_a_gap() -> None:
    lines = samples(5)
    del lines[2]["memory"]

    assert len(resource_plots(lines)) == 1


def test_too_little_is_not_drawn() -> None:
    assert resource_plots(samples(1)) == []
