"""The pages. app.py names them; each runs when it is visited."""
