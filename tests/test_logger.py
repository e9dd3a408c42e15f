"""The library logs; the command line prints what is logged."""

import logging

import click
from click.testing import CliRunner

from fullconv.commands.terminal import printed_log
from fullconv.logger import logger, muted


def test_nothing_is_logged_while_muted(caplog):
    caplog.set_level(logging.INFO, logger="fullconv")
    with muted():
        logger.warning("unheard")
    logger.info("heard")
    assert caplog.messages == ["heard"]


def test_a_program_decides_how_messages_are_shown(capsys):
    logger.info("epoch 1/2")
    assert capsys.readouterr() == ("", "")


def test_the_command_line_prints_lines_and_notes_to_standard_error():
    @click.command()
    def command():
        with printed_log():
            logger.info("epoch 1/2")
            logger.warning("a class was never found")
        logger.info("after it")

    result = CliRunner().invoke(command)
    assert (result.stdout, result.stderr) == ("", "epoch 1/2\nnote: a class was never found\n")


def test_it_leaves_the_logger_as_it_was(caplog):
    before = logger.level, logger.propagate, list(logger.handlers)
    with printed_log():
        assert not logger.propagate
    assert (logger.level, logger.propagate, list(logger.handlers)) == before
