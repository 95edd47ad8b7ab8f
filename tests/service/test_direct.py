import asyncio
import queue
import socket
from collections.abc import Iterator

import pytest
from tests.service.worker.conftest import asker, at_work, picture, served, served_database, wait_until

from onelook.service.clients import Client
from onelook.service.database import Database
from onelook.service.decoding import DecodeSettings
from onelook.service.direct import DirectLines, DirectRequest, ask, choose_worker
from onelook.service.jobs.job import Fault, Result, Timings
from onelook.service.scheduler import homes_of
from onelook.service.settings import ServiceSettings
from onelook.service.worker import answering as answering_module
from onelook.service.worker.answering import DECODERS, LENGTH, Answering, Call
from onelook.service.worker.run import Desk
from onelook.service.workers import WorkerInfo, live_workers

__all__ = ["asker", "picture", "served", "served_database"]


def worker(name: str, address: str = "unix:/tmp/x#t") -> WorkerInfo:
    return WorkerInfo(name, "host", 1, address, (), 0.0, 0.0)


def test_a_clients_home_is_asked_first_and_the_next_while_it_is_busy() -> None:
    workers = [worker("w1"), worker("w2"), worker("w3"), worker("deaf", "")]
    first, second, third = homes_of("acme", ["w1", "w2", "w3"])

    def chosen(**busy: int) -> str:
        found = choose_worker(workers, "acme", busy)
        assert found is not None
        return found.id

    assert chosen() == first
    assert chosen(**{first: 1}) == first
    assert chosen(**{first: 2}) == second
    assert chosen(**{first: 2, second: 5}) == third
    assert chosen(**{first: 4, second: 3, third: 3}) == second
    assert choose_worker([worker("deaf", "")], "acme") is None


def test_a_worker_answers_at_once_beside_its_jobs(
    served: ServiceSettings, served_database: Database, asker: Client, picture: bytes
) -> None:
    with at_work(served):
        wait_until(lambda: bool(live_workers(served_database)))
        (info,) = live_workers(served_database)

        async def several() -> list[Result | Fault]:
            lines = DirectLines()
            asked = [
                DirectRequest(asker.id, model, data, 0.9)
                for model, data in [(None, picture), ("nobodys", picture), (None, b"no picture"), (None, picture)]
            ]
            answers = [await lines.ask_worker(info, each) for each in asked[:1]]
            answers += await asyncio.gather(*(lines.ask_worker(info, each) for each in asked[1:]))
            assert not +lines.busy
            lines.close()
            return answers

        answers = asyncio.run(several())

    assert isinstance(answers[0], Result)
    assert isinstance(answers[3], Result)
    assert answers[0].detections == answers[3].detections
    assert [answer.code for answer in answers if isinstance(answer, Fault)] == ["model_missing", "image_unreadable"]
    with pytest.raises(OSError, match=r"socket|No such file|refused"):
        asyncio.run(ask(info.address, DirectRequest(asker.id, None, picture)))


@pytest.fixture
def answering() -> Iterator[Answering]:
    """Give the answering part alone; it sees nothing on any picture."""

    def see(call: Call) -> None:
        call.answer.set_result(Result("a/b@v", 1, 1, (), None, Timings(0, 0, 0, 0)))

    made = Answering(see, DecodeSettings(most_bytes=1 << 20), host="127.0.0.1")
    yield made
    made.close()


def test_who_does_not_know_the_token_gets_no_answer(answering: Answering, picture: bytes) -> None:
    place = answering.address.partition("#")[0]

    assert place.startswith("tcp:127.0.0.1:")
    assert isinstance(asyncio.run(ask(answering.address, DirectRequest("c", None, picture))), Result)
    with pytest.raises(ConnectionError, match="is gone"):
        asyncio.run(ask(f"{place}#another", DirectRequest("c", None, picture)))


def test_a_worker_that_stops_says_so_and_one_that_takes_too_long_is_left(answering: Answering, picture: bytes) -> None:
    answering.refuse()

    answer = asyncio.run(ask(answering.address, DirectRequest("c", None, picture)))

    assert isinstance(answer, Fault)
    assert answer.code == "stopping"
    slow = Answering(lambda call: None, DecodeSettings())
    with pytest.raises(TimeoutError):
        asyncio.run(ask(slow.address, DirectRequest("c", None, picture, seconds=0.5)))
    slow.close()


def test_pictures_that_wait_for_the_model_are_few_and_are_not_looked_at_in_vain(
    served: ServiceSettings, served_database: Database, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering_module, "MOST_DECODED", 1)
    calls: queue.Queue[Call] = queue.Queue()
    made = Answering(calls.put, DecodeSettings())
    request = DirectRequest("c", None, picture, seconds=1)

    async def one_answered() -> Result | Fault:
        asked = asyncio.create_task(ask(made.address, DirectRequest("c", None, picture)))
        call = await asyncio.to_thread(calls.get, timeout=20)
        call.release()
        while call.answer.cancelled():  # of those before, one that was being decoded when it was given up
            call = await asyncio.to_thread(calls.get, timeout=20)
            call.release()
        call.answer.set_result(Fault("x", "y"))
        return await asked

    async def many() -> list[Result | Fault | BaseException]:
        return await asyncio.gather(*(ask(made.address, request) for _ in range(6)), return_exceptions=True)

    for _ in range(DECODERS):  # whose processes begin with the first picture
        asyncio.run(one_answered())
    assert {type(answer) for answer in asyncio.run(many())} <= {TimeoutError, Fault}
    assert 1 <= calls.qsize() <= DECODERS, "each decoder may be at one that was allowed already"
    given_up = calls.get()
    wait_until(given_up.answer.cancelled)
    desk = Desk(served_database, served, "w1")
    monkeypatch.setattr(desk, "_look_at", pytest.fail)
    desk._answer(given_up)
    while not calls.empty():
        calls.get().release()
    wait_until(lambda: not made._connections)

    assert asyncio.run(one_answered()) == Fault("x", "y")
    made.close()


def test_garbage_from_strangers_ends_their_connection_alone(answering: Answering, picture: bytes) -> None:
    host, port = answering.address.partition("#")[0].removeprefix("tcp:").split(":")
    for text in (b"[]", b'{"token": "\\u00e9\\ud800"}', b'{"token": 1}', b"\xff"):
        with socket.create_connection((host, int(port)), timeout=20) as stranger:
            stranger.sendall(LENGTH.pack(len(text)) + text)
            assert stranger.recv(1) == b""

    assert isinstance(asyncio.run(ask(answering.address, DirectRequest("c", None, picture))), Result)
