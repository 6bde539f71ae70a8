"""What `orchestrator leaktest` does and how it judges.

Pure, apart from all effects: `words`, `packets` and `judge`, which say what a sighting means and
what a person reads. The run itself: `examiner` (one at a time, gone without trace), `examination`
(its course), `outage` (the kill switch) and `fieldwork` (the attempts, and where they were seen).
What touches the machine is in `orchestrator/runtime/`: `probe`, `attempts`, `watch`, `takedown`.
"""
