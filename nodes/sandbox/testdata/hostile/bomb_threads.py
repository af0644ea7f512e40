# want: timeout|error|failed|killed|memory_limit
# Threads count as processes.
import threading
import time

while True:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
