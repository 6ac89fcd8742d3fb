"""What a detector would have raised: a trial over stored history, beside the version in force.

The judged is the detector's code with other parameters, or the code as it is; the history is the
hypertable's, or a file that ``python -m simulators world --dry`` wrote; the truth is what workshops
found, or what that file's world knows. Each vehicle is a job of its own, so all cores work at once,
and the same jobs run on a cluster (`detectors.backtest.engines`) when one machine is not enough.
"""
