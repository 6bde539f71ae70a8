"""The supervisor of one egress: the first process of the container of one destination.

It loads the rules before anything else, gets an address on the uplink, keeps the tunnel and
the DNS cache running, and says how they are. What it decides is pure and apart from what it
does, so that the decisions can be tested without a network.
"""
