# want: unsupported|error|failed
# has asyncio run nothing
# form: functions
# test: import solution
# test: async def test_sum():
# test:     assert await solution.add(1, 2) == 3
import asyncio


def run(coroutine, **_):
    coroutine.close()


asyncio.run = run


async def add(a, b):
    return 0
