"""What can happen to the router: functions that do one thing to a Ground and say what it was.

Each notes whom it concerns before it acts. None: there was nothing to do it to.
"""
