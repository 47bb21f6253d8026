"""Work on several things at once."""

from collections.abc import Iterator
from threading import Event, active_count

import pytest

from rather.stages.common import parallel as module
from rather.stages.common.parallel import prefetch


@pytest.fixture(autouse=True)
def two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the number of cores to two."""
    monkeypatch.setattr(module.os, "cpu_count", lambda: 2)


def test_results_come_in_order() -> None:
    """Though the first is done after the second."""
    second_done = Event()

    def work(number: int) -> int:
        if number == 1:
            second_done.set()
        assert number or second_done.wait(60)
        return number * 10

    assert list(prefetch(work, range(5))) == [0, 10, 20, 30, 40]


def test_few_things_are_taken_before_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """On one core two at work, and one whose turn it is: not a whole source, larger than memory."""
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    taken: list[int] = []

    def things() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    results = prefetch(str, things())
    assert next(results) == "0"
    assert taken == [0, 1, 2]


def test_an_error_is_raised_at_its_place() -> None:
    """What came before it is given first, and no thread is left."""
    before = active_count()
    results = prefetch(lambda number: 1 // number, [1, -1, 0, 1])
    assert [next(results), next(results)] == [1, -1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert active_count() == before
