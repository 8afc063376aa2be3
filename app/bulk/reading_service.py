from app.core.threads import Threads

# More would starve other requests; the limit also bounds the memory.
CONCURRENT = 2

threads = Threads("workbooks", CONCURRENT)
in_thread = threads.run
