"""`python -m logpipeline_generator generate|produce`: the container's entry point."""

import click

from logpipeline.plain import CommandGroup
from logpipeline_generator.cli import generate, produce


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """Make up access-log records, or replay those of files, into a Kafka topic."""


main.add_command(generate)
main.add_command(produce)

if __name__ == "__main__":
    main(prog_name="logpipeline_generator")
