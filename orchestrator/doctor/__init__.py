"""What goes wrong on real machines: each finding with its cause and its cure.

Pure: facts about a machine go in, findings come out. `orchestrator/runtime/machine` gathers the
facts; `orchestrator/doctor/proposal.py` makes a first router.yaml out of the same ones.
"""

from orchestrator.doctor.examine import examine, exit_code
from orchestrator.doctor.machine import Machine
from orchestrator.doctor.report import report
from orchestrator.doctor.words import Finding

__all__ = ["Finding", "Machine", "examine", "exit_code", "report"]
