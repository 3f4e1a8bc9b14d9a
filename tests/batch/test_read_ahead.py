import threading

import pytest

from activepick.batch.read_ahead import read_ahead


def test_items_are_yielded_in_order_and_few_are_read_ahead():
    ready, taken = 0, 0
    most = 0

    def read(item):
        nonlocal ready, most
        ready += 1
        most = max(most, ready - taken)
        if item == 3:
            raise ValueError("bad")
        return item * 10

    results = []
    for item, result in read_ahead(range(50), read, ahead=2):
        taken += 1
        results.append((item, result))
    assert [item for item, _ in results] == list(range(50))
    assert isinstance(results[3][1], ValueError)
    assert results[49] == (49, 490)
    assert most <= 4  # two that wait, one that is read, one that is worked on


def test_a_read_that_hangs_is_abandoned():
    dead = threading.Event()
    results = list(
        read_ahead(range(5), lambda item: dead.wait() if item == 2 else item, patience=0.2)
    )
    dead.set()
    assert [item for item, _ in results] == list(range(5))
    assert isinstance(results[2][1], TimeoutError)
    assert [result for _, result in results[3:]] == [3, 4]


def test_several_threads_read_at_the_same_time_and_in_order():
    meeting = threading.Barrier(3)

    def read(item):
        if item < 3:
            meeting.wait(10)  # passes only if three run at the same time
        if item == 4:
            dead.wait()
        return item

    dead = threading.Event()
    results = list(read_ahead(range(9), read, threads=3, patience=0.3))
    dead.set()
    assert [item for item, _ in results] == list(range(9))
    assert isinstance(results.pop(4)[1], TimeoutError)
    assert all(item == result for item, result in results)


def test_closing_the_iterator_ends_the_thread():
    before = threading.active_count()
    for _ in read_ahead(iter(int, 1), str):
        break
    for thread in threading.enumerate():
        if thread.name == "read-ahead":
            thread.join(5)
    assert threading.active_count() <= before


def test_reading_no_items_yields_nothing():
    assert list(read_ahead([], pytest.fail)) == []
