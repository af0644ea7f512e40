# want: memory_limit|killed
# One process takes all memory.
hog = []
while True:
    hog.append(bytearray(16 << 20))
