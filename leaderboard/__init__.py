"""The leaderboard: a Streamlit app over the results database. Start it with `python -m leaderboard`."""
