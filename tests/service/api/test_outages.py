"""When to ask again for what is away."""

from onelook.service.api.outages import LEAST, MOST, Outages


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_longer_something_is_away_the_later_it_is_worth_asking() -> None:
    clock = Clock()
    outages, told = Outages(clock), []
    for clock.now in (100.0, 100.5, 104.0, 130.0, 180.0, 220.0):
        told.append(outages.seconds("database"))

    assert told == [LEAST, LEAST, 4.0, 30.0, MOST, MOST]


def test_what_came_back_or_was_not_asked_for_begins_anew() -> None:
    clock = Clock()
    outages = Outages(clock)
    for name in ("database", "store"):
        outages.seconds(name)
    clock.now += 20

    outages.over("database")

    assert (outages.seconds("database"), outages.seconds("store")) == (LEAST, 20.0)
    clock.now += MOST + 1
    assert outages.seconds("store") == LEAST
