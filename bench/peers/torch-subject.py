"""One contender of bench/run.ts: `torch-subject.py WORK THREADS`; each line on stdin is the milliseconds of a window (bench/subject.ts)."""
import json
import resource
import sys
import time

import torch

from torch_works import open_work


def main():
    name, threads = sys.argv[1], int(sys.argv[2])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    units, step = open_work(name)
    for _ in range(2):
        step()
    print(json.dumps({"ready": f"PyTorch {torch.__version__}"}), flush=True)
    for line in sys.stdin:
        seconds = float(line) / 1000
        steps, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < seconds:
            step()
            steps += 1
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"perSecond": steps * units / spent, "peakMiB": peak}), flush=True)


main()
