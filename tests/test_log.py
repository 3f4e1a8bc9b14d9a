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


def test_messages_are_logged_to_the_file_with_tracebacks(tmp_path, logger):
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


def test_starting_the_log_twice_writes_each_line_once(tmp_path, logger):
    file = start_log(tmp_path / "a.log")
    assert start_log(tmp_path / "a.log") == file
    logger.info("said once")
    assert file.read_text().count("said once") == 1


def test_the_log_has_a_limited_size(tmp_path, logger):
    file = start_log(tmp_path / "a.log")
    for _ in range(50):
        logger.info("x" * 100_000)
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == 3
    assert sum(sizes) < 3_500_000
    assert file.exists()


def test_a_log_folder_that_cannot_be_created_is_reported_without_an_error(tmp_path, logger, caplog):
    (tmp_path / "file").touch()
    start_log(tmp_path / "file" / "a.log")
    assert "the log cannot be written" in caplog.text
    logger.error("goes on")


def test_the_log_is_in_the_standard_folder_of_the_system():
    assert log_file().is_absolute()
    assert log_file().name == "activepick.log"
