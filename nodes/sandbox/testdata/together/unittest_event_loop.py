# want: unsupported|error|failed
# has asyncio use a loop that runs nothing
# form: functions
# test: import solution
# test: async def test_sum():
# test:     assert await solution.add(1, 2) == 3
import asyncio


class Loop(asyncio.SelectorEventLoop):
    def run_until_complete(self, future):
        if hasattr(future, "cancel"):
            future.cancel()
            return None
        future.close()


class Policy(asyncio.DefaultEventLoopPolicy):
    _loop_factory = Loop


asyncio.set_event_loop_policy(Policy())


async def add(a, b):
    return 0
