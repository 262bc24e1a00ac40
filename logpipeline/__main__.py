"""`python -m logpipeline` is the same as `logpipeline`."""

from logpipeline.cli import main

if __name__ == "__main__":
    main()
