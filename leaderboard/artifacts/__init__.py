"""What runs kept of their instances, read from files or made again from the task. Nothing here imports Streamlit."""
