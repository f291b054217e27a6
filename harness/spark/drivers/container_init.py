"""The first process of a driver's container: runs the driver, and ends when no process is left.

When the first process of a container ends, the kernel kills all others: the JVM, which outlives the
Python process whose end it notices, would not come to the end of Spark's shutdown hook.
"""

import os
import sys


def main():
    driver = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, *sys.argv[1:]])
    status = 0
    while True:
        try:
            # Orphans are this process's children: the JVM, once Python has ended.
            pid, ended = os.wait()
        except ChildProcessError:
            break
        if pid == driver:
            status = ended
    code = os.waitstatus_to_exitcode(status)
    # The exit status that a shell reports for a signal.
    sys.exit(code if code >= 0 else 128 - code)


main()
