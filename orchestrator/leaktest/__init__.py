"""What `orchestrator leaktest` looks for and how it judges: pure, apart from all effects.

The probe and the watching of wires are in `orchestrator/runtime/`, the course of a run is in
`orchestrator/examination.py`. What a sighting means, and what a person reads, is decided here.
"""
