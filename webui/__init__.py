"""The page of the home network, on which a person picks each device's way out.

It holds no privilege and no knowledge of its own: all it can do is speak to the control
socket by `orchestrator.client`.
"""
