from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onelook.service.scheduler import Queue, charge, home_of, rank, start_time

AFFINITY, AWAY, BATCH, CACHED = 32.0, 64.0, 16, 2
CLIENTS = [f"client{number}" for number in range(6)]


def queue(client: str, time: float, loaded: bool = False, home: bool = True) -> Queue:
    return Queue(client, "default", time, loaded, home)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (queue("b", 1), queue("a", 2)),
        (queue("b", 33, loaded=True), queue("a", 1.5)),
        (queue("a", 33.5), queue("b", 66, loaded=True)),
        (queue("b", 60), queue("a", 0, home=False)),
        (queue("a", 5), queue("b", 5)),
    ],
)
def test_the_least_virtual_time_comes_first_with_the_loaded_and_those_at_home_ahead(
    first: Queue, second: Queue
) -> None:
    assert rank([second, first], AFFINITY, AWAY) == [first, second]


def test_who_comes_back_starts_with_the_least_of_the_active() -> None:
    assert start_time(3.0, [10.0, 20.0], latest=50.0) == 10.0
    assert start_time(15.0, [10.0, 20.0], latest=50.0) == 15.0
    assert start_time(3.0, [], latest=50.0) == 50.0


@settings(max_examples=30, deadline=None)
@given(st.sets(st.sampled_from([f"w{number}" for number in range(12)]), min_size=2, max_size=8), st.data())
def test_when_a_worker_goes_only_its_own_clients_move(workers: set[str], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(sorted(workers)))

    for client in CLIENTS:
        home = home_of(client, workers)
        assert home in workers
        if home != gone:
            assert home_of(client, workers - {gone}) == home


def test_homes_are_spread_evenly_and_nobody_is_home_where_nobody_works() -> None:
    homes = Counter(home_of(f"c{number}", ["w1", "w2", "w3", "w4"]) for number in range(4000))

    assert home_of("c", []) is None
    assert all(900 < count < 1100 for count in homes.values())


class Simulated:
    """Workers that take from clients by the scheduler's functions alone, each keeping CACHED models."""

    def __init__(self, weights: list[float], workers: int) -> None:
        self.weights = dict(zip(CLIENTS, weights, strict=False))
        self.workers = [f"w{number}" for number in range(workers)]
        self.times = dict.fromkeys(self.weights, 0.0)
        self.waiting: Counter[str] = Counter()
        self.served: Counter[str] = Counter()
        self.emptied: Counter[str] = Counter()
        self.cached: dict[str, list[str]] = {worker: [] for worker in self.workers}
        self.loads = 0

    def send(self, client: str, count: int) -> None:
        if not self.waiting[client]:
            active = [self.times[each] for each, count in self.waiting.items() if count]
            self.times[client] = start_time(self.times[client], active, max(self.times.values()))
        self.waiting[client] += count

    def turn(self, worker: str) -> None:
        cached = self.cached[worker]
        waiting = [client for client, count in self.waiting.items() if count]
        queues = [
            queue(client, self.times[client], client in cached, home_of(client, self.workers) == worker)
            for client in waiting
        ]
        if not queues:
            return
        client = rank(queues, AFFINITY, AWAY)[0].client_id
        count = min(BATCH, self.waiting[client])
        self.waiting[client] -= count
        self.emptied[client] += not self.waiting[client]
        self.served[client] += count
        self.times[client] = charge(self.times[client], count, self.weights[client])
        if client in cached:
            cached.remove(client)
        else:
            self.loads += 1
        self.cached[worker] = [*cached, client][-CACHED:]


weights = st.lists(st.sampled_from([0.5, 1.0, 2.0, 4.0]), min_size=2, max_size=6)


@given(weights, st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_shares_are_within_a_tenth_of_the_weights(chosen: list[float], workers: int) -> None:
    simulated = Simulated(chosen, workers)
    for client in simulated.weights:
        simulated.send(client, 1_000_000)
    for number in range(int(sum(chosen)) * 100):
        simulated.turn(simulated.workers[number % workers])

    total = sum(simulated.served.values())
    for client, weight in simulated.weights.items():
        assert simulated.served[client] / total == pytest.approx(weight / sum(chosen), rel=0.1)


turns = st.lists(
    st.one_of(st.tuples(st.integers(0, 5), st.integers(1, 60)), st.integers(0, 3)), min_size=20, max_size=300
)


@given(weights, st.integers(1, 4), turns)
@settings(max_examples=50, deadline=None)
def test_nobody_who_waits_is_behind_by_more_than_the_bound_whoever_comes_and_goes(
    chosen: list[float], workers: int, events: list[tuple[int, int] | int]
) -> None:
    simulated = Simulated(chosen, workers)
    names = list(simulated.weights)
    bound = AFFINITY + (AWAY if workers > 1 else 0) + BATCH / min(chosen)
    for event in events:
        if isinstance(event, tuple):
            simulated.send(names[event[0] % len(names)], event[1])
        else:
            simulated.turn(simulated.workers[event % workers])
        waiting = [simulated.times[client] for client in names if simulated.waiting[client]]
        if waiting:
            assert max(waiting) - min(waiting) <= bound + 1e-9


@given(weights, st.integers(1, 4), turns)
@settings(max_examples=50, deadline=None)
def test_models_are_loaded_no_more_often_than_the_page_derives(
    chosen: list[float], workers: int, events: list[tuple[int, int] | int]
) -> None:
    simulated = Simulated(chosen, workers)
    names = list(simulated.weights)
    for event in events:
        if isinstance(event, tuple):
            simulated.send(names[event[0] % len(names)], event[1])
        else:
            simulated.turn(simulated.workers[event % workers])

    served = sum(
        simulated.served[client] / (AFFINITY * weight) + simulated.emptied[client]
        for client, weight in simulated.weights.items()
    )
    assert simulated.loads <= workers * (1 + served)
