"""`python -m logpipeline_console`."""

from logpipeline_console.cli import console

if __name__ == "__main__":
    console(prog_name="console")
