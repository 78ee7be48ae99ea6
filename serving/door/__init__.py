"""The door of the service: what every request passes before a route answers it, from outside in.

protocol    connections: who is too slow to ask, or to read the answer, is cut off
full        requests that nobody has room for are refused before they become any
requests    a request's id, its line in the log, its place in the metrics
access      whose key it is, and whether that may do this
bodies      the whole body, up to a limit and in time
admission   how many are answered at once; the others are told to come back
"""
