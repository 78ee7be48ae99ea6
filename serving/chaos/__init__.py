"""What the service survives, shown by doing it to a running one: ``make chaos``.

Each file has what is done for a row or two; `serving.chaos.__main__` lists and prints them.
"""
