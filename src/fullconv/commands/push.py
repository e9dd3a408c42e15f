"""fullconv push"""

from __future__ import annotations

import click

from fullconv.commands.terminal import note, say


@click.command()
@click.argument("model")
@click.argument("repo", metavar="OWNER/NAME")
@click.option("--private", is_flag=True, help="Make a new repository private.")
@click.option("--license", "licence", metavar="ID", help="The licence in the card, such as apache-2.0 or cc-by-4.0.")
@click.option("--message", help="Message of the commit.  [default: the model's name and architecture]")
@click.option("--overwrite", is_flag=True, help="Replace the model of another library in that repository.")
def push(model: str, repo: str, private: bool, licence: str | None, message: str | None, overwrite: bool) -> None:
    """Put a model on the Hugging Face hub.

    MODEL is a bundled model's name, a model folder or a run's folder. Others then use it as hf://OWNER/NAME wherever a
    model is named. Nothing but the model's own files is sent. Log in first with `hf auth login`, or set HF_TOKEN.
    """
    from fullconv.weights.hub_push import push as run
    from fullconv.words import counted

    done = run(model, repo, private, licence, message, overwrite)
    if not done.licence:
        note("note: the card states no licence, so nobody knows what they may do with the model; add --license ID")
    say(f"pushed {counted(len(done.files), 'file')}, {done.bytes / 1e6:.1f} MB: {done.page}")
    say(f"use it: --model hf://{repo.removeprefix('hf://')}")
