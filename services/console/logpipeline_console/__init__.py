"""The console: one page for a whole pipeline, live or of a backtest."""
