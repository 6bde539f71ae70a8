"""From the daemon's report to what a person reads: pure, and in plain words.

Templates only place what stands here, so every sentence of the page can be tested without
a browser, and every decision (what is a problem, which choice is the current one) is made once.
"""
