"""Drawings of the leaderboard: charts of Altair, tables in HTML, pictures in PNG and WebP. Nothing here imports Streamlit."""
