"""The leaderboard: a Streamlit app over the results database. Start it with `streamlit run leaderboard/app.py`."""
