# want: error
# Ends before it is tested, as if all were well.
import sys
sys.exit(0)
