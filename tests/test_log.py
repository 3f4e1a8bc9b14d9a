import logging

import pytest

from activepick.log import log_file, start_log


@pytest.fixture
def logger():
    logger = logging.getLogger("activepick")
    before, level = list(logger.handlers), logger.level
    yield logger
    for handler in set(logger.handlers) - set(before):
        logger.removeHandler(handler)
        handler.close()
    logger.setLevel(level)


def test_what_modules_log_is_in_the_file_with_its_traceback(tmp_path, logger):
    file = start_log(tmp_path / "logs" / "a.log")
    try:
        raise ValueError("a worker failed")
    except ValueError:
        logging.getLogger("activepick.somewhere").exception("features")
    logging.getLogger("another.program").error("not ours")
    text = file.read_text()
    assert "ERROR activepick.somewhere" in text
    assert "Traceback" in text
    assert "ValueError: a worker failed" in text
    assert "not ours" not in text


def test_starting_twice_writes_lines_once(tmp_path, logger):
    file = start_log(tmp_path / "a.log")
    assert start_log(tmp_path / "a.log") == file
    logger.info("said once")
    assert file.read_text().count("said once") == 1


def test_it_does_not_grow_without_end(tmp_path, logger):
    file = start_log(tmp_path / "a.log")
    for _ in range(50):
        logger.info("x" * 100_000)
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == 3
    assert sum(sizes) < 3_500_000
    assert file.exists()


def test_a_folder_that_cannot_be_made_is_told_and_stops_nothing(tmp_path, logger, caplog):
    (tmp_path / "file").touch()
    start_log(tmp_path / "file" / "a.log")
    assert "the log cannot be written" in caplog.text
    logger.error("goes on")


def test_the_log_is_where_the_system_keeps_logs():
    assert log_file().is_absolute()
    assert log_file().name == "activepick.log"
