"""The porter: carries the host's LAN ports to the LAN's bridge, and the radio to the access point.

It runs in the host's network namespace and is the only thing of ours that changes anything there.
"""
