"""Everything that touches the world: Docker, namespaces, nftables, conntrack, files.

No other package imports docker, pyroute2, nftables or subprocess.
"""
