"""gongkai: yearly disclosure reports of Chinese agencies, from files to a DuckDB warehouse."""
