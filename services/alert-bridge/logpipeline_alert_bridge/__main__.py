"""`python -m logpipeline_alert_bridge`: the container's entry point."""

from logpipeline_alert_bridge.cli import main

if __name__ == "__main__":
    main(prog_name="logpipeline_alert_bridge")
