"""fullconv push"""

from __future__ import annotations

import click

from fullconv.commands.terminal import note, say


@click.command()
@click.argument("model")
@click.argument("repo", metavar="OWNER/NAME")
@click.option("--private", is_flag=True, help="Make the repository private, if it is new.")
@click.option(
    "--license", "licence", metavar="ID", help="Licence to state in the card, such as apache-2.0 or cc-by-4.0."
)
@click.option("--message", help="Commit message.  [default: the model's name and architecture]")
@click.option("--overwrite", is_flag=True, help="Replace a model from another library in that repository.")
def push(model: str, repo: str, private: bool, licence: str | None, message: str | None, overwrite: bool) -> None:
    """Upload a model to the Hugging Face hub.

    MODEL is the name of a bundled model, a model folder, or a training run's folder. Others can then use it as
    hf://OWNER/NAME with every --model option. Only the model's own files are uploaded. Log in first with
    `hf auth login`, or set HF_TOKEN.
    """
    from fullconv.weights.hub_push import push as run
    from fullconv.words import counted

    done = run(model, repo, private, licence, message, overwrite)
    if not done.licence:
        note("note: the card states no licence, so others do not know how they may use the model; add --license ID")
    say(f"pushed {counted(len(done.files), 'file')}, {done.bytes / 1e6:.1f} MB: {done.page}")
    say(f"use it: --model hf://{repo.removeprefix('hf://')}")
